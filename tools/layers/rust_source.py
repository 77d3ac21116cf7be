"""Reading a Rust file for what its modules name: declarations, imports and paths.

Not a compiler: macros are not expanded, and a method call names no module. Text in comments and
strings, and what is compiled for tests only, is left out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_NOT_CODE = re.compile(
    r"""
    //[^\n]*
  | /\*.*?\*/
  | \bb?r(?P<hashes>\#+)".*?"(?P=hashes)
  | \bb?r"[^"]*"
  | b?"(?:\\.|[^"\\])*"
  | b?'(?:\\(?:u\{[^}]*\}|x..|.)|[^'\\\n])'
    """,
    re.VERBOSE | re.DOTALL,
)
_FOR_TESTS = re.compile(r"#\s*\[\s*cfg\s*\(\s*(?:test|all\s*\(\s*test\b[^\]]*)\s*\)\s*\]")
_VISIBLE = r"(?:pub(?:\s*\([^)]*\))?\s+)?"
_USE = re.compile(r"(?P<public>\bpub(?:\s*\([^)]*\))?\s+)?\buse\s+(?P<tree>[^;]+);")
_MODULE = re.compile(rf"\b{_VISIBLE}mod\s+(?P<name>\w+)\s*(?P<end>[;{{])")
_PATH = re.compile(r"(?<![\w:])(?:::\s*)?[A-Za-z_]\w*(?:\s*::\s*[A-Za-z_]\w*)+")
_WORD = re.compile(r"[A-Za-z_]\w*")
_DEFINITION = re.compile(
    r"\b(?:fn|struct|enum|union|trait|type|const|static(?:\s+mut)?|macro_rules!)\s+(?P<name>\w+)"
)
_EXPORTED_MACRO = re.compile(r"#\s*\[\s*macro_export\s*\]\s*macro_rules!\s+(?P<name>\w+)")

Path = tuple[str, ...]


@dataclass(frozen=True)
class Import:
    """One name that a `use` brings in; the name `*` stands for all of a module."""

    name: str
    path: Path
    public: bool


@dataclass
class RustModule:
    """What one module (a file, or a `mod x { … }` in it) declares and names."""

    path: Path
    imports: list[Import] = field(default_factory=list)
    children: set[str] = field(default_factory=set)
    definitions: set[str] = field(default_factory=set)
    exported_macros: set[str] = field(default_factory=set)
    paths: set[Path] = field(default_factory=set)
    words: set[str] = field(default_factory=set)
    #: Files of these names are compiled for tests only.
    for_tests: set[str] = field(default_factory=set)


def read_modules(text: str, path: Path) -> list[RustModule]:
    """The module of a file's text and the modules written inside it."""
    module = RustModule(path)
    code = _without_tests(_NOT_CODE.sub(" ", text), module)
    return [module, *_read(code, module)]


def _without_tests(code: str, module: RustModule) -> str:
    """Cut out each item that is compiled for tests only."""
    while found := _FOR_TESTS.search(code):
        end = _item_end(code, found.end())
        for declared in _MODULE.finditer(code, found.end(), end):
            module.for_tests.add(declared["name"])
        code = code[: found.start()] + code[end:]
    return code


def _item_end(code: str, start: int) -> int:
    """Where an item ends: behind its `;`, or behind the brace that closes its body."""
    depth = 0
    for index in range(start, len(code)):
        character = code[index]
        if character in "([{":
            depth += 1
        elif character in ")]}":
            depth -= 1
            if depth == 0 and character == "}":
                return index + 1
        elif character == ";" and depth == 0:
            return index + 1
    return len(code)


def _read(code: str, module: RustModule) -> list[RustModule]:
    """Fill a module from its code; answers the modules written inside it."""
    inner: list[RustModule] = []
    while found := _inline_module(code):
        end = _item_end(code, found.end() - 1)
        child = RustModule((*module.path, found["name"]))
        module.children.add(found["name"])
        inner += [child, *_read(code[found.end() : end - 1], child)]
        code = code[: found.start()] + code[end:]
    module.children.update(declared["name"] for declared in _MODULE.finditer(code))
    module.exported_macros.update(macro["name"] for macro in _EXPORTED_MACRO.finditer(code))
    for statement in _USE.finditer(code):
        public = statement["public"] is not None
        module.imports += [Import(name, path, public) for name, path in _leaves(statement["tree"])]
    body = _MODULE.sub(" ", _USE.sub(" ", code))
    module.definitions.update(item["name"] for item in _DEFINITION.finditer(body))
    module.words.update(_WORD.findall(body))
    for path in _PATH.findall(body):
        if not path.startswith("::"):
            module.paths.add(tuple(part.strip() for part in path.split("::")))
    return inner


def _inline_module(code: str) -> re.Match[str] | None:
    """The first `mod x {` of a piece of code."""
    return next((found for found in _MODULE.finditer(code) if found["end"] == "{"), None)


def _leaves(tree: str) -> list[tuple[str, Path]]:
    """The names a `use` tree brings in, each with the whole path behind it."""
    head, brace, rest = tree.partition("{")
    prefix = tuple(part.strip() for part in head.split("::") if part.strip())
    if brace:
        branches = _branches(rest.rpartition("}")[0])
        return [_below(prefix, *leaf) for branch in branches for leaf in _leaves(branch)]
    last, _, other = prefix[-1].partition(" as ")
    if last == "*":
        return [("*", prefix[:-1])]
    return [(other.strip() or last.strip(), (*prefix[:-1], last.strip()))]


def _below(prefix: Path, name: str, path: Path) -> tuple[str, Path]:
    """A leaf of the braces behind a path; `self` in them is the path itself."""
    if path == ("self",):
        return (prefix[-1] if name == "self" else name, prefix)
    return (name, prefix + path)


def _branches(inside: str) -> list[str]:
    """Split what stands between braces at its own commas."""
    branches, depth, current = [], 0, ""
    for character in inside:
        depth += {"{": 1, "}": -1}.get(character, 0)
        if character == "," and depth == 0:
            branches.append(current)
            current = ""
        else:
            current += character
    return [branch.strip() for branch in (*branches, current) if branch.strip()]
