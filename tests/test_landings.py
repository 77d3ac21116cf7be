"""Landings: places in the middle of computation, found by the state the recording has of them."""

from __future__ import annotations

import json
import random
import shutil
import struct
import subprocess
from pathlib import Path

import pytest
import skips
from guest_build import GuestBuild
from guest_table import Guest
from recorded_run import Ending, Keeper, Reenact
from thread_table import LANDINGS
from trace_editing import Attached, EditableTrace, checksum

import reenact as library

#: Of each program, and how many ticks of its timer bring so many on a quiet
#: machine: one that comes while the program is in a system call is none.
MANY, TICKS = 1000, 1300
#: The program of every test run; the full tier has them all.
QUICK = "landing_interpreter_o2"
RECORD = struct.Struct("<IIQQQ")
MAGIC = 0x016C6E72
#: Kinds of events and tags of attachments (docs/trace-format.md).
SIGNAL, PREEMPTED, REGISTERS, CHECKSUM, VECTORS = 6, 15, 4, 13, 16
IMMEDIATE, AT_ENTRY = 1, 64


def _record(
    name: str, ticks: int, guests: GuestBuild, reenact: Reenact, trace: Path
) -> tuple[Guest, Ending]:
    guest = next(guest for guest in LANDINGS if guest.name == name)
    program = str(guests.build(guest.file, guest.name, guest.flags))
    recorded = reenact.record([program, guest.arguments[0], str(ticks)], trace, timeout=300)
    assert recorded.status == 0, recorded.describe()
    return guest, recorded


def _counts(report: dict[str, object]) -> dict[str, object]:
    return {key: report[key] for key in ("processes", "events", "landings")}


def _exact(reenact: Reenact, trace: Path, *options: str, searched: bool) -> dict[str, object]:
    report = reenact.verify(trace, *options, timeout=1200)
    assert not report["divergences"], json.dumps(report, indent=1)[:4000]
    assert report["searched"] == (report["landings"] if searched else 0), report
    return report


@pytest.mark.parametrize("guest", LANDINGS, ids=lambda guest: guest.name)
def test_a_thousand_landings(
    guest: Guest, guests: GuestBuild, reenact: Reenact, keeper: Keeper
) -> None:
    """Each found in the state the recording has, and at the same count whoever looks."""
    if guest.name != QUICK:
        skips.unless_full()
    for factor in (1, 2, 4):
        trace = keeper.trace(f"ticks-{factor}")
        _, recorded = _record(guest.name, factor * TICKS, guests, reenact, trace)
        first = _exact(reenact, trace, "--translated", searched=True)
        if first["landings"] >= MANY:
            break
    assert first["landings"] >= MANY, first
    found = (trace / "landings").read_bytes()
    # Once more from nothing, by the program's own code, and then where these have found them.
    (trace / "landings").write_bytes(b"")
    again = _exact(reenact, trace, searched=True)
    assert (trace / "landings").read_bytes() == found
    known = _exact(reenact, trace, "--translated", searched=False)
    natively = _exact(reenact, trace, searched=False)
    assert _counts(first) == _counts(again) == _counts(known) == _counts(natively)
    assert first["instructions"] == known["instructions"]
    replayed = reenact.run("verify", "--output", str(trace), timeout=1200)
    assert replayed.stdout == recorded.stdout, replayed.describe()
    print(
        f"{guest.name}: {first['landings']} landings, {first['instructions']:,} instructions, "
        f"searched {first['seconds']:.1f} s, counted {known['seconds']:.1f} s"
    )


@pytest.fixture(scope="module")
def interrupted(guests: GuestBuild, reenact: Reenact, tmp_path_factory) -> Path:
    """A recording with landings that nobody has searched for yet."""
    trace = tmp_path_factory.mktemp("landings") / "trace"
    _record("landing_thread_o2", 12, guests, reenact, trace)
    return trace


def _copy(trace: Path, target: Path) -> Path:
    return Path(shutil.copytree(trace, target))


