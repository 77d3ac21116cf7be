"""A movement that is interrupted ends soon, wherever it is; the session is as good as before."""

from __future__ import annotations

import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from debugger_session import built, line_of
from recorded_run import Reenact
from travelling import state

import reenact as package
from reenact.errors import UsageError
from reenact.session.positions import Position
from reenact.session.session import Session
from reenact.session.values import Stop, StopReason

MOVES: dict[str, tuple[Callable[[Session], Stop], bool]] = {
    # Each would take minutes; whether it goes back.
    "next": (lambda s: s.next(), False),
    "step": (lambda s: s.step(), False),
    "reverse_next": (lambda s: s.reverse_next(), True),
    "reverse_step": (lambda s: s.reverse_step(), True),
    "when_last": (lambda s: s.when_last("sum & 1 && 0"), True),
    "when_next": (lambda s: s.when_next("sum & 1 && 0"), False),
    "reverse_stepi": (lambda s: s.reverse_stepi(10**8, thread=s.thread), True),
}


@pytest.fixture(scope="module")
def trace(reenact: Reenact, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recording of hot_line.c."""
    folder = tmp_path_factory.mktemp("hot")
    reenact.record([str(built("hot_line.c", folder))], folder / "trace")
    return folder / "trace"


@pytest.fixture
def session(trace: Path) -> Iterator[Session]:
    """In the middle of the line that loops."""
    with package.open(trace).replay() as opened:
        opened.goto("60%")
        assert opened.frame().line == line_of("hot_line.c", "/* hot */")
        yield opened


@pytest.mark.parametrize("name", MOVES)
def test_a_movement_ends_that_is_made_of_many(name: str, session: Session) -> None:
    """At whatever moment the request comes: between two runs of the replayer, too."""
    move, is_back = MOVES[name]
    choice = random.Random(name)
    for _ in range(4):
        origin, before = session.position, state(session)
        began, is_over = threading.Event(), threading.Event()

        def interrupt(
            origin: Position = origin,
            began: threading.Event = began,
            is_over: threading.Event = is_over,
        ) -> None:
            began.wait()
            time.sleep(choice.uniform(0.01, 0.3))
            while not is_over.is_set() and session.position == origin:
                time.sleep(0.001)
            # Once: a request must not get lost.
            session.interrupt()

        other = threading.Thread(target=interrupt, daemon=True)
        other.start()
        began.set()
        stop = move(session)
        is_over.set()
        other.join()
        assert stop.position == session.position
        if stop.reason == StopReason.POSITION:
            # The request came when it was over: it has come as far as it does without one.
            session.goto(origin)
            assert move(session).position == stop.position
            session.goto(origin)
            continue
        assert stop.reason == StopReason.INTERRUPTED
        if is_back:
            assert (session.position, state(session)) == (origin, before)
        session.goto(origin)
        assert state(session) == before
    assert session.stepi().reason == StopReason.POSITION


def test_ctrl_c_in_a_script(session: Session) -> None:
    """It is passed on; who went back stands where that began."""

    def interrupt(*_arguments: object) -> None:
        raise KeyboardInterrupt

    origin, before = session.position, state(session)
    previous = signal.signal(signal.SIGALRM, interrupt)
    try:
        for move in (session.reverse_next, session.reverse_step):
            # Each would take minutes.
            signal.setitimer(signal.ITIMER_REAL, 0.5)
            with pytest.raises(KeyboardInterrupt):
                move()
            assert (session.position, state(session)) == (origin, before)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
    assert session.stepi().reason == StopReason.POSITION


def test_several_movements_are_interrupted_as_one(session: Session) -> None:
    here = session.position
    with session.movement():
        session.interrupt()
        for move in (session.continue_, session.stepi, session.reverse_next, session.reverse_stepi):
            assert move().reason == StopReason.INTERRUPTED
    assert session.position == here
    assert session.stepi().reason == StopReason.POSITION


def test_nothing_moves_in_a_condition(session: Session) -> None:
    """A condition that moves would move the copy it is asked about, or the session behind it."""
    here = session.position
    for move in (
        lambda at: at.stepi(),
        lambda at: at.goto("start"),
        lambda at: at.reverse_continue(),
        lambda at: at.step(),
    ):
        for go in (session.continue_, session.reverse_continue):
            point = session.add_breakpoint(session.registers.rip, move)
            with pytest.raises(UsageError, match="a condition cannot move the session"):
                go()
            point.remove()
            session.goto(here)
