"""Sessions on processes that share memory: each alone sees what the others have written."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from guest_build import GuestBuild
from recorded_run import Keeper, Reenact
from trace_editing import EditableTrace
from travelling import random_positions, state

import reenact as package
from reenact.session import shared_changes

GUESTS = Path(__file__).resolve().parent / "guests"

POOL = """
import multiprocessing

def square(number):
    return number * number

if __name__ == "__main__":
    counter = multiprocessing.Value("i", 0)
    with multiprocessing.Pool(2) as pool:
        print(sum(pool.map(square, range(100))))
"""


def _walk(trace: package.trace.Trace) -> None:
    """Each process to its end; a few positions backwards as they were forwards."""
    for process in trace.processes:
        with trace.replay(process) as session:
            session.goto("end")
            # The last event is that of the end itself.
            assert session.position.event >= process.events - 2, session.position
            positions = sorted(set(random_positions(session, 2, seed=process.number)))
            forwards = []
            for position in positions:
                session.goto(position)
                forwards.append(state(session))
            for position, expected in zip(reversed(positions), reversed(forwards)):
                session.goto(position)
                assert state(session) == expected, position


@pytest.mark.parametrize(
    "name", ["share_mutex", "share_spin", "share_memfd", "share_file", "share_system_v"]
)
def test_guests(name: str, reenact: Reenact, guests: GuestBuild, keeper: Keeper) -> None:
    """Memory without a file, with one, and segments; spins, locks, what another program maps."""
    program = guests.build(f"{name}.c", f"{name}-O2", ("-O2", "-pthread"))
    recorded = reenact.record([str(program)], keeper.trace())
    assert recorded.status == 0, recorded.describe()
    trace = package.open(keeper.trace())
    assert shared_changes.are_missing(trace)
    _walk(trace)
    assert not shared_changes.are_missing(trace)
    # What the trace keeps is made anew when somebody has removed it.
    (keeper.trace() / shared_changes.NAME).unlink()
    _walk(trace)


def test_zeros_that_were_allocated_are_only_told(
    reenact: Reenact, guests: GuestBuild, keeper: Keeper
) -> None:
    """A heap of 32 MiB, mapped four times, is not four times in the log."""
    program = guests.build("map_allocated.c", "map_allocated-O2", ("-O2",))
    recorded = reenact.record([str(program)], keeper.trace())
    assert recorded.status == 0, recorded.describe()
    (process,) = package.open(keeper.trace()).processes
    # A piece of 128 KiB is an event of its own: all of them would be a thousand.
    assert process.events < 300, process.events


@pytest.mark.parametrize("name", ["share_dying", "share_stopped_computing", "share_vfork"])
def test_members_that_end_or_stop(
    name: str, reenact: Reenact, guests: GuestBuild, keeper: Keeper
) -> None:
    """Nobody waits for them, whatever the schedule."""
    program = guests.build(f"{name}.c", f"{name}-O2", ("-O2", "-pthread"))
    for seed in ("1", "2"):
        trace = keeper.trace(seed)
        command = ("record", "-q", "--chaos", "--seed", seed, "-o", str(trace), str(program))
        recorded = reenact.run(*command, timeout=60)
        assert recorded.status == 0, recorded.describe()
        assert not reenact.verify(trace)["divergences"]


def test_pool_of_processes(reenact: Reenact, keeper: Keeper, tmp_path: Path) -> None:
    """Python's processes share locks."""
    script = tmp_path / "pool.py"
    script.write_text(POOL)
    recorded = reenact.record([sys.executable, str(script)], keeper.trace(), timeout=120)
    assert recorded.stdout == b"328350\n", recorded.describe()
    _walk(package.open(keeper.trace()))


def test_what_others_write_is_found(reenact: Reenact, guests: GuestBuild, keeper: Keeper) -> None:
    """Going back to the last change of a word that only the other process writes."""
    program = guests.build("share_stopped.c", "share_stopped-g", ("-O0", "-g"))
    recorded = reenact.record([str(program)], keeper.trace())
    assert recorded.status == 0, recorded.describe()
    source = (GUESTS / "share_stopped.c").read_text().splitlines()
    line = 1 + next(at for at, text in enumerate(source) if "puts(" in text)
    with package.open(keeper.trace()).replay(0) as session:
        session.goto("end")
        session.add_breakpoint(f"share_stopped.c:{line}")
        session.reverse_continue()
        address = int(session.evaluate("shared")) + 4
        last = session.memory.read(address, 4)
        stop = session.last_write(address, 4)
        assert stop is not None
        before = session.memory.read(address, 4)
        assert before != last
        session.stepi()
        assert session.memory.read(address, 4) == last


