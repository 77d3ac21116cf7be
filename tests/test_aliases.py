"""Memory that is mapped at several addresses: whoever stores by one of them is found by any."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from debugger_session import SOURCES, built, debug, need_gdb, record
from recorded_run import Reenact

import reenact as package
from reenact.session.session import Session
from reenact.session.values import StopReason

_LINES = (SOURCES / "aliases.c").read_text().splitlines()


def line(mark: str) -> int:
    """Number of the line with a mark."""
    return next(number for number, text in enumerate(_LINES, 1) if f"/* {mark} */" in text)


@pytest.fixture(scope="module")
def trace(reenact: Reenact, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("aliases")
    return record(reenact, folder / "trace", built("aliases.c", folder))


@pytest.fixture
def session(trace: Path) -> Iterator[Session]:
    with package.open(trace).replay(0) as session:
        session.add_breakpoint("printf")
        assert session.continue_().reason == StopReason.BREAKPOINT
        yield session


def test_all_of_it_is_replayed(trace: Path) -> None:
    """Also of a process alone: memory without a file becomes one that can be mapped twice."""
    for process in (0, 1):
        with package.open(trace).replay(process) as session:
            assert session.goto("end").reason == StopReason.END
            end = session.position
            session.goto("50%")
            here, registers = session.position, session.registers
            session.goto("start")
            assert session.goto("end").position == end
            session.goto(here)
            assert session.registers == registers
    with package.open(trace).replay(0) as session:
        session.goto("end")
        session.add_breakpoint("printf")
        session.reverse_continue()
        level = next(f.level for f in session.frames() if f.function == "main")
        found = {
            name: int(session.evaluate(name, level))
            for name in (
                "here[0]",
                "nameless[0]",
                "twin[0]",
                "twin[1500]",
                "here[3]",
                "nameless[3]",
                "mine[5]",
            )
        }
    assert list(found.values()) == [7, 8, 8, 4, 9, 9, 5], found


@pytest.mark.parametrize(
    ("value", "mark"),
    [
        ("here[0]", "by the other"),
        ("nameless[0]", "by the third"),
        ("twin[0]", "by the third"),
        ("twin[1500]", "by the first"),
        ("nameless[1500]", "by the first"),
        ("here[5]", "is not shown"),
        ("mine[5]", "is its own"),
    ],
)
def test_the_last_write_by_whatever_address(value: str, mark: str, session: Session) -> None:
    level = next(frame.level for frame in session.frames() if frame.function == "main")
    assert session.last_write(value, frame=level).reason == StopReason.WATCHPOINT
    assert session.frame().line == line(mark)


def test_what_a_private_page_shows(session: Session) -> None:
    """Until the process writes to it, a private mapping shows what is stored to the file."""
    session.add_breakpoint(f"aliases.c:{line('is its own')}")
    session.reverse_continue()
    assert int(session.evaluate("mine[5]")) == 4
    assert session.last_write("mine[5]").reason == StopReason.WATCHPOINT
    assert session.frame().line == line("is shown")


def test_watchpoints_by_whatever_address(session: Session) -> None:
    """Each store once, with the address that is watched; forwards, backwards, and conditions."""
    session.goto("start")
    session.add_breakpoint(f"aliases.c:{line('by the other') - 1}")
    session.continue_()
    for point in session.points:
        point.remove()
    point = session.watch("here[0]")
    stop = session.continue_()
    assert (int(session.evaluate("here[0]")), stop.address) == (1, point.address)
    stop = session.continue_()
    assert (stop.reason, stop.address) == (StopReason.WATCHPOINT, point.address)
    assert int(session.evaluate("here[0]")) == 7
    stop = session.reverse_continue()
    assert (stop.reason, stop.address) == (StopReason.WATCHPOINT, point.address)
    assert session.frame().line == line("by the other")
    point.remove()
    point = session.watch("here[0]", condition="here[0] == 7")
    session.continue_()
    assert int(session.evaluate("here[0]")) == 7
    reads = session.watch("nameless[1500]", kind="access")
    session.continue_()
    assert reads.hits == 1
    assert session.frame().line == line("by the first")


@pytest.mark.parametrize("value", ["here[3]", "nameless[3]", "twin[3]"])
def test_what_another_process_stored(value: str, session: Session) -> None:
    """The turn in which it became visible; following the value leads to the store itself."""
    level = next(frame.level for frame in session.frames() if frame.function == "main")
    here = session.position
    # With others in front of it: each watch is told by itself.
    session.watch("mine[1]")
    session.watch("here[100]")
    assert session.last_write(value, frame=level).reason == StopReason.WATCHPOINT
    assert session.frame().function != "main"
    session.goto(here)
    found = session.sender(value, frame=level)
    assert found.position.process == 1
    with session.trace.replay(1) as child:
        child.goto(found.position)
        assert child.frame().line in (line("by the child"), line("by the child, too"))


def test_in_gdb(reenact: Reenact, trace: Path) -> None:
    need_gdb()
    said = debug(
        reenact, trace, "break printf", "continue", "up", "last here[0]", "delete",
        f"tbreak aliases.c:{line('by the other') - 1}", "reverse-continue",
        "watch -location here[0]",
        "continue", "continue", "continue", "reverse-continue",
    )  # fmt: skip
    assert f"aliases.c:{line('by the other')}" in said[3], said.everything
    assert "New value = 1" in said[8], said.everything
    assert "New value = 7" in said[9], said.everything