def _landings(trace: Path) -> list[tuple[int, int, int, int]]:
    """Process, event, time and instructions of each record, whose checksums are right."""
    content = (trace / "landings").read_bytes()
    found = []
    for at in range(0, len(content), 40):
        magic, *values = RECORD.unpack_from(content, at)
        (stored,) = struct.unpack_from("<Q", content, at + RECORD.size)
        assert (magic, stored) == (MAGIC, checksum(content[at : at + RECORD.size]))
        found.append(tuple(values))
    return found


def _line(process: int, event: int, time: int, instructions: int) -> bytes:
    body = RECORD.pack(MAGIC, process, event, time, instructions)
    return body + struct.pack("<Q", checksum(body))


def test_landings_are_searched_for_once(
    interrupted: Path, reenact: Reenact, tmp_path: Path
) -> None:
    """The second replay counts; both come to the same."""
    trace = _copy(interrupted, tmp_path / "trace")
    first = _exact(reenact, trace, searched=True)
    assert first["landings"] > 0
    assert len(_landings(trace)) == first["landings"]
    assert _counts(_exact(reenact, trace, searched=False)) == _counts(first)


def test_a_damaged_side_file_costs_only_a_search(
    interrupted: Path, reenact: Reenact, tmp_path: Path
) -> None:
    """Cut, overwritten in part, of another recording, or missing: it is searched for again."""
    trace = _copy(interrupted, tmp_path / "trace")
    side = trace / "landings"
    first = _exact(reenact, trace, searched=True)
    good = side.read_bytes()
    process, event, time, instructions = _landings(trace)[0]
    other = _line(process, event, time + 1, instructions + 7)
    future = struct.pack("<I", MAGIC + (1 << 24)) + other[4:]
    for content, missing in (
        (good[:-7], 1),
        (b"junk" + good, 0),
        (good[:40] + b"\xff" + good[41:], 1),
        (other + future + good, 0),
        (good[40:] + good[:20], 1),
    ):
        side.write_bytes(content)
        report = reenact.verify(trace)
        assert not report["divergences"], report
        assert (report["searched"], _counts(report)) == (missing, _counts(first))
        assert side.read_bytes().startswith(content)
    side.unlink()
    assert _counts(_exact(reenact, trace, searched=True)) == _counts(first)
    assert not side.exists()


def test_a_wrong_side_file_is_named(interrupted: Path, reenact: Reenact, tmp_path: Path) -> None:
    """The state is compared where it says; the message says what helps."""
    trace = _copy(interrupted, tmp_path / "trace")
    _exact(reenact, trace, searched=True)
    process, event, time, instructions = _landings(trace)[0]
    side = trace / "landings"
    for wrong in (0, 1, instructions - 1, instructions + 1, 1 << 62):
        side.write_bytes(_line(process, event, time, wrong))
        report = reenact.verify(trace)
        message = report["divergences"][0]["message"]
        assert "file `landings`" in message
        assert "make that file empty" in message
    side.write_bytes(b"")
    _exact(reenact, trace, searched=True)


def test_two_replays_write_at_once(interrupted: Path, reenact: Reenact, tmp_path: Path) -> None:
    """Whole records of both; the next replay knows every landing."""
    trace = _copy(interrupted, tmp_path / "trace")
    command = [*reenact.command, "verify", "--json", str(trace)]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(2)]
    reports = [json.loads(process.communicate(timeout=180)[0]) for process in both]
    assert _counts(reports[0]) == _counts(reports[1])
    _exact(reenact, trace, searched=False)
    found = _landings(trace)
    assert len(set(found)) == reports[0]["landings"] <= len(found)


def test_a_trace_that_cannot_be_written(
    interrupted: Path, reenact: Reenact, tmp_path: Path
) -> None:
    """It replays, with and without known landings; nothing is written to it."""
    trace = _copy(interrupted, tmp_path / "trace")
    # What would have rights to this is not followed: the file has a second name.
    (tmp_path / "second").hardlink_to(trace / "landings")
    first = _exact(reenact, trace, searched=True)
    assert (trace / "landings").read_bytes() == b""
    known = _copy(interrupted, tmp_path / "known")
    _exact(reenact, known, searched=True)
    (tmp_path / "second").write_bytes((known / "landings").read_bytes())
    assert _counts(_exact(reenact, trace, searched=False)) == _counts(first)


