"""Snapshots that recorded processes take of themselves, and replays that begin with them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from all_guests import command_of
from guest_build import GuestBuild
from recorded_run import Keeper, Reenact
from snapshot_replays import check_parts, places, replay
from tiers import FULL

#: Threads, vfork children, code and mappings that change, signals, vector registers, steps.
QUICK = (
    "exec_chain",
    "fork",
    "vfork",
    "timers",
    "code_self_modifying",
    "map_remap",
    "map_private",
    "fork_advice",
    "snapshot_common",
    "stack_growth",
    "signal_nested",
    "x87_state",
    "thread_robust",
    "thread_inherit",
)
MORE = (
    "map_advice",
    "hello",
    "clocks",
    "signal_frame",
    "fault_fix",
    "instructions",
    "code_pointers",
    "code_read",
    "int80",
    "xsave_layout",
    "self_stepping",
    "thread_sockets",
)
#: About so many snapshots of each program.
MANY = 8
ENGINES = {"translated": (), "natively": ("--native",)}
RECORD = """
import sys
from reenact import _native, programs
trace, every, *command = sys.argv[1:]
outcome = _native.record(trace, command, recorder=programs.recorder(), snapshot_events=int(every))
print(outcome.events, *outcome.messages, file=sys.stderr)
"""


def _record(
    command: list[str], trace: Path, every: int, directory: Path
) -> subprocess.CompletedProcess[bytes]:
    """Record, each process taking a snapshot every so many events."""
    recording = [sys.executable, "-c", RECORD, str(trace), str(every), *command]
    ended = subprocess.run(recording, capture_output=True, timeout=180, check=False, cwd=directory)
    assert ended.returncode == 0, ended.stderr
    return ended


@pytest.mark.parametrize("name", (*QUICK, *MORE) if FULL else QUICK)
def test_a_replay_goes_on_from_any(
    name: str, guests: GuestBuild, reenact: Reenact, keeper: Keeper, tmp_path: Path
) -> None:
    """Both engines go on from each, and end in the state that a replay from the start has there."""
    command = command_of(name, guests)
    plain = keeper.trace("plain")
    reenact.record(command, plain, directory=tmp_path, timeout=180)
    every = max(1, reenact.verify(plain)["events"] // MANY)

    trace = keeper.trace()
    _record(command, trace, every, tmp_path)
    reenact.verify(trace)
    found = sorted(set(places(trace / "snapshots")))
    assert found
    states: dict[int, dict[int, str]] = {}
    for process, event in found:
        whole = ["--process", str(process), "--stop-event", str(event)]
        status, reports = replay(trace, tmp_path / "none", *whole)
        assert status == 0, reports
        (ended,) = (report for report in reports if report["type"] == "process")
        states.setdefault(process, {})[event] = str(ended.get("state"))
    for options in ENGINES.values():
        check_parts(trace, trace / "snapshots", states, *options)


def test_the_program_does_not_notice(guests: GuestBuild, keeper: Keeper, tmp_path: Path) -> None:
    """Copies are nobody's children, keep no pipe open and no file locked."""
    program = str(guests.build("snapshot_unseen.c", "snapshot_unseen"))
    natively = subprocess.run([program], capture_output=True, timeout=60, check=True, cwd=tmp_path)
    trace = keeper.trace()
    recorded = _record([program], trace, 5, tmp_path)
    assert recorded.stdout == natively.stdout
    processes = {process for process, _ in places(trace / "snapshots")}
    assert processes == {0, 1}


def test_a_supervisor_that_is_killed_leaves_whole_ones(
    guests: GuestBuild, reenact: Reenact, keeper: Keeper, tmp_path: Path
) -> None:
    """What was written is good, what was not is not there; the copies end."""
    program = str(guests.build("snapshot_endless.c", "snapshot_endless"))
    trace = keeper.trace()
    command = [sys.executable, "-c", RECORD, str(trace), "300", program]
    snapshots = trace / "snapshots"
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        program_pid = int(process.stdout.readline())
        deadline = time.monotonic() + 120
        while snapshots.stat().st_size < 1 << 16:
            assert time.monotonic() < deadline
            assert process.poll() is None
            time.sleep(0.01)
        process.kill()
    os.kill(program_pid, signal.SIGKILL)
    assert reenact.verify(trace)["events"] > 0
    found = sorted(set(places(snapshots)))
    assert found
    for _, event in found[:: max(1, len(found) // MANY)]:
        status, reports = replay(
            trace, snapshots, "--process", "0", "--from-event", str(event), "--native"
        )
        assert status == 0, reports