def test_a_program_that_shares_nothing_needs_nothing(reenact: Reenact, keeper: Keeper) -> None:
    """No second replay, no file."""
    reenact.record(["true"], keeper.trace())
    trace = package.open(keeper.trace())
    with trace.replay() as session:
        session.goto("end")
    assert shared_changes.descriptor(trace, 0) is None
    assert not (keeper.trace() / shared_changes.NAME).exists()


def test_a_damaged_file_is_no_crash(reenact: Reenact, guests: GuestBuild, keeper: Keeper) -> None:
    """The replay departs where the file ends, and says so."""
    program = guests.build("share_mutex.c", "share_mutex-O2", ("-O2", "-pthread"))
    reenact.record([str(program)], keeper.trace())
    trace = package.open(keeper.trace())
    with trace.replay(0) as session:
        session.goto("end")
        end = session.position
    changes = keeper.trace() / shared_changes.NAME
    changes.write_bytes(changes.read_bytes()[:100] + b"damage" * 1000)
    with trace.replay(0) as session:
        session.goto("end")
        assert session.position <= end


def test_a_process_that_shares_nothing_does_not_wait(
    reenact: Reenact, guests: GuestBuild, keeper: Keeper
) -> None:
    """Others of its recording do; nobody needs to know what they changed."""
    program = guests.build("share_mutex.c", "share_mutex-O2", ("-O2", "-pthread"))
    reenact.record(["sh", "-c", f"{program}; exit 0"], keeper.trace())
    trace = package.open(keeper.trace())
    assert not shared_changes.are_missing(trace, 0)
    assert shared_changes.are_missing(trace, 1)
    with trace.replay(0) as session:
        session.goto("end")
    assert not (keeper.trace() / shared_changes.NAME).exists()
    with trace.replay(1) as session:
        session.goto("end")
    assert (keeper.trace() / shared_changes.NAME).exists()


def test_nothing_is_left_of_a_pass_that_is_killed(
    reenact: Reenact, guests: GuestBuild, keeper: Keeper
) -> None:
    """Neither in the trace nor in the temporary directory; the next session finds it all."""
    program = guests.build("share_mutex.c", "share_mutex-O2", ("-O2", "-pthread"))
    reenact.record([str(program)], keeper.trace())
    folder = keeper.trace("temporary")
    folder.mkdir()
    script = f"import reenact; reenact.open({str(keeper.trace())!r}).replay(0)"
    before = sorted(path.name for path in keeper.trace().iterdir())
    for delay in (0.1, 0.2, 0.3, 0.4):
        environment = {**os.environ, "TMPDIR": str(folder)}
        running = subprocess.Popen([sys.executable, "-c", script], env=environment)
        time.sleep(delay)
        running.kill()
        running.wait()
        left = {path.name for path in keeper.trace().iterdir()} - {shared_changes.NAME}
        assert sorted(left) == before
        assert not list(folder.iterdir())
    _walk(package.open(keeper.trace()))


def test_a_pass_that_departs_is_not_kept(
    reenact: Reenact, guests: GuestBuild, keeper: Keeper
) -> None:
    """What it found is good for the session that asked, and for no other."""
    program = guests.build("share_mutex.c", "share_mutex-O2", ("-O2", "-pthread"))
    reenact.record([str(program)], keeper.trace())
    # What the dynamic linker reads of the C library is no longer its header.
    edit = EditableTrace(keeper.trace())
    header = next(each for each in edit.attachments() if each.length == 832)
    edit.save_with(header, 0, 0xFF, keeper.trace() / "events")
    changed = package.open(keeper.trace())
    with changed.replay(0) as session:
        session.goto("start")
    assert not (keeper.trace() / shared_changes.NAME).exists()
