"""Snapshots: a replay that begins with one is the same as one that begins at the start."""

from __future__ import annotations

import json
import os
import random
import struct
import subprocess
from pathlib import Path

import pytest
from guest_build import GuestBuild
from guest_table import GUESTS as ORDINARY_GUESTS
from recorded_run import Keeper, Reenact
from thread_table import THREAD_GUESTS
from tiers import FULL
from trace_editing import checksum

from reenact import programs

#: Threads, vfork children, code and mappings that change, signals, vector registers.
QUICK = (
    "exec_chain",
    "vfork",
    "timers",
    "code_self_modifying",
    "map_remap",
    "x87_state",
    "self_stepping",
    "thread_robust",
)
MORE = (
    "hello",
    "clocks",
    "fork",
    "signal_frame",
    "signal_nested",
    "fault_fix",
    "instructions",
    "code_pointers",
    "code_read",
    "int80",
    "map_private",
    "stack_growth",
    "xsave_layout",
    "thread_inherit",
    "thread_sockets",
)
#: About so many snapshots of each program.
MANY = 8
ENGINES = {"translated": (), "natively": ("--native",)}
HEADER = struct.Struct("<IIQIBBHIIQ")
RAW, SNAPSHOT = 0, 32


def _replay(trace: Path, snapshots: Path, *options: str) -> tuple[int, list[dict[str, object]]]:
    """Exit status and reports; `snapshots` is appended to, or begun with."""
    descriptor = os.open(snapshots, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        command = [programs.replayer(), "--snapshots", str(descriptor), *options, str(trace)]
        ended = subprocess.run(
            command, capture_output=True, timeout=180, check=False, pass_fds=[descriptor]
        )
    finally:
        os.close(descriptor)
    return ended.returncode, [json.loads(line) for line in ended.stdout.splitlines()]


def _taken(trace: Path, snapshots: Path, every: int, *options: str) -> dict[int, dict[int, str]]:
    """The state behind some events of each process."""
    status, reports = _replay(trace, snapshots, "--snapshot-events", str(every), *options)
    assert status == 0, reports
    states: dict[int, dict[int, str]] = {}
    for report in reports:
        if report["type"] == "snapshot":
            states.setdefault(report["process"], {})[report["event"]] = report["state"]
    return states


def _check_parts(
    trace: Path, snapshots: Path, states: dict[int, dict[int, str]], *options: str
) -> None:
    """From each snapshot to the next one, and from the last to the end."""
    for process, known in states.items():
        events = sorted(known)
        for begin, end in zip(events, [*events[1:], None]):
            part = ["--process", str(process), "--from-event", str(begin), *options]
            until = [] if end is None else ["--stop-event", str(end)]
            status, reports = _replay(trace, snapshots, *part, *until)
            where = f"process {process} from {begin} to {end}: {reports}"
            assert status == 0, where
            (ended,) = (report for report in reports if report["type"] == "process")
            if end is None or ended["end"] != "asked":
                # The last event of all can be one that is asked for.
                assert ended["end"] in ("exit", "signal", "ended"), where
            else:
                assert ended["state"] == known[end], where


@pytest.fixture
def recorded(
    request: pytest.FixtureRequest,
    guests: GuestBuild,
    reenact: Reenact,
    keeper: Keeper,
    tmp_path: Path,
) -> Path:
    """The trace of a guest program."""
    guest = next(each for each in (*ORDINARY_GUESTS, *THREAD_GUESTS) if each.name == request.param)
    program = str(guests.build(guest.file, guest.name, guest.flags))
    trace = keeper.trace()
    reenact.record([program, *guest.arguments], trace, directory=tmp_path, timeout=180)
    return trace


@pytest.mark.parametrize("recorded", (*QUICK, *MORE) if FULL else QUICK, indirect=True)
def test_a_replay_goes_on_from_any(recorded: Path, reenact: Reenact, tmp_path: Path) -> None:
    """Both engines have the same states, and each goes on from them."""
    events = reenact.verify(recorded)["events"]
    every = max(1, events // MANY)
    by_engine = {}
    for engine, options in ENGINES.items():
        snapshots = tmp_path / engine
        by_engine[engine] = states = _taken(recorded, snapshots, every, *options)
        assert states
        _check_parts(recorded, snapshots, states, *options)
    assert by_engine["translated"] == by_engine["natively"]
    # Which engine took one does not matter to the other.
    _check_parts(recorded, tmp_path / "natively", by_engine["natively"])


@pytest.mark.parametrize("recorded", ["thread_robust"], indirect=True)
def test_a_damaged_one_is_refused(recorded: Path, reenact: Reenact, tmp_path: Path) -> None:
    """Whatever is in the file: one sentence, or a replay that is checked as ever."""
    events = reenact.verify(recorded)["events"]
    whole = tmp_path / "whole"
    states = _taken(recorded, whole, events // 2)
    begin = ("--process", "0", "--from-event", str(min(states[0])))
    chance = random.Random(17)
    content = whole.read_bytes()
    for number in range(40):
        damaged = bytearray(content)
        if number % 4 == 0:
            del damaged[chance.randrange(len(damaged)) :]
        else:
            for _ in range(chance.randrange(1, 4)):
                damaged[chance.randrange(len(damaged))] ^= 1 << chance.randrange(8)
        place = tmp_path / f"damaged-{number}"
        place.write_bytes(damaged)
        status, reports = _replay(recorded, place, *begin)
        assert status in (0, 3), (number, status, reports)
        if status == 3:
            assert [report for report in reports if report["type"] == "error"], reports


def _sealed(process: int, event: int, records: bytes, count: int) -> bytes:
    """A chunk with right checksums."""
    fields = (0x74636E72, process, event, count, RAW, SNAPSHOT, 0, len(records), len(records))
    head = HEADER.pack(*fields, checksum(records))
    return head + struct.pack("<Q", checksum(head)) + records + bytes(-len(records) % 8)


def test_a_hostile_one_is_refused(
    guests: GuestBuild, reenact: Reenact, keeper: Keeper, tmp_path: Path
) -> None:
    """Right checksums around records that no replay has written."""
    reenact.record([str(guests.build("hello.c", "hello"))], keeper.trace(), directory=tmp_path)
    chance = random.Random(23)
    tags = (1, 3, 10, 15, 16, 17, 26, 27, 28)
    for number in range(60):
        body, attachments = b"", chance.randrange(12)
        for _ in range(attachments):
            payload = chance.randbytes(8 * chance.randrange(30))
            address = chance.choice((0, 0x1000, 0x400000, 1 << 46, chance.getrandbits(64)))
            head = struct.pack(
                "<HHIQ", chance.choice(tags), chance.getrandbits(3), len(payload), address
            )
            body += head + payload
        record = struct.pack(
            "<IBBHII", 96 + len(body), 18, chance.getrandbits(3), 0, 5, attachments
        )
        record += struct.pack("<QQQq6Q", 0, 0, 0, 0, 1, *(chance.getrandbits(64) for _ in range(5)))
        place = tmp_path / f"hostile-{number}"
        place.write_bytes(_sealed(0, 3, record + body, 1))
        status, reports = _replay(keeper.trace(), place, "--process", "0", "--from-event", "3")
        assert status in (1, 3), (number, status, reports)
