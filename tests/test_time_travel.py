"""Sessions on real traces: the state is a function of the position, however one came there."""

from __future__ import annotations

import datetime
import os
import shutil
import signal
import sys
import threading

import pytest
import skips
from guest_build import GuestBuild
from recorded_run import Keeper, Reenact
from travelling import random_positions, state

import reenact as package
from reenact.errors import ReplayError, UsageError
from reenact.session.positions import Position
from reenact.session.session import Session
from reenact.session.values import StopReason

#: Guests with the events that make positions difficult, and how many processes they have.
GUESTS = (
    "signal_nested",
    "signal_jump",
    "fault_fix",
    "exec_chain",
    "vfork",
    "code_self_modifying",
    "string_instructions",
    "vector_state",
    "x87_state",
    "thread_sync",
    "thread_exit_group",
    "map_remap",
    "map_alias",
    "map_shared",
    "landing",
)


@pytest.fixture
def opened(reenact: Reenact, guests: GuestBuild, keeper: Keeper):
    """Record a guest, and open its trace."""

    def record(name: str, *arguments: str) -> package.trace.Trace:
        program = guests.build(f"{name}.c", f"{name}-O2", ("-O2", "-pthread"))
        reenact.record([str(program), *arguments], keeper.trace())
        return package.open(keeper.trace())

    return record


def check_states(trace: package.trace.Trace, process: int, count: int) -> None:
    """What is seen going forwards in one session is seen in any order in another one."""
    with trace.replay(process) as session:
        positions = sorted(random_positions(session, count, seed=process))
    seen = {}
    with trace.replay(process) as session:
        for position in positions:
            session.goto(position)
            assert session.position == position
            seen[position] = state(session)
    with trace.replay(process) as session:
        session.goto("end")
        for position in positions[::-1] + positions[::2] + positions[1::2]:
            session.goto(position)
            assert session.position == position
            assert state(session) == seen[position], str(position)


def check_steps(session: Session, count: int) -> None:
    """Steps back undo steps forward."""
    passed = []
    while len(passed) < count:
        passed.append((session.canonical(session.position), state(session)))
        if session.stepi().reason != StopReason.POSITION:
            break
    for position, before in passed[::-1]:
        session.reverse_stepi()
        assert (session.canonical(session.position), state(session)) == (position, before)


@pytest.mark.parametrize("name", GUESTS)
def test_a_position_is_a_state(name: str, opened) -> None:
    trace = opened(name)
    for process in trace.processes[:3]:
        check_states(trace, process.number, 3)


@pytest.mark.parametrize("name", ["signal_nested", "thread_sync", "vfork", "fault_fix"])
def test_steps_back_undo_steps(name: str, opened) -> None:
    with opened(name).replay() as session:
        for position in random_positions(session, 2, seed=7):
            session.goto(position)
            check_steps(session, 6)


def test_moving_about(opened) -> None:
    with opened("compute").replay() as session:
        start, end = session.start, session.end
        assert session.position == start < end
        assert session.goto("end").reason == StopReason.END
        assert session.position == end
        assert session.continue_().reason == StopReason.END
        assert session.stepi().reason == StopReason.END
        session.goto("50%")
        middle = session.position
        total = session.instructions
        assert start < middle < end
        session.reverse_stepi(1000)
        assert session.position < middle
        assert session.stepi(1000).position == middle
        assert session.instructions == total
        assert session.goto(str(middle)).position == middle
        assert session.reverse_continue().reason == StopReason.START
        assert session.reverse_stepi().reason == StopReason.START
        assert session.goto("0s").position >= start


def test_breakpoints_in_both_directions(opened) -> None:
    with opened("compute").replay() as session:
        session.goto("60%")
        address = session.registers.rip
        session.goto("start")
        point = session.add_breakpoint(address)
        hits = []
        while len(hits) < 5 and session.continue_().reason == StopReason.BREAKPOINT:
            assert session.registers.rip == address
            hits.append((session.position, state(session)))
        assert len(hits) == point.hits > 0
        for position, before in hits[-2::-1]:
            stop = session.reverse_continue()
            assert (stop.reason, stop.position) == (StopReason.BREAKPOINT, position)
            assert state(session) == before
        assert session.reverse_continue().reason == StopReason.START
        # A condition decides, in both directions, with the session at the hit.
        asked = []
        point.condition = lambda at: asked.append(at.position) or at.position == hits[0][0]
        session.goto(hits[-1][0])
        stop = session.reverse_continue()
        assert (stop.reason, stop.position) == (StopReason.BREAKPOINT, hits[0][0])
        assert set(asked) == {position for position, _ in hits[:-1]}
        point.is_enabled = False
        assert session.continue_().reason == StopReason.END


