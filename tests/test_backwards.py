"""Going back from hit to hit finds what going forwards has found, whatever was known before."""

from __future__ import annotations

import bisect
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from debugger_session import built, record
from recorded_run import Reenact

import reenact as package
from reenact.session.backward_search import BackwardSearch
from reenact.session.connection import ReplayerConnection
from reenact.session.hit_trail import HitTrail
from reenact.session.messages import Run, RunResult
from reenact.session.navigator import Navigator
from reenact.session.points import Condition, Point
from reenact.session.positions import Position
from reenact.session.session import Session
from reenact.session.values import StopReason


@pytest.fixture(scope="module")
def trace(reenact: Reenact, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hits")
    return record(reenact, folder / "trace", built("hits.c", folder, "-O1", "-pthread"))


@pytest.fixture
def session(trace: Path) -> Iterator[Session]:
    with package.open(trace).replay() as session:
        yield session


def address_of(session: Session, name: str) -> int:
    (address, _), *_ = session.symbols.variables(name)
    return address


Setting = Callable[[Session, "Condition | None"], list[Point]]


def breakpoints(session: Session, condition: Condition | None) -> list[Point]:
    return [session.add_breakpoint(name, condition) for name in ("hot", "strings")]


def one_watchpoint(session: Session, condition: Condition | None) -> list[Point]:
    return [session.watch(address_of(session, "total"), 8, "write", condition)]


def watchpoints(session: Session, condition: Condition | None) -> list[Point]:
    """Two that overlap, which one instruction touches, and one of what is read."""
    buffer, other = address_of(session, "buffer"), address_of(session, "other")
    return [
        session.watch(buffer + 3, 1, "write", condition),
        session.watch(buffer + 2, 4, "access", condition),
        session.watch(other + 11, 1, "read", condition),
    ]


def everything(session: Session, condition: Condition | None) -> list[Point]:
    return [
        *breakpoints(session, condition),
        *one_watchpoint(session, condition),
        *watchpoints(session, condition),
        session.catch("signal", condition=condition),
        session.catch("syscall", condition=condition),
    ]


SETTINGS = (breakpoints, one_watchpoint, watchpoints, everything)


def all_hits(session: Session, setting: Setting) -> list[Position]:
    """Where something is hit, in order: told by conditions on one way forwards."""
    found: list[Position] = []

    def passes(at: Session) -> bool:
        found.append(at.position)
        return False

    session.goto("start")
    points = setting(session, passes)
    assert session.continue_().reason == StopReason.END
    end = session.position
    for point in points:
        point.remove()
    return sorted({position for position in found if position < end})


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.__name__)
def test_all_hits_from_the_end_to_the_start(setting: Setting, session: Session) -> None:
    expected = all_hits(session, setting)
    assert len(expected) > 30
    setting(session, None)
    session.goto("end")
    found = []
    while (stop := session.reverse_continue()).reason != StopReason.START:
        assert session.position == stop.position
        assert session.thread == stop.thread
        found.append(stop.position)
    assert found == expected[::-1]


def test_any_way_through_the_hits(session: Session) -> None:
    expected = {setting: all_hits(session, setting) for setting in SETTINGS}
    choice = random.Random(5)
    points: list[Point] = []
    setting: Setting = everything
    for _ in range(60):
        if choice.random() < 0.3 or not points:
            for point in points:
                point.remove()
            setting = choice.choice(SETTINGS)
            points = setting(session, None)
        what = choice.randrange(4)
        if what == 0:
            session.goto(f"{choice.uniform(0, 100):.3f}%")
        elif what == 1:
            session.reverse_stepi(choice.randrange(1, 40))
        elif what == 2:
            session.continue_()
        for _ in range(choice.randrange(1, 12)):
            hits = expected[setting]
            index = bisect.bisect_left(hits, session.position) - 1
            stop = session.reverse_continue()
            assert stop.position == (hits[index] if index >= 0 else session.start)


def test_the_last_write_again_and_again(session: Session) -> None:
    address = address_of(session, "total")
    expected = all_hits(session, one_watchpoint)
    session.goto("end")
    for position in expected[::-1][:200]:
        assert session.last_write(address, 8).position == position
        assert int(session.evaluate("total")) == int.from_bytes(
            session.memory.read(address, 8), "little", signed=True
        )


def test_states_at_the_hits_are_those_of_any_other_way(trace: Path) -> None:
    with package.open(trace).replay() as session, package.open(trace).replay() as other:
        one_watchpoint(session, None)
        session.goto("end")
        for number in range(80):
            stop = session.reverse_continue()
            if number % 8 == 0:
                other.goto(stop.position)
                assert session.registers == other.registers
                assert session.memory.read(address_of(session, "buffer"), 64) == other.memory.read(
                    address_of(other, "buffer"), 64
                )
                assert session.instructions == other.instructions


def test_a_floor_ends_the_way_back(session: Session) -> None:
    expected = all_hits(session, breakpoints)
    breakpoints(session, None)
    session.goto("end")
    for _ in range(10):
        session.reverse_continue()
    assert session.position == expected[-10]
    # Between two hits, and behind one that is listed already.
    between = Position(session.process, expected[-12].event, expected[-12].instructions)
    session.goto(between)
    session.stepi()
    floor = session.position
    session.goto(expected[-10])
    assert session.reverse_continue(floor).position == expected[-11]
    stop = session.reverse_continue(floor)
    assert (stop.position, stop.reason) == (floor, StopReason.POSITION)


