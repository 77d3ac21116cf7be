"""Steps over lines that loop: gone through at once, and stopped where something stops them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from debugger_session import built, debug, line_of, record
from recorded_run import Reenact

import reenact as package
from reenact.session.session import Session
from reenact.session.values import StopReason

SOURCE = "round_line.c"
ROUNDS = 50_000


@pytest.fixture(scope="module")
def trace(reenact: Reenact, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("round")
    return record(reenact, folder / "trace", built(SOURCE, folder))


@pytest.fixture
def session(trace: Path) -> Iterator[Session]:
    """Stands at the beginning of the line without a call."""
    with package.open(trace).replay() as session:
        point = session.add_breakpoint(f"{SOURCE}:{line_of(SOURCE, '/* plain */')}")
        assert session.continue_().reason == StopReason.BREAKPOINT
        point.remove()
        yield session


def test_over_a_line_that_loops_and_back(session: Session) -> None:
    begin = session.position
    assert session.next().reason == StopReason.POSITION
    assert session.frame().line == line_of(SOURCE, "/* behind */")
    assert session.evaluate("i") == ROUNDS
    session.reverse_next()
    assert session.position == begin
    session.next()
    session.next()
    session.next()
    line = line_of(SOURCE, "/* calls */")
    while session.frame().line != line:
        session.next()
    begin = session.position
    session.next()
    assert session.frame().line == line_of(SOURCE, "/* last */")
    session.reverse_next()
    assert session.position == begin


def test_what_stops_a_step_in_the_middle(session: Session) -> None:
    line = line_of(SOURCE, "/* plain */")
    start, end = session.symbols.statement(session.registers.rip)
    with pytest.raises(package.UsageError, match="not in"):
        session.run_within(start - 64, start)
    (address, size), *_ = session.symbols.variables("sum")
    watch = session.watch(address, size, condition=lambda at: at.evaluate("i") == 4321)
    assert session.next().reason == StopReason.WATCHPOINT
    assert (session.frame().line, session.evaluate("i")) == (line, 4321)
    watch.remove()
    point = session.add_breakpoint(session.registers.rip, lambda at: at.evaluate("i") == 5000)
    assert session.next().reason == StopReason.BREAKPOINT
    assert session.evaluate("i") == 5000
    point.remove()
    assert session.run_within(start, end).reason == StopReason.POSITION
    assert session.frame().line == line_of(SOURCE, "/* behind */")


def test_gdb_steps_over_it(reenact: Reenact, trace: Path) -> None:
    said = debug(
        reenact, trace, f"break {line_of(SOURCE, '/* plain */')}", "continue", "delete 1", "next",
        "print i", "back-next", "print i", "next", "watch sum if i == 77", "back-next", "print i",
    )  # fmt: skip
    assert "/* behind */" in said[3]
    assert said.number(4) == ROUNDS
    assert said.number(6) == 0
    assert "/* behind */" in said[7]