def test_movements_go_no_further_than_they_may(opened) -> None:
    """With a limit, a hit before it counts, and one behind it does not."""
    with opened("signal_nested").replay() as session:
        session.catch("syscall")
        stops = [session.continue_().position for _ in range(8)]
        session.goto("start")
        assert session.continue_(stops[2]).position == stops[0]
        session.goto(stops[3])
        session.stepi()
        between = session.position
        assert stops[3] < between < stops[4]
        session.goto(stops[5])
        found = session.reverse_continue(between)
        assert found.position == stops[4]
        found = session.reverse_continue(between)
        assert (found.reason, found.position) == (StopReason.POSITION, between)
        session.goto("start")
        for position in stops[:4]:
            assert session.continue_(between).position == position
        found = session.continue_(between)
        assert (found.reason, found.position) == (StopReason.POSITION, between)


def test_an_event_where_a_copy_waits_is_caught(opened) -> None:
    """Backwards each catch is hit that is hit forwards, wherever copies have been left."""
    with opened("signal_nested").replay() as session:
        session.catch("signal")
        stops = []
        while (stop := session.continue_()).reason == StopReason.CATCH:
            stops.append(stop.position)
        assert len(stops) > 1
        # Leaving a place for a far one leaves a copy there.
        for position in stops:
            session.goto(position)
            session.goto("end")
        for position in stops[::-1]:
            assert session.reverse_continue().position == position
        assert session.reverse_continue().reason == StopReason.START


def test_a_breakpoint_where_a_copy_waits_is_hit(opened) -> None:
    """A copy that has stopped at a breakpoint does not stand behind it for who goes back."""
    with opened("signal_nested").replay() as session:
        session.goto("50%")
        there = session.position
        point = session.add_breakpoint(session.registers.rip)
        session.goto("start")
        stops = []
        while (stop := session.continue_()).reason == StopReason.BREAKPOINT:
            stops.append(stop.position)
            # Leaves the copy that has stopped there.
            session.goto("end")
            session.goto(stop.position)
        assert there in stops
        for position in stops[::-1]:
            assert session.reverse_continue().position == position
        assert session.reverse_continue().reason == StopReason.START
        point.remove()


def test_the_last_of_very_many_hits(opened) -> None:
    """Backwards over a loop full of hits: the last one is found, and no other."""
    with opened("compute").replay() as session:
        session.goto("50%")
        point = session.add_breakpoint(session.registers.rip)
        session.goto("90%")
        hits = []
        while len(hits) < 20 and session.reverse_continue().reason == StopReason.BREAKPOINT:
            hits.append(session.position)
        assert hits
        for position in hits[-2::-1]:
            assert session.continue_().position == position
        point.remove()


def test_turns_of_threads(opened) -> None:
    """Where a thread runs next and where it has run last, seen from where others run."""
    with opened("thread_sync").replay() as session:
        session.goto("50%")
        assert len(session.threads) > 1
        for thread in session.threads:
            for backward in (False, True):
                session.goto("50%")
                turn = session.turn_of(thread.tid, backward=backward)
                assert turn is not None
                assert (turn < session.position) == backward
                assert session.goto(turn).thread == thread.tid
        session.goto("50%")
        assert session.turn_of(1) is None
        assert session.turn_of(1, backward=True) is None


def test_catches_in_both_directions(opened) -> None:
    trace = opened("signal_nested")
    with trace.replay() as session:
        first = session.start.event
        signals = [event.index for event in trace.events(0, first, kinds=("signal",))]
        assert signals
        session.catch("signal")
        forwards = []
        while (stop := session.continue_()).reason == StopReason.CATCH:
            assert stop.event is not None
            assert stop.event.kind == "signal"
            forwards.append(stop.position.event)
        backwards = []
        while (stop := session.reverse_continue()).reason == StopReason.CATCH:
            backwards.append(stop.position.event)
        assert forwards == backwards[::-1] == signals
        with pytest.raises(UsageError, match="cannot catch 'moon'"):
            session.catch("moon")


def test_branches_leave_history_alone(opened) -> None:
    with opened("compute").replay() as session:
        session.goto("30%")
        before, registers = state(session), session.registers
        # A function of one instruction: `lea rax, [rdi + rsi]`, `ret`.
        code = bytes.fromhex("488d0437c3")
        with session.branch():
            session.write_memory(registers.rip, code)
            assert session.memory[registers.rip : registers.rip + len(code)] == code
            assert session.call(registers.rip, 40, 2) == 42
            session.write_memory(registers.rip, bytes.fromhex("0f05"))
            with pytest.raises(UsageError, match="makes the system call read"):
                session.call(registers.rip)
            session.set_registers(registers.replaced(rbx=1))
            assert session.registers["rbx"] == 1
            with pytest.raises(UsageError, match="a branch does not move"):
                session.stepi()
        assert state(session) == before
        with pytest.raises(UsageError, match="cannot be changed"):
            session.write_memory(registers.rip, code)