def test_sessions_share_what_they_find(interrupted: Path, reenact: Reenact, tmp_path: Path) -> None:
    """A session searches, another one counts; positions and states are the same."""
    trace = _copy(interrupted, tmp_path / "trace")

    def states() -> list[tuple[str, object]]:
        seen = []
        with library.open(trace).replay(0) as session:
            for where in ("end", "50%", "start", "90%", "end"):
                session.goto(where)
                seen.append((str(session.position), session.registers))
        return seen

    searched = states()
    found = _landings(trace)
    assert found
    assert states() == searched
    # The second one had nothing to search for.
    assert _landings(trace) == found
    assert len(set(found)) == _exact(reenact, trace, searched=False)["landings"]


def test_breakpoints_at_a_landing_are_hit_alike(
    guests: GuestBuild, reenact: Reenact, tmp_path: Path
) -> None:
    """Once searched for and once counted: the same hits at the same positions."""
    trace = tmp_path / "trace"
    # Each round of this one takes long, so that there are few hits.
    _record("landing_fill_o2", 8, guests, reenact, trace)
    opened = library.open(trace)
    event = next(e for e in opened.events(0) if e.kind in ("signal", "preempted") and e.index > 20)

    def hits() -> list[str]:
        found = []
        with opened.replay(0) as session:
            session.goto(f"0:{event.index - 1}")
            session.add_breakpoint(event.ip)
            session.goto(f"0:{event.index}")
            session.reverse_continue()
            for _ in range(3):
                found.append(f"{session.position} {session.registers.rip:#x}")
                session.continue_()
        return found

    searched = hits()
    assert _landings(trace)
    assert hits() == searched


def _is_landing(attached: Attached) -> bool:
    signal = attached.event_kind == SIGNAL and not attached.event_flags & (IMMEDIATE | AT_ENTRY)
    return signal or attached.event_kind == PREEMPTED


def test_a_changed_landing_is_refused(guests: GuestBuild, reenact: Reenact, tmp_path: Path) -> None:
    """One changed bit in what a real recording has of a landing, and there is no such place."""
    trace = tmp_path / "trace"
    # A program in which most places are told apart by a register: what cannot be found is searched
    # for as long as the recording may have taken.
    _record("landing_page_o2", 6, guests, reenact, trace)
    _exact(reenact, trace, searched=True)
    known = (trace / "landings").read_bytes()
    editable = EditableTrace(trace)
    attached = [each for each in editable.attachments() if _is_landing(each)]
    generator = random.Random(7)
    # Checksums come behind the length; flags of the interrupted registers are word 17.
    choices = [
        (generator.choice([a for a in attached if a.tag == CHECKSUM and a.length == 16]), 8),
        (generator.choice([a for a in attached if a.tag == CHECKSUM and a.length > 16]), 15),
        (generator.choice([a for a in attached if a.tag == CHECKSUM and a.length > 16]), 16 + 99),
        (generator.choice([a for a in attached if a.tag == VECTORS]), 9),
        (generator.choice([a for a in attached if a.tag == REGISTERS and a.address == 1]), 17 * 8),
    ]
    changed = tmp_path / "changed"
    for where, offset in choices:
        for content in (b"", known):
            shutil.rmtree(changed, ignore_errors=True)
            _copy(trace, changed)
            (changed / "landings").write_bytes(content)
            editable.save_with(where, offset, 1, changed / "events")
            report = reenact.verify(changed, timeout=600)
            assert [d["what"] for d in report["divergences"]] == ["missing"], (where, report)
            message = report["divergences"][0]["message"]
            assert "in the middle of computation" in message
            assert ("file `landings`" in message) == bool(content)
    editable.save_with(choices[0][0], 8, 0, changed / "events")
    assert not reenact.verify(changed)["divergences"]
