"""Snapshots: a replay that begins with one is the same as one that begins at the start."""

from __future__ import annotations

import random
import struct
from pathlib import Path

import pytest
from all_guests import command_of
from guest_build import GuestBuild
from recorded_run import Keeper, Reenact
from snapshot_replays import HEADER, RAW, SNAPSHOT, check_parts, replay, taken
from tiers import FULL
from trace_editing import checksum

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


@pytest.fixture
def recorded(
    request: pytest.FixtureRequest,
    guests: GuestBuild,
    reenact: Reenact,
    keeper: Keeper,
    tmp_path: Path,
) -> Path:
    """The trace of a guest program."""
    trace = keeper.trace()
    command = command_of(request.param, guests)
    reenact.record(command, trace, directory=tmp_path, timeout=180)
    return trace


@pytest.mark.parametrize("recorded", (*QUICK, *MORE) if FULL else QUICK, indirect=True)
def test_a_replay_goes_on_from_any(recorded: Path, reenact: Reenact, tmp_path: Path) -> None:
    """Both engines have the same states, and each goes on from them."""
    events = reenact.verify(recorded)["events"]
    every = max(1, events // MANY)
    by_engine = {}
    for engine, options in ENGINES.items():
        snapshots = tmp_path / engine
        by_engine[engine] = states = taken(recorded, snapshots, every, *options)
        assert states
        check_parts(recorded, snapshots, states, *options)
    assert by_engine["translated"] == by_engine["natively"]
    # Which engine took one does not matter to the other.
    check_parts(recorded, tmp_path / "natively", by_engine["natively"])


@pytest.mark.parametrize("recorded", ["thread_robust"], indirect=True)
def test_a_damaged_one_is_refused(recorded: Path, reenact: Reenact, tmp_path: Path) -> None:
    """Whatever is in the file: one sentence, or a replay that is checked as ever."""
    events = reenact.verify(recorded)["events"]
    whole = tmp_path / "whole"
    states = taken(recorded, whole, events // 2)
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
        status, reports = replay(recorded, place, *begin)
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
        status, reports = replay(keeper.trace(), place, "--process", "0", "--from-event", "3")
        assert status in (1, 3), (number, status, reports)