def test_places_that_do_not_exist(opened) -> None:
    trace = opened("compute")
    with pytest.raises(UsageError, match="no process 7"):
        trace.replay(7)
    with trace.replay() as session:
        session.goto("20%")
        here = session.position
        before = state(session)
        for where in (Position(0, 0), Position(0, 10**9), Position(0, here.event, 10**12), -1):
            with pytest.raises(UsageError, match="there is no position"):
                session.goto(where)
            assert session.position == here
        for where in ("nowhere", "x%", "101%", "1:2", "0:x"):
            with pytest.raises(UsageError):
                session.goto(where)
        assert state(session) == before
        with pytest.raises(ReplayError, match="no memory at"):
            _ = session.memory[0:8]
        assert session.memory.read(0, 8) == b""


def test_times_of_day(opened) -> None:
    trace = opened("compute")
    began = datetime.datetime.fromtimestamp(trace.manifest.start_ns / 1e9)
    with trace.replay() as session:
        at_start = session.goto(began).position
        assert session.goto(f"{began:%H:%M:%S.%f}").position == at_start
        assert session.goto(f"{began:%H:%M:%S}").position == at_start
        for where in (f"{began + datetime.timedelta(hours=1):%H:%M:%S}", "25:00:00", "05:61:00"):
            with pytest.raises(UsageError, match=r"is no moment|is no place"):
                session.goto(where)
        assert session.position == at_start


def test_kinds_that_no_event_is_of(opened) -> None:
    with pytest.raises(UsageError, match="no kind of events 'x'") as raised:
        opened("compute").events(0, kinds=["x"])
    assert "syscall" in raised.value.hint


def test_data_before_an_event_is_part_of_it(opened) -> None:
    trace = opened("big_read")
    with trace.replay() as session:
        data = list(trace.events(0, session.start.event, kinds=("data",)))
        assert len(data) > 3
        for event in data[:3]:
            following = next(e for e in trace.events(0, event.index) if e.kind != "data")
            assert session.goto(event.index).position.event == following.index
        assert session.goto(session.end.event).position.event == session.end.event


def go_everywhere(session: Session) -> None:
    _ = session.registers
    for place in ("start", "end", "start"):
        session.goto(place)


@pytest.mark.parametrize("victim", ["first", "present"])
def test_a_killed_replayer_is_an_error_and_stays_one(victim: str, opened) -> None:
    with opened("compute").replay() as session:
        session.goto("20%")
        first, present = session._replayer._group.process.pid, session._replayed.present.pid
        os.kill(first if victim == "first" else present, signal.SIGKILL)
        if victim == "first":
            os.waitid(os.P_PID, first, os.WEXITED | os.WNOWAIT)
        with pytest.raises(ReplayError, match="the replayer") as raised:
            go_everywhere(session)
        assert raised.value.hint
        for attempt in (session.stepi, session.reverse_continue, lambda: session.goto("start")):
            with pytest.raises(ReplayError, match="the replayer"):
                attempt()


def changes(session: Session, address: int, size: int, steps: int) -> list[Position]:
    """Positions after the steps that change memory, found by looking after each."""
    found = []
    before = session.memory.read(address, size)
    for _ in range(steps):
        session.stepi()
        now = session.memory.read(address, size)
        if now != before:
            found.append(session.canonical(session.position))
        before = now
    return found


def watch_hits(session: Session, until: Position) -> list[Position]:
    """Where `continue_` stops at watchpoints, up to a position."""
    hits = []
    while session.continue_().reason == StopReason.WATCHPOINT and session.position <= until:
        hits.append(session.canonical(session.position))
    return hits


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("compute", "71%"),
        ("signal_nested", "60%"),
        ("string_instructions", "55%"),
        ("thread_sync", "50%"),
        ("files", "50%"),
        ("vector_state", "40%"),
    ],
)
def test_watchpoints_see_every_change(name: str, place: str, opened) -> None:
    with opened(name).replay() as session:
        session.goto(place)
        begin = session.position
        for offset, size in ((-64, 64), (8, 3), (-4096, 8192)):
            session.goto(begin)
            address = session.registers.rsp + offset
            changed = changes(session, address, size, 1500)
            end = session.position
            session.goto(begin)
            point = session.watch(address, size)
            forwards = watch_hits(session, end)
            # A write of the value that is there already is a hit as well.
            assert set(changed) <= set(forwards)
            assert point.hits >= len(forwards)
            session.goto(end)
            backwards = []
            while session.reverse_continue().reason == StopReason.WATCHPOINT:
                if session.position < begin:
                    break
                # Before the access: one step further it has happened.
                here = session.position
                session.stepi()
                backwards.append(session.canonical(session.position))
                session.goto(here)
            assert backwards[::-1] == forwards
            point.remove()


