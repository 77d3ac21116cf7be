"""Sessions show the same whether the program's own code runs on the way, or all is translated."""

from __future__ import annotations

import contextlib
import hashlib
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import execution_watches
import pytest
import skips
from all_guests import command_of, guest_named
from debugger_session import built
from guest_build import GuestBuild
from recorded_run import Keeper, Reenact
from travelling import state

import reenact as package
from reenact.session.session import Session
from reenact.session.values import StopReason

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
    trace = keeper.trace()
    reenact.run(
        *("record", "--quiet", "-o", str(trace), "--"),
        *command_of(name, guests),
        directory=tmp_path,
        timeout=2 * guest_named(name).timeout,
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


#: In the program and in the library.
MANY_FUNCTIONS = ("seldom", "on_alarm", "other", "pthread_create", "pthread_join", "printf")

#: How a point is set, and how many hits are compared.
POINTS: dict[str, tuple[Callable[[Session], object], int]] = {
    "breakpoint": (lambda s: s.add_breakpoint("seldom"), 6),
    "condition": (lambda s: s.add_breakpoint("seldom", "number > 500"), 4),
    "a condition in a full loop": (lambda s: s.add_breakpoint("hot", "number == 177"), 2),
    "a condition that is a function": (
        lambda s: s.add_breakpoint("seldom", lambda at: at.registers.rdi > 500),
        4,
    ),
    "a full loop": (lambda s: s.add_breakpoint("hot"), 12),
    "a place behind calls": (lambda s: s.add_breakpoint("syscall"), 6),
    "stores": (lambda s: s.watch(*_variable(s, "rare")), 6),
    "stores of generated code": (lambda s: s.watch(*_variable(s, "generated")), 4),
    "a wide range": (lambda s: s.watch(_variable(s, "wide")[0] + 3, 21), 6),
    "more than there are registers": (lambda s: s.watch(_variable(s, "wide")[0] + 1, 30), 3),
    "stores of the kernel": (lambda s: s.watch(*_variable(s, "filled")), 4),
    "stores of threads": (lambda s: s.watch(*_variable(s, "shared"), "access"), 6),
    "reads": (lambda s: s.watch(*_variable(s, "rare"), "read"), 2),
    "conditions of stores": (lambda s: s.watch(*_variable(s, "rare"), "write", "rare > 400"), 4),
    "several": (
        lambda s: [s.add_breakpoint("seldom"), s.watch(*_variable(s, "generated"))],
        8,
    ),
    "more breakpoints than registers": (
        lambda s: [s.add_breakpoint(name) for name in MANY_FUNCTIONS],
        12,
    ),
    "breakpoints beside watched memory": (
        lambda s: [
            s.watch(_variable(s, "wide")[0] + 1, 11),
            *(s.add_breakpoint(name) for name in MANY_FUNCTIONS),
        ],
        8,
    ),
    "a place that the recorder has changed": (
        lambda s: s.add_breakpoint(_patched_call(s)),
        4,
    ),
    "events": (lambda s: [s.catch("signal"), s.add_breakpoint("seldom")], 6),
}


def _patched_call(session: Session) -> int:
    """The `syscall` instruction of the function with this name, in whose place there is a jump."""
    session.goto("end")
    address, *_ = session.symbols.functions("syscall")
    return address + session.memory[address : address + 64].index(b"\x0f\x05")


def _variable(session: Session, name: str) -> tuple[int, int]:
    found, *_ = session.symbols.variables(name)
    return found


@pytest.fixture(scope="module")
def far(reenact: Reenact, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recording of far_hits.c."""
    folder = tmp_path_factory.mktemp("far")
    program = built("far_hits.c", folder, "-pthread", "-O1")
    reenact.record([str(program)], folder / "trace")
    return folder / "trace"


def _stops(session: Session, name: str) -> list[object]:
    """Stops forwards from the start, and back from the end, with what is seen there."""
    setting, count = POINTS[name]
    found: list[object] = []
    setting(session)
    for begin, move in (("start", session.continue_), ("end", session.reverse_continue)):
        session.goto(begin)
        for _ in range(count):
            stop = move()
            found.append((stop.reason, stop.position, stop.thread, stop.address, state(session)))
    found.append([point.hits for point in session.points])
    return found


@pytest.mark.parametrize("name", POINTS)
def test_hits_are_the_same(name: str, far: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their places to the instruction, forwards and backwards, and how many there were."""
    with both_engines(far, 0, monkeypatch) as (native, translated):
        assert _stops(native, name) == _stops(translated, name)


def fingerprint(session: Session, name: str) -> str:
    """All of the stops as one short text."""
    return hashlib.blake2b(repr(_stops(session, name)).encode()).hexdigest()


@pytest.mark.parametrize("name", ["breakpoint", "more breakpoints than registers", "stores"])
def test_without_breakpoint_registers_hits_are_the_same(name: str, far: Path) -> None:
    """The kernel refuses `perf_event_open`, as it does in many containers."""
    script = Path(__file__).parent / "refused_registers.py"
    done = subprocess.run(
        [sys.executable, script, far, name], capture_output=True, text=True, check=False
    )
    with package.open(far).replay() as session:
        assert done.stdout.strip() == fingerprint(session, name), done.stderr


def test_the_programs_own_code_runs_between_many_breakpoints(far: Path) -> None:
    with package.open(far).replay() as session:
        for name in MANY_FUNCTIONS:
            session.add_breakpoint(name)
        for _ in range(4):
            assert session.continue_().reason != StopReason.END
        assert not was_counted(session)


def test_the_programs_own_code_runs_on_the_way_to_a_hit(far: Path) -> None:
    if not execution_watches.are_allowed():
        skips.skip(skips.Reason.NOT_ALLOWED, "perf_event_open")
    with package.open(far).replay() as session:
        session.add_breakpoint("seldom")
        session.watch(*_variable(session, "generated"))
        for _ in range(4):
            assert session.continue_().reason != StopReason.END
        assert not was_counted(session)