def test_going_back_without_looking_makes_no_copies(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only what is looked at is replayed: a hit that is passed by is one of a list."""
    expected = all_hits(session, one_watchpoint)[::-1]
    one_watchpoint(session, None)
    session.goto("end")
    for position in expected[:3]:
        assert session.reverse_continue().position == position
    fork, made = ReplayerConnection.fork, []

    def counted(copy: ReplayerConnection) -> ReplayerConnection:
        made.append(copy)
        return fork(copy)

    monkeypatch.setattr(ReplayerConnection, "fork", counted)
    for position in expected[3:200]:
        stop = session.reverse_continue()
        assert stop.position == session.position == position
        assert stop.thread == session.thread
    assert not made
    value = int(session.evaluate("total"))
    registers, instructions = session.registers, session.instructions
    assert made
    # Forwards again, and by another way.
    assert session.stepi().position > expected[199]
    session.goto("start")
    session.goto(expected[199])
    assert (value, registers, instructions) == (
        int(session.evaluate("total")),
        session.registers,
        session.instructions,
    )


@pytest.mark.parametrize("look", range(6))
def test_what_comes_after_hits_that_nobody_has_looked_at(look: int, session: Session) -> None:
    """Each other movement begins where the last hit was."""
    expected = all_hits(session, breakpoints)[::-1]
    hot = all_hits(session, lambda at, condition: [at.add_breakpoint("hot", condition)])
    points = breakpoints(session, None)
    session.goto("end")
    for position in expected[:10]:
        assert session.reverse_continue().position == position
    here = expected[9]
    if look == 0:
        assert session.continue_().position == expected[8]
    elif look == 1:
        assert session.stepi().position > here
        assert session.reverse_stepi().position == here
    elif look == 2:
        assert session.reverse_stepi().position < here
        assert session.stepi().position == here
    elif look == 3:
        points[1].remove()
        left = [one for one in hot if one < here]
        assert session.reverse_continue().position == left[-1]
    elif look == 4:
        assert session.goto("end").position == session.end
        assert session.reverse_continue().position == expected[0]
    else:
        with session.branch():
            session.write_memory(address_of(session, "total"), bytes(8))
            assert int(session.evaluate("total")) == 0
        assert session.position == here
        assert session.reverse_continue().position == expected[10]


def test_an_interrupt_while_copies_are_left(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are left where somebody looks: the movement is over, and the look is not given up."""
    breakpoints(session, None)
    session.goto("end")
    for _ in range(2):
        session.reverse_continue()
    leave, called = HitTrail.copy_at, []

    def interrupted(trail: HitTrail, *hit: object) -> object:
        called.append(True)
        session.interrupt()
        return leave(trail, *hit)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(HitTrail, "copy_at", interrupted)
        patch.setattr(HitTrail, "_allowed", lambda _: 40)
        replayed = session._replayed
        assert isinstance(replayed, Navigator)
        replayed._search.trail._waiting.clear()
        assert session.reverse_continue().reason == StopReason.BREAKPOINT
        here, registers = session.position, session.registers
        assert called
    assert session.reverse_continue().reason == StopReason.BREAKPOINT
    assert session.position < here
    session.goto(here)
    assert session.registers == registers


def test_an_interrupt_that_was_meant_for_the_movement_before(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It ends this one: what a run has met until then is not all that it would have met."""
    expected = all_hits(session, breakpoints)
    breakpoints(session, None)
    session.goto("end")
    origin = session.position
    run, late = ReplayerConnection.run, []

    def interrupted(copy: ReplayerConnection, wanted: Run, *rest: Callable[[], None]) -> RunResult:
        if wanted.lists and not late:
            late.append(True)
            return run(copy, wanted, copy.interrupt)
        return run(copy, wanted, *rest)

    monkeypatch.setattr(ReplayerConnection, "run", interrupted)
    stop = session.reverse_continue()
    # The run may have been over before it came.
    if stop.reason == StopReason.INTERRUPTED:
        assert stop.position == origin
        stop = session.reverse_continue()
    assert stop.position == expected[-1]
    assert session.reverse_continue().position == expected[-2]


def test_copies_that_are_given_up_while_they_are_searched_from(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the memory for copies is small, those left on the way take the place of the first."""
    expected = all_hits(session, one_watchpoint)
    one_watchpoint(session, None)
    for place in ("end", "80%", "60%", "40%", "20%", "end"):
        session.goto(place)
    last_of = BackwardSearch._last_of

    def dropping(search: BackwardSearch, *rest: Any, **options: Any) -> Any:
        checkpoints = search._copies.checkpoints
        while len(checkpoints) > 1:
            checkpoints._drop_one(search._copies.present.state.work)
        checkpoints.let_go()
        return last_of(search, *rest, **options)

    monkeypatch.setattr(BackwardSearch, "_last_of", dropping)
    for position in expected[::-1][:30]:
        assert session.reverse_continue().position == position
