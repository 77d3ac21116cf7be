"""Logs that begin with a snapshot: all open them, and they replay as the whole does."""

from __future__ import annotations

import json
import os
import random
import re
from pathlib import Path

import pytest
from all_guests import command_of
from debugger_session import is_at_an_end
from guest_build import GuestBuild
from later_beginnings import begin_later
from recorded_run import Keeper, Reenact
from snapshot_replays import places, replay
from test_damaged_traces import check_read, check_replayed
from test_recorded_snapshots import MANY, MORE, QUICK, _record
from tiers import FULL

import reenact as package
from reenact import Position
from reenact.session.values import StopReason

ENGINES = {"translated": ("--translated",), "natively": ()}


def _whole(
    name: str, guests: GuestBuild, reenact: Reenact, keeper: Keeper, directory: Path
) -> tuple[Path, dict[int, list[int]]]:
    """A whole trace of a guest, and the events of each process that snapshots are behind."""
    command = command_of(name, guests)
    plain = keeper.trace("plain")
    reenact.record(command, plain, directory=directory, timeout=180)
    trace = keeper.trace("whole")
    every = max(1, reenact.verify(plain)["events"] // MANY)
    _record(command, trace, every, directory)
    found: dict[int, list[int]] = {}
    for process, event in sorted(set(places(trace / "snapshots"))):
        found.setdefault(process, []).append(event)
    assert found
    return trace, found


def _state(trace: Path, process: int, event: int, nothing: Path) -> str:
    """The state of a process behind an event."""
    until = ["--process", str(process), "--stop-event", str(event), "--native"]
    status, reports = replay(trace, nothing, *until)
    assert status == 0, reports
    (ended,) = (report for report in reports if report["type"] == "process")
    return str(ended.get("state"))


@pytest.mark.parametrize("name", (*QUICK, *MORE) if FULL else QUICK)
def test_they_replay_as_the_whole_does(
    name: str, guests: GuestBuild, reenact: Reenact, keeper: Keeper, tmp_path: Path
) -> None:
    """By both engines, exactly, to the same ends and through the same states."""
    trace, found = _whole(name, guests, reenact, keeper, tmp_path)
    ends = {one["number"]: one for one in _processes(reenact, trace)}
    for part in (0, len(found[min(found)]) // 2, -1):
        # Of a process with few snapshots the last one.
        chosen = {number: events[min(part, len(events) - 1)] for number, events in found.items()}
        late = keeper.trace(f"late{part}")
        kept = begin_later(trace, late, chosen)
        for options in ENGINES.values():
            report = reenact.verify(late, *options)
            assert not report["divergences"], json.dumps(report, indent=1)[:3000]
            assert report["processes"] == len(kept)
        listed = {one["number"]: one for one in _processes(reenact, late)}
        assert listed.keys() == kept
        for number, one in listed.items():
            assert one.pop("begins_behind") == chosen.get(number)
            whole = {key: value for key, value in ends[number].items() if key != "begins_behind"}
            assert one == whole
        for number, event in chosen.items():
            for later in [one for one in found[number] if one > event][:2]:
                known = _state(trace, number, later, tmp_path / "none")
                assert _state(late, number, later, tmp_path / "none") == known


def _processes(reenact: Reenact, trace: Path) -> list[dict[str, object]]:
    ending = reenact.run("ps", "--json", str(trace))
    assert ending.status == 0, ending.describe()
    return json.loads(ending.stdout)["processes"]


@pytest.fixture
def late(
    guests: GuestBuild, reenact: Reenact, keeper: Keeper, tmp_path: Path
) -> tuple[Path, Path, int]:
    """A whole trace, one that begins in its middle, and the event it is behind."""
    trace, found = _whole("fork", guests, reenact, keeper, tmp_path)
    events = found[0]
    event = events[len(events) // 2]
    target = keeper.trace("late")
    begin_later(trace, target, {0: event})
    return trace, target, event


def test_sessions_begin_and_end_there(late: tuple[Path, Path, int]) -> None:
    """The first position is the snapshot; going further back says why there is nothing."""
    whole, trace, event = late
    opened, original = package.open(trace), package.open(whole)
    with opened.replay(0) as session, original.replay(0) as other:
        assert session.position == session.start == Position(0, event)
        stop = session.reverse_continue()
        assert stop.reason == StopReason.START
        assert f"reaches back to event {event}" in stop.message
        assert session.reverse_stepi().reason == StopReason.START
        other.goto(event)
        for _ in range(3):
            assert session.registers == other.registers
            assert session.position == other.position
            assert [one.tid for one in session.threads] == [one.tid for one in other.threads]
            assert str(session.frame()) == str(other.frame())
            session.stepi(500)
            other.stepi(500)
        end = session.goto("end").position
        assert end == other.goto("end").position
        assert session.registers == other.registers
        assert session.goto("50%").position < end
        with pytest.raises(package.UsageError):
            session.goto(event - 1)
        assert session.reverse_continue().position == session.start


def test_commands_tell_of_it(late: tuple[Path, Path, int], reenact: Reenact) -> None:
    """`info`, `ps` and `dump` say how far back the trace reaches; `trace` and `follow` work."""
    _, trace, event = late
    info = reenact.run("info", str(trace))
    assert re.search(rb"reach +back to \d+[.]\d{3} s after the start", info.stdout), info.describe()
    assert b"trace format 2" in info.stdout
    told = reenact.run("ps", str(trace))
    assert re.search(rb"process 0 is kept from \d+[.]\d{3} s on", told.stdout), told.describe()
    dumped = reenact.run("dump", "-p", "0", str(trace)).stdout.splitlines()
    assert f"0:{event} ".encode() in b"\n".join(dumped[:40])
    assert b"[snapshot]" in b"\n".join(dumped)
    assert all(int(line.split()[0].split(b":")[1]) >= event for line in dumped)
    traced = reenact.run("trace", "--at", "write", str(trace), timeout=120)
    assert traced.status == 0, traced.describe()
    replayed = reenact.run("dump", "--paths", "-p", "0", str(trace), timeout=120)
    assert replayed.status == 0, replayed.describe()


def test_bytes_are_followed(reenact: Reenact, keeper: Keeper, tmp_path: Path) -> None:
    """What has gone through a descriptor from before is told as such, what has not is found."""
    trace = keeper.trace("whole")
    script = "i=0; while [ $i -lt 40 ]; do i=$((i+1)); echo $i | (read x; read y); done; echo end"
    _record(["sh", "-c", script], trace, 100, tmp_path)
    events = sorted(event for process, event in places(trace / "snapshots") if process == 0)
    late = keeper.trace("late")
    kept = begin_later(trace, late, {0: events[len(events) // 2]})
    opened = package.open(late)
    assert not opened.verify().divergences
    found, before = 0, 0
    for number in kept - {0}:
        for event in opened.events(number, kinds=["syscall"], codes=[0]):
            if event.result > 0 and event.args[0] == 0:
                try:
                    (sent,) = opened.following.senders(Position(number, event.index))
                except package.UsageError:
                    # The log may begin between a pipe and its process.
                    before += 1
                    continue
                assert sent.position.process in kept
                found += 1
    assert found > 4 > before
    (last,) = [
        one for one in opened.events(0, kinds=["syscall"], codes=[1]) if "stdout" in one.flags
    ]
    with pytest.raises(package.UsageError, match="open before"):
        opened.following.receivers(Position(0, last.index))


def test_gdb_tells_of_it(late: tuple[Path, Path, int], reenact: Reenact) -> None:
    """It stands at the snapshot, knows the program's names, and stops there going back."""
    _, trace, event = late
    commands = ["continue", "reverse-continue", "backtrace", "info inferiors"]
    options = [f"-ex={command}" for command in commands]
    ending = reenact.run("replay", str(trace), "--", "-batch", *options, timeout=120)
    said = ending.stdout + ending.stderr
    assert f"reaches back to event {event}".encode() in said, ending.describe()
    assert is_at_an_end(said.decode()), ending.describe()


def test_damaged_ones(
    late: tuple[Path, Path, int], reenact: Reenact, keeper: Keeper, tmp_path: Path
) -> None:
    """Readers and replays of damaged ones end with one sentence."""
    _, trace, _ = late
    check_read(trace, tmp_path, 5, 0, 300)
    for seed in range(40):
        check_replayed(reenact, trace, keeper, seed)


def test_hostile_ones(late: tuple[Path, Path, int], reenact: Reenact, keeper: Keeper) -> None:
    """Beginnings with right checksums that no recording has made."""
    from later_beginnings import _chunks, _sealed

    _, trace, event = late
    chance = random.Random(29)
    chunks = list(_chunks(trace / "events"))
    for number in range(40):
        target = keeper.trace(f"hostile-{number}")
        parts = []
        for header, content in chunks:
            marks, fields = header[5], list(header)
            if marks & 64:
                what = chance.randrange(5)
                if what == 0:
                    continue
                if what == 1:
                    fields[2] = chance.choice((0, 1, event - 1, event + 1, (1 << 48) - 9))
                elif what == 2:
                    marks ^= chance.choice((1, 32, 64))
                elif what == 3:
                    fields[1] = chance.choice((0, 1, 2, 77))
            parts.append(_sealed(tuple(fields), content, marks))
        os.mkdir(target)
        for name in ("manifest.json", "files.jsonl", "files"):
            os.symlink(trace / name, target / name) if name == "files" else os.link(
                trace / name, target / name
            )
        (target / "events").write_bytes(b"".join(parts))
        for command in ("verify", "ps", "info", "dump"):
            ending = reenact.run(command, str(target), timeout=60)
            assert ending.status in (0, 1, 125), ending.describe()
            assert b"Traceback" not in ending.stderr, ending.describe()
            assert b"has a bug" not in ending.stderr, ending.describe()
