"""Names that mean nothing: the error names what is written alike, nearest first."""

from __future__ import annotations

from pathlib import Path

import pytest
from debugger_session import built
from recorded_run import Reenact

import reenact as package
from reenact.errors import UsageError


@pytest.fixture(scope="module")
def trace(reenact: Reenact, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("alike")
    reenact.record([str(built("walk.c", folder))], folder / "trace")
    return folder / "trace"


@pytest.mark.parametrize(
    ("written", "meant"),
    [("tims", "times"), ("timse", "times"), ("coutner", "counter"), ("recrod.number", "record")],
)
def test_variables(written: str, meant: str, trace: Path) -> None:
    """Of the frame, and of the program."""
    with package.open(trace).replay() as session:
        session.add_breakpoint("add")
        session.continue_()
        with pytest.raises(UsageError) as failure:
            session.evaluate(written)
        assert f"did you mean {meant}" in failure.value.hint


@pytest.mark.parametrize(("written", "meant"), [("sqaure", "square"), ("mian", "main")])
def test_functions(written: str, meant: str, trace: Path, reenact: Reenact) -> None:
    with package.open(trace).replay() as session:
        with pytest.raises(UsageError, match=f"no function is named {written}") as failure:
            session.add_breakpoint(written)
        assert f"did you mean {meant}" in failure.value.hint
    failed = reenact.run("trace", "--at", written, "--print", "1", str(trace))
    assert failed.status == 125
    assert f"did you mean {meant}" in failed.stderr.decode()


def test_what_is_like_nothing(trace: Path) -> None:
    with package.open(trace).replay() as session:
        for written in ("xyzzy", "x"):
            with pytest.raises(UsageError) as failure:
                session.add_breakpoint(written)
            assert "did you mean" not in failure.value.hint


def test_a_program_without_debug_information(reenact: Reenact, tmp_path: Path) -> None:
    """Nothing is written alike where nothing is known: what is missing is told."""
    program = built("walk.c", tmp_path, "-g0")
    reenact.record([str(program)], tmp_path / "trace")
    with package.open(tmp_path / "trace").replay() as session:
        session.goto("end")
        with pytest.raises(UsageError, match="no variable taken_so_far can be seen") as failure:
            session.evaluate("taken_so_far")
        assert f"{program} has no debug information" in failure.value.hint
