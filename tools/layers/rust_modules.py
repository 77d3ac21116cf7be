"""Which modules of a Rust crate use which: a module is a file of `src`.

`mod x;` alone is no use of `x`, and neither is a re-export (`pub use x::Name`): whoever names
`Name` uses the module that defines it, whichever way the name came.
"""

from __future__ import annotations

from pathlib import Path as FilePath

from layers.rust_source import Import, Path, RustModule, read_modules

#: What the file `lib.rs` or `main.rs` is called in a graph.
ROOT = "(root)"


class Crate:
    """The modules of one crate, read from a folder with `lib.rs`, `main.rs` or `mod.rs`."""

    def __init__(self, folder: FilePath) -> None:
        self._modules: dict[Path, RustModule] = {}
        #: The file of each module, by its path: one that is written inside a file has that file's.
        self._files: dict[Path, Path] = {}
        files = {_module_path(file, folder): file for file in sorted(folder.rglob("*.rs"))}
        for path, file in files.items():
            for module in read_modules(file.read_text(encoding="utf-8"), path):
                self._modules[module.path] = module
                self._files[module.path] = path
        for module in list(self._modules.values()):
            for name in module.for_tests:
                self._forget((*module.path, name))
        self._macros = {
            name: module.path
            for module in self._modules.values()
            for name in module.exported_macros
        }

    def graph(self) -> dict[str, set[str]]:
        """For each file the other files of the crate whose items it names."""
        graph: dict[str, set[str]] = {_name(file): set() for file in set(self._files.values())}
        for module in self._modules.values():
            own = self._files[module.path]
            for used in self._used_by(module):
                if (file := self._files[used]) != own:
                    graph[_name(own)].add(_name(file))
        return graph

    def _forget(self, path: Path) -> None:
        for known in [known for known in self._modules if known[: len(path)] == path]:
            del self._modules[known], self._files[known]

    def _used_by(self, module: RustModule) -> set[Path]:
        """The modules that define what a module names."""
        used: set[Path | None] = set()
        for imported in module.imports:
            if imported.name == "*":
                used |= self._used_through_glob(module, imported)
            elif not imported.public or imported.name in module.words:
                used.add(self._definer(module, imported.path))
        used.update(self._definer(module, path) for path in module.paths)
        return {path for path in used if path is not None}

    def _used_through_glob(self, module: RustModule, imported: Import) -> set[Path | None]:
        """What the words of a module that a `use x::*` brings in belong to."""
        target = self._absolute(module, imported.path)
        if target is None or target not in self._modules:
            return set()
        return {
            self._find(target, (word,), set())
            for word in module.words - module.definitions
            if self._has(target, word, set())
        }

    def _definer(self, module: RustModule, path: Path) -> Path | None:
        """The module that a path means, or that defines what it means; None when it is not ours."""
        absolute = self._absolute(module, path)
        return None if absolute is None else self._find((), absolute, set())

    def _absolute(self, module: RustModule, path: Path, depth: int = 0) -> Path | None:
        """A path as one from the root of the crate; None when it leads out of it."""
        first, rest, base = path[0], path[1:], module.path
        if first == "crate":
            return rest
        if first in ("self", "super"):
            while first in ("self", "super"):
                base = base[:-1] if first == "super" else base
                if not rest or rest[0] != "super":
                    break
                first, rest = rest[0], rest[1:]
            return base + rest
        if first in module.children:
            return (*base, *path)
        for imported in module.imports:
            # A path through itself (`use foo::foo`) would go round for ever.
            if imported.name == first and imported.path[0] != first and depth < 8:
                through = self._absolute(module, imported.path, depth + 1)
                return None if through is None else through + rest
        return None

    def _find(self, base: Path, path: Path, seen: set[tuple[Path, Path]]) -> Path | None:
        """Follow a path from a module, through re-exports, to the module that defines its item.

        A path that means a whole module is no use of it: what is named in it will be.
        """
        if (base, path) in seen:
            return None
        seen.add((base, path))
        while path and (*base, path[0]) in self._modules:
            base, path = (*base, path[0]), path[1:]
        if not path:
            return None
        module = self._modules[base]
        name = path[0]
        if name in module.definitions:
            return base
        for imported in module.imports:
            if imported.name == name:
                target = self._absolute(module, imported.path)
                return None if target is None else self._find((), target + path[1:], seen)
        for imported in module.imports:
            target = self._absolute(module, imported.path) if imported.name == "*" else None
            if target is not None and self._has(target, name, set()):
                return self._find(target, path, seen)
        return base or self._macros.get(name, base)

    def _has(self, path: Path, name: str, seen: set[Path]) -> bool:
        """Whether a module defines a name or imports it."""
        if path in seen or path not in self._modules:
            return False
        module = self._modules[path]
        if name in module.definitions or any(known.name == name for known in module.imports):
            return True
        globs = [known.path for known in module.imports if known.name == "*"]
        targets = [self._absolute(module, glob) for glob in globs]
        return any(
            self._has(target, name, seen | {path}) for target in targets if target is not None
        )


def _module_path(file: FilePath, folder: FilePath) -> Path:
    """The path of a file's module inside its crate; the root's is empty."""
    parts = file.relative_to(folder).with_suffix("").parts
    return parts[:-1] if parts[-1] in ("mod", "lib", "main") else parts


def _name(path: Path) -> str:
    """The path of a module as people write it."""
    return "::".join(path) or ROOT
