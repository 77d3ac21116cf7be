"""A watched stack: each write is told, by single steps, in long runs forwards, and backwards."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from debugger_session import built, line_of, record
from recorded_run import Reenact

import reenact as package
from reenact.session.positions import Position
from reenact.session.session import Session
from reenact.session.values import StopReason

#: Instructions that are looked at one by one, of some twenty calls.
STEPS = 600
SIZE = 512


@dataclass(frozen=True)
class Truth:
    """What single steps have found in a part of a recording.

    Arguments:
        address: of the watched memory.
        writes: before each instruction that writes there, between `begin` and `end`.
        odd: those at odd addresses.
    """

    trace: Path
    address: int
    begin: Position
    end: Position
    writes: list[Position]
    odd: list[Position]

    def inside(self, found: list[Position]) -> list[Position]:
        """Those of some positions that the steps have passed, in order."""
        return sorted(position for position in found if self.begin <= position < self.end)


@pytest.fixture(scope="module", params=["-O0", "-O2"])
def truth(request, reenact: Reenact, tmp_path_factory: pytest.TempPathFactory) -> Truth:
    """From the first call through a pointer on, the stack below it watched."""
    folder = tmp_path_factory.mktemp("called")
    trace = record(reenact, folder / "trace", built("called.c", folder, request.param))
    with package.open(trace).replay() as session:
        point = session.add_breakpoint(f"called.c:{line_of('called.c', '/* called */')}")
        begin = session.continue_().position
        point.remove()
        address = session.registers.rsp - SIZE
        session.watch(address, SIZE)
        writes, odd = [], []
        for _ in range(STEPS):
            before, instruction = session.position, session.registers.rip
            if session.step_watched().reason == StopReason.WATCHPOINT:
                writes.append(before)
                odd += [before] * (instruction % 2)
        assert len(writes) > 50
        return Truth(trace, address, begin, session.position, writes, odd)


@pytest.fixture
def session(truth: Truth) -> Iterator[Session]:
    """One that knows nothing, so that its runs go far at once."""
    with package.open(truth.trace).replay() as session:
        yield session


def test_each_write_is_told_backwards(truth: Truth, session: Session) -> None:
    session.watch(truth.address, SIZE)
    session.goto("end")
    found = []
    while session.reverse_continue().reason == StopReason.WATCHPOINT:
        found.append(session.position)
    assert truth.inside(found) == truth.writes


def test_each_write_is_told_forwards(truth: Truth, session: Session) -> None:
    session.watch(truth.address, SIZE)
    found = []
    while session.continue_().reason == StopReason.WATCHPOINT and session.position <= truth.end:
        session.reverse_stepi()
        found.append(session.position)
        session.stepi()
    assert truth.inside(found) == truth.writes


@pytest.mark.parametrize("is_back", [False, True])
def test_a_condition_is_asked_at_each_write(is_back: bool, truth: Truth, session: Session) -> None:
    """One that never holds, so that one run passes all."""
    found: set[Position] = set()

    def passes(at: Session) -> bool:
        found.add(at.position)
        return False

    session.watch(truth.address, SIZE, "write", passes)
    if is_back:
        session.goto("end")
        session.reverse_continue()
    else:
        session.continue_()
    assert truth.inside(list(found)) == truth.writes


def test_what_the_replayer_asks_itself_is_asked_at_each_write(
    truth: Truth, session: Session
) -> None:
    """Of some of the writes it holds: all of those are told."""
    session.watch(truth.address, SIZE, "write", "$rip & 1")
    session.goto("end")
    found = []
    while session.reverse_continue().reason == StopReason.WATCHPOINT:
        found.append(session.position)
    assert truth.inside(found) == truth.odd
