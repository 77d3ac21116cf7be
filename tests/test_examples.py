"""The examples in the descriptions of the Python API are run, on a recording of walk.c."""

from __future__ import annotations

import doctest
import importlib
import inspect
from pathlib import Path

import pytest
from debugger_session import built
from recorded_run import Reenact

import reenact as package
from reenact.session.bookmarks import FILE
from reenact.session.positions import Position
from reenact.session.session import Session
from reenact.symbols import files

MODULES = (
    "reenact",
    "reenact.trace",
    "reenact.session.session",
    "reenact.session.walking",
    "reenact.session.line_walking",
    "reenact.session.looking",
    "reenact.session.positions",
    "reenact.session.values",
    "reenact.session.memory",
    "reenact.session.points",
    "reenact.session.bookmarks",
    "reenact.session.tracing",
    "reenact.symbols.space",
    "reenact.symbols.values",
)


def examples() -> list[doctest.DocTest]:
    """All descriptions with examples."""
    finder = doctest.DocTestFinder(exclude_empty=True)
    found: list[doctest.DocTest] = []
    for name in MODULES:
        found += (test for test in finder.find(importlib.import_module(name)) if test.examples)
    return found


@pytest.fixture(scope="module")
def walk(reenact: Reenact, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("walk")
    trace = folder / "trace"
    reenact.record([str(built("walk.c", folder))], trace)
    return trace


@pytest.mark.parametrize("example", examples(), ids=lambda example: example.name)
def test_example(
    example: doctest.DocTest, walk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "_SYSTEM_DIRECTORY", "/nonexistent")
    monkeypatch.setenv("REENACT_TRACE_DIR", str(tmp_path))
    (walk / FILE).unlink(missing_ok=True)
    trace = package.open(walk)
    with trace.replay() as session:
        example.globs.update(
            reenact=package, trace=trace, session=session, Position=Position, folder=tmp_path
        )
        report: list[str] = []
        runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
        runner.run(example, out=report.append, clear_globs=False)
        assert runner.summarize(verbose=False).failed == 0, "".join(report)


def test_what_a_person_uses_has_an_example() -> None:
    named = {example.name for example in examples()}
    wanted = {
        "reenact.record",
        "reenact.open",
        "reenact.trace.Trace",
        "reenact.session.session.Session",
        "reenact.session.tracing.Tracing",
        "reenact.session.bookmarks.Bookmarks",
        "reenact.session.positions.Position",
        "reenact.session.values.Registers",
        "reenact.symbols.values.Value",
    }
    for name, member in inspect.getmembers(Session):
        if not name.startswith("_") and inspect.isfunction(member):
            owner = member.__qualname__.rsplit(".", 1)[0]
            if name in EXAMPLES_WANTED:
                wanted.add(f"{member.__module__}.{owner}.{name}")
    assert wanted <= named


#: Methods of a session that are not obvious from their description.
EXAMPLES_WANTED = (
    "goto", "stepi", "continue_", "reverse_continue", "step", "reverse_next", "finish",
    "last_write",
    "when_last", "add_breakpoint", "watch", "catch", "frames", "locals", "evaluate", "branch",
    "bookmark",
)  # fmt: skip
