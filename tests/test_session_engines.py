"""Sessions show the same whether the program's own code runs on the way, or all is translated."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from guest_build import GuestBuild
from guest_table import GUESTS as ORDINARY_GUESTS
from recorded_run import Keeper, Reenact
from thread_table import THREAD_GUESTS
from travelling import state

import reenact as package
from reenact.session.session import Session

#: Calls, signals at calls and in computation, faults, threads and landings, code that is written,
#: x87 registers, shared memory, programs that execute others.
GUESTS = (
    "hello",
    "vfork",
    "exec_chain",
    "signal_nested",
    "timers",
    "fault_fix",
    "instructions",
    "code_self_modifying",
    "int80",
    "map_remap",
    "share_mutex",
    "x87_state",
    "thread_robust",
)
#: Events at which a recording is looked at, and places between events.
_MOST_EVENTS, _PLACES = 12, 2


@pytest.fixture(params=GUESTS)
def trace(
    request: pytest.FixtureRequest,
    guests: GuestBuild,
    reenact: Reenact,
    keeper: Keeper,
    tmp_path: Path,
) -> Path:
    """A recording of a guest program."""
    name = request.param
    guest = next(each for each in (*ORDINARY_GUESTS, *THREAD_GUESTS) if each.name == name)
    program = str(guests.build(guest.file, guest.name, guest.flags))
    trace = keeper.trace()
    reenact.run(
        *("record", "--quiet", "-o", str(trace), "--", program),
        *guest.arguments,
        directory=tmp_path,
        timeout=2 * guest.timeout,
    )
    return trace


@contextlib.contextmanager
def both_engines(
    trace: Path, process: int, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Session, Session]]:
    """Sessions of a process: one with the program's own code, one that translates all."""
    opened = package.open(trace)
    with opened.replay(process) as native:
        monkeypatch.setenv("REENACT_ENGINE", "translated")
        with opened.replay(process) as translated:
            monkeypatch.delenv("REENACT_ENGINE")
            yield native, translated


def was_counted(session: Session) -> bool:
    """Whether all instructions on the way were."""
    history = session._replayed.history
    return history.uncounted(history.start[0], history.last_event) is None


def test_all_places_are_the_same(trace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Registers, threads, mappings and memory: at events in any order, and between them."""
    choice = random.Random(str(trace.name))
    for process in package.open(trace).processes:
        with both_engines(trace, process.number, monkeypatch) as (native, translated):
            assert native.end == translated.end
            first, last = native.start.event, native.end.event
            indices = [event.index for event in native.trace.events(process.number, first, last)]
            events = choice.sample(indices, min(len(indices), _MOST_EVENTS))
            for event in events:
                assert native.goto(event).position == translated.goto(event).position
                assert state(native) == state(translated), event
            # These have to be counted.
            assert native.reverse_stepi().position == translated.reverse_stepi().position
            assert state(native) == state(translated)
            assert native.instructions == translated.instructions
            for _ in range(_PLACES):
                where = f"{choice.uniform(0, 100):.5f}%"
                assert native.goto(where).position == translated.goto(where).position
                assert state(native) == state(translated), where


def test_the_programs_own_code_runs_on_the_way(
    guests: GuestBuild,
    reenact: Reenact,
    keeper: Keeper,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nothing is counted on the way to an event and to the end, but where somebody asks for it."""
    reenact.record([str(guests.build("hello.c", "hello"))], keeper.trace(), directory=tmp_path)
    with both_engines(keeper.trace(), 0, monkeypatch) as (native, translated):
        assert native.end == translated.end
        assert was_counted(translated)
        assert not was_counted(native)
        native.goto("end")
        translated.goto("end")
        assert native.instructions == translated.instructions
        assert was_counted(native)
