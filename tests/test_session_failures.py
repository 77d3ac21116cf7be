"""What goes wrong in a session is told in one sentence, and the session is as good as before."""

from __future__ import annotations

import gc
import os
import random
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import skips
from debugger_session import built
from recorded_run import Keeper, Reenact
from travelling import state

import reenact as package
from reenact.errors import ReenactError, ReplayError, UsageError
from reenact.session.positions import Position
from reenact.session.session import Session
from reenact.session.values import StopReason

#: A function whose parameters are gone once they were used.
OPTIMIZED = """
#include <stdio.h>
static int sink;
__attribute__((noinline)) int work(int gone, int *kept)
{
    sink = gone;
    asm volatile("" : : : "rdi", "rax", "rbx", "rcx", "rdx", "r8", "r9", "r10", "r11", "memory");
    puts("here");
    *kept = 1;
    return sink;
}
int main(int argc, char **argv)
{
    int kept = (int)(argv != 0);
    return work(argc + 4, &kept) + kept - 6;
}
"""


@pytest.fixture(scope="module")
def walk(reenact: Reenact, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recording of walk.c."""
    folder = tmp_path_factory.mktemp("walk")
    reenact.record([str(built("walk.c", folder))], folder / "trace")
    return folder / "trace"


@pytest.fixture
def session(walk: Path) -> Iterator[Session]:
    """In the middle of walk.c."""
    with package.open(walk).replay() as opened:
        point = opened.add_breakpoint("square")
        assert opened.continue_().reason == StopReason.BREAKPOINT
        point.remove()
        yield opened


HUGE = 10**30
Attempt = Callable[[Session], object]
REFUSED: dict[str, tuple[Attempt, str]] = {
    "unknown function": (lambda s: s.add_breakpoint("nosuch"), "no function is named nosuch"),
    "unknown file": (lambda s: s.add_breakpoint("nosuch.c:3"), "names a file nosuch.c"),
    "line behind the end": (lambda s: s.add_breakpoint("walk.c:999"), "no code at line 999"),
    "no address": (lambda s: s.add_breakpoint(-1), "is no address"),
    "unknown variable": (lambda s: s.evaluate("nosuch"), "no variable nosuch"),
    "no expression": (lambda s: s.evaluate("1 +"), "is not an expression"),
    "empty expression": (lambda s: s.evaluate(""), "empty expression"),
    "unknown type": (lambda s: s.evaluate("(struct nosuch *)1"), "no type is named nosuch"),
    "unknown register": (lambda s: s.evaluate("$nosuch"), "no register nosuch"),
    "unknown member": (lambda s: s.evaluate("record.nosuch"), "no member nosuch"),
    "null pointer": (lambda s: s.evaluate("*nowhere"), "cannot be read"),
    "division": (lambda s: s.evaluate("1 / 0"), "division by zero"),
    "no memory": (lambda s: s.memory[0:8], "no memory at 0x0"),
    "half of the memory": (lambda s: s.memory[: 1 << 62], "memory is read as"),
    "one byte of memory": (lambda s: s.memory[0], "memory is read as"),
    "watch nothing": (lambda s: s.watch("counter", 0), "cannot watch 0 bytes"),
    "watch a number": (lambda s: s.watch("counter + 1"), "is not in memory"),
    "watch somehow": (lambda s: s.watch("counter", kind="moon"), "cannot watch for 'moon'"),
    "catch something": (lambda s: s.catch("butterfly"), "cannot catch 'butterfly'"),
    "no such frame": (lambda s: s.locals(99), "no frame 99"),
    "negative frame": (lambda s: s.evaluate("1", -1), "no frame -1"),
    "no such thread": (lambda s: s.frames(1), "no thread 1 at this position"),
    "before the start": (lambda s: s.goto(0), "no position"),
    "behind the end": (lambda s: s.goto("0:99999999"), "no position"),
    "too many instructions": (lambda s: s.goto(f"0:{s.position.event}+99999999999"), "no position"),
    "another process": (lambda s: s.goto("7:3"), "position of process 7"),
    "no place": (lambda s: s.goto("somewhere"), "no place in a trace"),
    "too much": (lambda s: s.goto("100.5%"), "no part of a trace"),
    "no part": (lambda s: s.goto("nan%"), "no part of a trace"),
    "too late": (lambda s: s.goto("99999s"), "no moment of this recording"),
    "too early": (lambda s: s.goto("1999-12-31 23:59:59"), "no moment of this recording"),
    "no time": (lambda s: s.goto("9-9-9"), "no place in a trace"),
    "no bookmark": (lambda s: s.goto("@nosuch"), "no bookmark 'nosuch'"),
    "no destination": (lambda s: s.goto(None), "no place in a trace"),
    "steps into the past": (lambda s: s.stepi(-1), "cannot take -1 steps"),
    "change the past": (lambda s: s.write_memory(0, b"x"), "the past cannot be changed"),
    "call in the past": (lambda s: s.call(0), "the past cannot be changed"),
    "an event beyond all": (lambda s: s.goto(HUGE), "no position"),
    "a position beyond all": (lambda s: s.goto(Position(0, s.position.event, HUGE)), "no position"),
    "a negative position": (lambda s: s.goto(Position(0, 3, -1)), "no position"),
    "a negative event": (lambda s: s.goto(-1), "no position"),
    "digits without end": (lambda s: s.goto("9" * 5000), "no place in a trace"),
    "a position of digits": (lambda s: s.goto("0:" + "9" * 5000), "is not a position"),
    "another script's digits": (lambda s: s.goto("\u0663"), "no place in a trace"),
    "until beyond all": (lambda s: s.continue_(Position(0, HUGE)), "no position"),
    "back beyond all": (lambda s: s.reverse_continue(Position(0, -HUGE)), "no position"),
    "a time before clocks": (lambda s: s.goto("0001-01-01 00:00"), "no place in a trace"),
    "a time behind clocks": (lambda s: s.goto("9999-12-31 23:59:59"), "no moment of this"),
    "endless seconds": (lambda s: s.goto("1e400s"), "no moment of this recording"),
    "memory beyond all": (lambda s: s.memory.read(HUGE, 8), "is no address"),
    "memory before all": (lambda s: s.memory.read(-8, 8), "is no address"),
    "a slice beyond all": (lambda s: s.memory[HUGE : HUGE + 8], "is no address"),
    "a slice from the end": (lambda s: s.memory[-8:0], "is no address"),
    "checksum of nowhere": (lambda s: s.memory.checksum(HUGE, 8), "is no address"),
    "a frame beyond all": (lambda s: s.frame(HUGE), "there is no frame"),
    "a thread beyond all": (lambda s: s.frames(HUGE), "there is no thread"),
    "a long number": (lambda s: s.evaluate("9" * 5000), "does not fit in 64 bits"),
    "a large number": (lambda s: s.evaluate("0x" + "f" * 17), "does not fit in 64 bits"),
    "a deep expression": (lambda s: s.evaluate("(" * 3000 + "1" + ")" * 3000), "too deeply"),
    "many signs": (lambda s: s.evaluate("-" * 3000 + "1"), "too deeply"),
    "a wide shift": (lambda s: s.evaluate("1 << 99999999999"), "a shift by"),
    "a shift to nowhere": (lambda s: s.evaluate("1 << -1"), "a shift by"),
    "a line beyond all": (lambda s: s.add_breakpoint("walk.c:" + "9" * 5000), "no function"),
    "too many breakpoints": (
        lambda s: [s.add_breakpoint(n * 16) for n in range(5000)],
        "too many",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_does_not_exist(name: str, session: Session) -> None:
    attempt, message = REFUSED[name]
    here, before = session.position, state(session)
    with pytest.raises((UsageError, ReplayError), match=message) as raised:
        attempt(session)
    assert raised.value.message
    assert "\n" not in raised.value.message
    for point in session.points:
        point.remove()
    assert (session.position, state(session)) == (here, before)
    assert session.stepi().reason == StopReason.POSITION
    assert session.reverse_stepi().position == here


def test_more_steps_than_there_are(session: Session) -> None:
    assert session.stepi(HUGE).reason == StopReason.END
    assert session.reverse_stepi(HUGE).reason == StopReason.START
    assert session.continue_(Position(0, 1 << 62)).reason == StopReason.END
    assert session.reverse_continue(Position(0, 0)).reason == StopReason.START


def test_a_closed_session_says_so(session: Session) -> None:
    session.close()
    assert session.is_closed
    assert "closed" in repr(session)
    attempts: tuple[Attempt, ...] = (
        lambda s: s.registers,
        lambda s: s.threads,
        lambda s: s.frames(),
        lambda s: s.evaluate("counter"),
        lambda s: s.memory[0:8],
        lambda s: s.stepi(),
        lambda s: s.reverse_stepi(),
        lambda s: s.step(),
        lambda s: s.reverse_next(),
        lambda s: s.continue_(),
        lambda s: s.reverse_continue(),
        lambda s: s.goto("start"),
        lambda s: s.goto("end"),
        lambda s: s.last_write(0x1000),
        lambda s: s.branch().__enter__(),
    )
    for attempt in attempts:
        with pytest.raises(ReplayError, match="the session has been closed"):
            attempt(session)
    session.close()


def test_a_condition_that_fails_is_its_owner_s_business(session: Session) -> None:
    here = session.position
    point = session.add_breakpoint("add", lambda at: 1 // 0)
    for move in (session.continue_, session.reverse_continue):
        session.goto(here)
        with pytest.raises(ZeroDivisionError):
            move()
        point.is_enabled = False
        session.goto(here)
        assert session.evaluate("value") == session.evaluate("counter")
        point.is_enabled = True


def test_a_program_without_symbols(reenact: Reenact, keeper: Keeper, tmp_path: Path) -> None:
    if shutil.which("strip") is None:
        skips.skip(skips.Reason.NO_PROGRAM, "strip")
    program = built("walk.c", tmp_path, "-fasynchronous-unwind-tables")
    subprocess.run(["strip", "--strip-all", program], check=True)
    reenact.record([str(program)], keeper.trace())
    with package.open(keeper.trace()).replay() as session:
        with pytest.raises(UsageError, match="no function is named square") as raised:
            session.add_breakpoint("square")
        assert "stripped" in raised.value.hint
        with pytest.raises(UsageError, match=r"names a file walk\.c"):
            session.add_breakpoint("walk.c:22")
        point = session.add_breakpoint("printf")
        assert session.continue_().reason == StopReason.BREAKPOINT
        point.remove()
        frames = session.frames()
        assert len(frames) >= 3
        assert frames[1].function is None
        assert session.locals(1) == {}
        with pytest.raises(UsageError, match="no variable counter"):
            session.evaluate("counter", 1)
        assert session.evaluate("$rdi") == session.registers["rdi"]
        assert session.reverse_finish().reason == StopReason.POSITION
        # What is called next is printf, through the linkage table.
        assert session.memory[session.registers.rip : session.registers.rip + 1] == b"\xe8"


def test_variables_that_are_optimized_out(reenact: Reenact, keeper: Keeper, tmp_path: Path) -> None:
    if shutil.which("gcc") is None:
        skips.skip(skips.Reason.NO_COMPILER, "gcc")
    (tmp_path / "gone.c").write_text(OPTIMIZED)
    program = tmp_path / "gone"
    subprocess.run(["gcc", "-g", "-O2", "-o", program, tmp_path / "gone.c"], check=True)
    reenact.record([str(program)], keeper.trace())
    with package.open(keeper.trace()).replay() as session:
        point = session.add_breakpoint("work")
        session.continue_()
        point.remove()
        # At the first instruction parameters are where the caller put them.
        assert session.evaluate("gone") == 5
        assert session.locals()["gone"] == 5
        session.add_breakpoint("puts")
        session.continue_()
        level = next(f.level for f in session.frames() if f.function == "work")
        assert session.locals(level)["gone"] is None
        with pytest.raises(UsageError, match="gone is optimized out here"):
            session.evaluate("gone", level)
        assert session.evaluate("*kept", level) == 0


def test_interrupts_at_any_moment_lose_nothing(session: Session) -> None:
    """Ctrl-C may come between a request and its reply: what is asked next gets its own answer."""
    session.goto("start")
    places = [session.start, session.end]
    for part in (30, 60, 90):
        session.goto(f"{part}%")
        places.append(session.position)
    known = {}
    for place in places:
        session.goto(place)
        known[place] = state(session)
    choice = random.Random(5)

    def interrupt(*_arguments: object) -> None:
        raise KeyboardInterrupt

    moves: tuple[Attempt, ...] = (
        lambda s: s.goto(choice.choice(places)),
        lambda s: s.stepi(choice.randint(1, 5000)),
        lambda s: s.reverse_continue(),
        lambda s: [s.registers, s.threads, s.mappings],
        state,
        lambda s: s.reverse_stepi(3),
    )
    before = signal.signal(signal.SIGALRM, interrupt)
    interrupted = 0
    try:
        for number in range(120):
            try:
                signal.setitimer(signal.ITIMER_REAL, choice.uniform(0.0002, 0.02))
                moves[number % len(moves)](session)
                signal.setitimer(signal.ITIMER_REAL, 0)
            except KeyboardInterrupt:
                interrupted += 1
            signal.setitimer(signal.ITIMER_REAL, 0)
            if number % 10 == 9:
                place = choice.choice(places)
                session.goto(place)
                assert session.position == place
                assert state(session) == known[place]
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert interrupted > 0


def test_another_thread_may_look_how_far_it_is(session: Session) -> None:
    """As the progress bar of `reenact trace` does it."""
    is_over = threading.Event()
    seen = set()

    def look() -> None:
        while not is_over.wait(0.0001):
            seen.add(session.position)

    looker = threading.Thread(target=look, daemon=True)
    looker.start()
    try:
        for _ in range(20):
            assert session.goto("start").reason == StopReason.START
            assert session.continue_().reason == StopReason.END
    finally:
        is_over.set()
        looker.join()
    assert session.end in seen


def test_a_forked_process_leaves_the_session_alone(session: Session) -> None:
    before = state(session)
    child = os.fork()
    if child == 0:
        # As `multiprocessing` does it: our objects are there, and collected at the end.
        status = 1
        try:
            session.stepi()
        except ReplayError as error:
            status = 0 if "forked from" in error.message else 2
        try:
            session.close()
            gc.collect()
        except ReenactError:
            status = 3
        os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert state(session) == before
    assert session.stepi().reason == StopReason.POSITION


def test_a_session_that_is_forgotten_ends_its_replayer(session: Session) -> None:
    other = session.trace.replay()
    pid = other._replayer._group.process.pid
    assert os.path.exists(f"/proc/{pid}")
    del other
    gc.collect()
    assert not os.path.exists(f"/proc/{pid}")


def test_processes_that_do_not_exist(session: Session) -> None:
    for number in (1, 99, -1):
        with pytest.raises(UsageError, match=f"no process {number}"):
            session.trace.replay(number)