def test_last_and_next_write(opened) -> None:
    trace = opened("files")
    with trace.replay() as session:
        reads = [
            event
            for event in trace.events(0, session.start.event, kinds=("syscall",))
            if event.code == 0 and event.result > 0
        ]
        assert reads
        event = reads[-1]
        buffer = event.args[1]
        session.goto(event.index)
        # The system call wrote it: right before that event.
        stop = session.last_write(buffer, 1)
        assert (stop.reason, stop.address) == (StopReason.WATCHPOINT, buffer)
        assert session.stepi().position.event == event.index
        assert session.goto(stop.position).reason == StopReason.POSITION
        again = session.next_write(buffer, 1)
        assert (again.reason, again.position.event) == (StopReason.WATCHPOINT, event.index)
        session.goto("start")
        stack = session.registers.rsp
        assert session.last_write(stack).reason == StopReason.START
        for size, kind in ((0, "write"), (8, "moon"), (-1, "read")):
            with pytest.raises(UsageError, match="cannot watch"):
                session.watch(stack, size, kind)


def test_read_watchpoints(opened) -> None:
    with opened("compute").replay() as session:
        session.goto("71%")
        for _ in range(200):
            # The next `pop` or `ret`: it reads the top of the stack.
            code = session.memory.read(session.registers.rip, 2)
            if 0x58 <= code[0] <= 0x5F or code[0] == 0xC3:
                break
            session.stepi()
        else:
            pytest.fail("no instruction that pops")
        before, top = session.position, session.registers.rsp
        session.stepi()
        after = session.position
        session.goto(before)
        session.watch(top, 8, "write")
        access = session.watch(top, 8, "read")
        stop = session.continue_()
        assert (stop.reason, stop.position, stop.address) == (StopReason.WATCHPOINT, after, top)
        assert access.hits == 1
        assert session.reverse_continue().position == before


@pytest.mark.parametrize("how", ["segv", "execute", "fpe", "ill", "trap", "overflow", "abort"])
def test_a_fatal_fault_is_seen_before_it(how: str, opened) -> None:
    with opened("fault_die", how).replay() as session:
        stop = session.continue_()
        assert stop.reason == StopReason.END
        assert stop.position == session.position == session.end
        assert session.canonical(stop.position) == stop.position
        died = state(session)
        assert session.stepi().reason == StopReason.END
        session.goto("start")
        assert session.goto("end").position == stop.position
        assert state(session) == died
        session.reverse_stepi()
        assert session.stepi().position == stop.position


def test_a_movement_can_be_interrupted(opened) -> None:
    with opened("compute").replay() as session:
        asked = threading.Event()

        def never(at: Session) -> bool:
            asked.set()
            return False

        # A hit a hundred thousand times: asking about each takes longer than to interrupt.
        session.goto("71%")
        point = session.add_breakpoint(session.registers.rip, never)
        other = threading.Thread(target=lambda: (asked.wait(60), session.interrupt()))
        session.goto("start")
        other.start()
        stop = session.continue_()
        other.join()
        assert stop.reason == StopReason.INTERRUPTED
        point.remove()
        assert session.goto("start").reason == StopReason.START
        assert session.continue_().reason == StopReason.END


REAL = {
    "python": [sys.executable, "-c", "import json; print(len(json.dumps(list(range(1000)))))"],
    "gcc": ["gcc", "-O2", "-xc", "-S", "-o-", "-"],
}


@pytest.mark.parametrize("name", REAL)
def test_real_programs(name: str, reenact: Reenact, keeper: Keeper) -> None:
    command = REAL[name]
    if shutil.which(command[0]) is None:
        skips.skip(skips.Reason.NO_PROGRAM, command[0])
    source = b"int twice(int x) { return 2 * x; }\n"
    reenact.record(command, keeper.trace(), stdin=source if name == "gcc" else b"")
    trace = package.open(keeper.trace())
    last = trace.processes[-1].number
    check_states(trace, last, 1)
    with trace.replay(last) as session:
        session.goto("80%")
        here = session.position
        check_steps(session, 4)
        session.goto(here)
        # Who wrote what the stack pointer points at, and what happens on.
        address = session.registers.rsp
        value = session.memory.read(address, 8)
        stop = session.last_write(address)
        assert stop.reason == StopReason.WATCHPOINT
        session.stepi()
        assert session.memory.read(address, 8) == value
        stop = session.next_write(address)
        assert session.position > here or stop.reason == StopReason.END
