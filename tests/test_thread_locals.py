"""Thread-local variables: of the program, of the C library, of a library that is opened later."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from debugger_session import SOURCES, built, debug, record

import reenact as package
from reenact.errors import UsageError


@pytest.fixture(scope="module")
def trace(reenact, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of thread_locals.c with its library."""
    folder = tmp_path_factory.mktemp("thread_locals")
    program = built("thread_locals.c", folder, "-ldl")
    library, source = folder / "libopened.so", SOURCES / "thread_locals.c"
    options = ["-g", "-O0", "-fPIC", "-shared", "-DLIBRARY"]
    subprocess.run(["gcc", *options, "-o", library, source], check=True)
    return record(reenact, folder / "trace", program, library)


def test_in_gdb(reenact, trace: Path) -> None:
    said = debug(
        reenact, trace, "break shown", "continue", "print mine", "print (int)errno", "print opened",
        "continue", "print mine", "print (int)errno", "print opened", "print large",
        "thread 1", "print mine", "print (int)errno", "thread 2", "last opened",
        "print opened",
    )  # fmt: skip
    assert (said.number(2), said.number(3)) == (8, 9)
    # The thread has not used the library yet.
    assert "qGetTLSAddr" in said[4]
    assert (said.number(6), said.number(7), said.number(8)) == (9, 4, 6)
    assert '= "Large"' in said[9]
    assert (said.number(11), said.number(12)) == (8, 9)
    assert said.position(14)
    assert said.number(15) == 5


def test_in_a_session(trace: Path) -> None:
    with package.open(trace).replay() as session:
        session.add_breakpoint("shown")
        session.continue_()
        assert session.evaluate("mine") == 8
        with pytest.raises(UsageError, match="thread-local"):
            session.evaluate("opened")
        first = session.thread
        session.continue_()
        assert session.thread != first
        assert (session.evaluate("mine"), session.evaluate("opened")) == (9, 6)
        assert session.evaluate("large[0]") == ord("L")
        assert session.evaluate("mine", thread=first) == 8
        session.last_write("opened")
        assert session.frame().function == "set"
        assert session.evaluate("opened") == 5


def test_before_there_are_any(trace: Path) -> None:
    """At the first instruction there is neither a C library nor a thread pointer."""
    with package.open(trace).replay() as session, pytest.raises(UsageError, match="thread-local"):
        session.evaluate("mine")
