"""Hints speak the language of where they are shown, and name the trace."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import reenact
from reenact.errors import Hint, UsageError

SOURCE = Path(reenact.__file__).parent
#: What is Python's: an attribute of our objects, an argument by name.
PYTHON = re.compile(r"\b(Session|Trace|session|trace)\.[a-z_]+|=True|\bwith session")
#: What is of use on a command line alone.
SHELL = re.compile(r"(^| )--?[a-z]")
#: Modules whose failures are shown at gdb's prompt and on the command line, too.
SHARED = [
    path
    for folder in ("session", "streams", "replay", "gdb")
    for path in sorted((SOURCE / folder).rglob("*.py"))
    # A branch, and memory[start:end], are of Python alone.
    if path.name not in ("base.py", "recorded_trace.py", "commands_in_gdb.py")
] + [SOURCE / "choosing.py", SOURCE / "kept_sources.py"]


def hints(path: Path):
    """Every text that is given to a failure behind its message, with its line."""
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            continue
        if node.func.id == "Hint":
            yield from ((one.arg, one.value) for one in node.keywords)
        elif node.func.id.endswith("Error"):
            yield from (("any", argument) for argument in node.args[1:])


def text_of(node: ast.AST) -> str:
    """The text of a literal; "" for what is computed."""
    if isinstance(node, ast.JoinedStr):
        return "".join(text_of(part) for part in node.values)
    if isinstance(node, ast.Constant):
        return str(node.value)
    return ""


@pytest.mark.parametrize("path", SHARED, ids=lambda path: str(path.relative_to(SOURCE)))
def test_no_python_in_gdb_or_on_the_command_line(path: Path) -> None:
    for place, node in hints(path):
        assert not PYTHON.search(text_of(node)), f"{path}:{node.lineno}: {text_of(node)}"
        if place == "gdb":
            assert not SHELL.search(text_of(node)), f"{path}:{node.lineno}"


def test_the_trace_is_named() -> None:
    error = UsageError("it fails", "see all of it: reenact info TRACE")
    assert error.hint_on_line("'a trace'") == "see all of it: reenact info 'a trace'"
    assert error.hint_on_line(None) == "see all of it: reenact info"
    many = UsageError("it fails", Hint("Session.x", gdb="x", line="reenact ps TRACE"))
    assert (str(many.hint), many.hint_in_gdb) == ("Session.x", "x")
    assert many.hint_on_line("t") == "reenact ps t"
