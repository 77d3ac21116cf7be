"""Registers and frames belong to the thread they are asked for, wherever gdb has been sent to."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from debugger_session import built, need_gdb, record
from gdb_machine import Machine
from recorded_run import Reenact
from remote_client import served

import reenact as package
from reenact.session.values import StopReason


@pytest.fixture(scope="module")
def trace(reenact: Reenact, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recording of turns.c: two threads count in turns."""
    folder = tmp_path_factory.mktemp("turns")
    return record(reenact, folder / "trace", built("turns.c", folder))


@pytest.fixture(scope="module")
def moments(trace: Path) -> list[tuple[str, dict[int, int]]]:
    """Positions at which this or that thread counts; instruction pointers of all threads there."""
    found = []
    with package.open(trace).replay() as session:
        session.add_breakpoint("turns.c:15")
        while session.continue_().reason == StopReason.BREAKPOINT:
            pointers = {thread.tid: thread.registers.rip for thread in session.threads}
            found.append((str(session.position), pointers))
    assert len(found) == 6
    return found


@pytest.fixture
def machine(reenact: Reenact, trace: Path) -> Iterator[Machine]:
    """gdb on it."""
    with Machine(reenact, trace) as opened:
        yield opened


def shown(machine: Machine) -> dict[int, int]:
    """The instruction pointer that gdb shows of each thread that is there; others are at 0."""
    text = machine.tell("thread apply all print/x $pc").text
    # Newer gdbs write what a command for all threads prints as a record of the machine interface.
    shape = r"Thread \d+ \(Thread \d+\.(\d+)(.*)\):\s+(?:~\")?\$\d+ = (0x[0-9a-f]+)"
    found = re.findall(shape, text)
    assert found, text
    absent = [pointer for _, more, pointer in found if re.search("ended|not made yet", more)]
    assert set(absent) <= {"0x0"}, text
    assert len(found) == 2, text
    there = [(tid, pointer) for tid, more, pointer in found if re.search("runs here|waits", more)]
    assert len(there) + len(absent) == len(found), text
    return {int(tid): int(pointer, 16) for tid, pointer in there}


@pytest.mark.parametrize("selected", [1, 2, None])
def test_each_thread_has_its_own(
    selected: int | None, machine: Machine, moments: list[tuple[str, dict[int, int]]]
) -> None:
    """After goto, with this or that thread selected before."""
    for position, pointers in [*moments, *reversed(moments), *moments[::2], *moments[1::2]]:
        if selected is not None:
            machine.tell(f"thread {selected}")
        machine.tell(f"goto {position}")
        assert shown(machine) == pointers, position
        frames = machine.tell("thread apply all backtrace 1").text
        assert frames.count("play (") <= 2
    machine.tell("goto start")
    assert len(shown(machine)) == 1


def test_after_last(machine: Machine, moments: list[tuple[str, dict[int, int]]]) -> None:
    """The thread that wrote is the one that is shown."""
    machine.tell(f"goto {moments[-1][0]}")
    for _ in range(5):
        machine.tell("thread 2")
        machine.tell("last turn")
        pointers = shown(machine)
        where = machine.tell("when").text.strip()
        with_frame = machine.tell("frame").text
        assert "turns.c:14" in with_frame, with_frame
        machine.tell(f"goto {where}")
        assert shown(machine) == pointers


def test_at_the_end(
    machine: Machine, trace: Path, moments: list[tuple[str, dict[int, int]]]
) -> None:
    """gdb has no registers of a thread that has ended, the session the one that ended last."""
    machine.tell(f"goto {moments[1][0]}")
    machine.tell("thread 2")
    machine.tell("goto end")
    with package.open(trace).replay() as session:
        session.goto("end")
        assert [thread.tid for thread in session.threads] == [session.thread]
        assert session.threads[0].registers == session.registers
        assert session.frames(session.thread) == session.frames()
        assert shown(machine) == {session.thread: session.registers.rip}
        assert "exit" in machine.tell("backtrace").text


def test_nothing_was_written(machine: Machine, moments: list[tuple[str, dict[int, int]]]) -> None:
    """Then `last` leaves the position, the frame and the memory as they are."""
    machine.tell(f"goto {moments[2][0]}")
    before = [machine.tell(line).text for line in ("when", "backtrace", "print turn")]
    assert "not written" in machine.tell("last lock.__data.__kind").text
    assert [machine.tell(line).text for line in ("when", "backtrace")] == before[:2]
    assert machine.tell("print turn").text.split("=")[1] == before[2].split("=")[1]


def test_a_gdb_without_our_commands(
    reenact: Reenact, trace: Path, moments: list[tuple[str, dict[int, int]]]
) -> None:
    """It cannot be made to look again, so it is told how: what it then shows is true."""
    position, pointers = moments[3]
    with served(reenact, trace) as (_, port):
        words = [need_gdb(), "-nx", "-batch", "-ex", "set sysroot target:"]
        words += ["-ex", f"target extended-remote localhost:{port}"]
        gone = subprocess.run(
            [*words, "-ex", f"monitor goto {position}"], check=True, capture_output=True, text=True
        )
        advice = re.findall("^  (maintenance .*)$", gone.stdout + gone.stderr, re.MULTILINE)
        assert advice, gone
        for line in (f"monitor goto {position}", *advice, "info threads", "print/x $pc"):
            words += ["-ex", line]
        done = subprocess.run(words, check=True, capture_output=True, text=True)
    shown_pointer = int(re.findall(r"^\$1 = (0x[0-9a-f]+)", done.stdout, re.MULTILINE)[0], 16)
    assert shown_pointer in pointers.values(), done
    assert "turns.c:15" in done.stdout, done
