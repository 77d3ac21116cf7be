"""Has mypy check the examples of the documentation and of the docstrings, strictly.

Usage: python tools/check_examples.py
"""

from __future__ import annotations

import ast
import doctest
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
#: What examples find defined: the pages say so in words, the docstrings' tests give them that.
GIVEN = """\
from pathlib import Path
import reenact
from reenact import Position, Session, Trace
session: Session
trace: Trace
folder: Path
"""
_BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def pages() -> Iterator[tuple[str, str]]:
    """The code of each page, with its name."""
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
        blocks = _BLOCK.findall(page.read_text(encoding="utf-8"))
        plain = [block for block in blocks if ">>>" not in block]
        yield from ((f"{page.stem}_{number}", block) for number, block in enumerate(plain))
        told = "\n".join(block for block in blocks if ">>>" in block)
        if told:
            yield f"{page.stem}_told", source_of(told)


def docstrings() -> Iterator[tuple[str, str]]:
    """The examples of each docstring of the package, with a name."""
    for path in sorted((ROOT / "src/reenact").rglob("*.py")):
        parsed = ast.parse(path.read_text(encoding="utf-8"))
        parts = path.relative_to(ROOT / "src").with_suffix("").parts
        module = ".".join(part for part in parts if part != "__init__")
        own = [one.name for one in parsed.body if isinstance(one, (ast.ClassDef, ast.FunctionDef))]
        for node in ast.walk(parsed):
            if not isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)):
                continue
            text = ast.get_docstring(node)
            if text and ">>>" in text:
                name = getattr(node, "name", "module")
                line = getattr(node, "lineno", 0)
                code = source_of(text)
                # A module's own names are known to its examples.
                used = [one for one in own if re.search(rf"\b{one}\b", code)]
                found = f"from {module} import {', '.join(used)}\n" if used else ""
                yield f"{path.stem}_{name}_{line}", found + code


def source_of(text: str) -> str:
    """The statements of a session at Python's prompt."""
    return "".join(one.source for one in doctest.DocTestParser().get_examples(text))


def main() -> int:
    """Write all of them to files, and run mypy; its exit status."""
    with tempfile.TemporaryDirectory(prefix="reenact-examples-") as folder:
        for name, code in [*pages(), *docstrings()]:
            # Each example is a function: names of one mean nothing to the next.
            body = "".join(f"    {line}\n" for line in code.splitlines())
            (Path(folder) / f"{name}.py").write_text(f"{GIVEN}def example() -> None:\n{body}")
        words = ["--strict", "--no-error-summary", "--hide-error-context"]
        # Who types at a prompt looks at what an expression gives.
        words += [
            "--disable-error-code=func-returns-value",
            "--cache-dir",
            str(ROOT / ".mypy_cache"),
        ]
        command = [sys.executable, "-m", "mypy", *words, folder]
        return subprocess.run(command, cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
