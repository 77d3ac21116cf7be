"""Indexes of traces: snapshots in the cache, between which a verification runs side by side."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import signal
import struct
import subprocess
import time
from pathlib import Path

import pytest
from all_guests import command_of
from guest_build import GuestBuild
from later_beginnings import _chunks, _sealed
from recorded_run import Keeper, Reenact
from tiers import FULL
from trace_editing import EditableTrace

import reenact as package
from reenact import _native, indexes, programs
from reenact.replay import indexing
from reenact.session.session import Session

#: One thread, several, signals, children, files that are mapped, code that is written.
QUICK = (
    "fork",
    "vfork",
    "exec_chain",
    "timers",
    "map_private",
    "map_remap",
    "code_self_modifying",
    "thread_robust",
)
MORE = (
    "hello",
    "clocks",
    "signal_frame",
    "signal_nested",
    "fault_fix",
    "instructions",
    "code_pointers",
    "int80",
    "x87_state",
    "self_stepping",
    "stack_growth",
    "xsave_layout",
    "thread_inherit",
    "thread_sockets",
)
#: About so many snapshots of the longest process.
MANY = 6
#: Seconds: no snapshot is taken because of the time.
NEVER = 1e6
_ZSTD = 1
_LAST = 32


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache; where its indexes are."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "reenact" / indexes.PART


def _indexed(trace: Path, events: int, many: int = MANY) -> indexes.Index:
    made = indexing.make(str(trace), every=NEVER, every_events=max(1, events // many))
    assert made.result.is_exact
    assert made.index is not None
    found = indexes.find(str(trace))
    assert found is not None
    assert (found.path, found.events) == (made.index.path, made.index.events)
    return made.index


@pytest.mark.parametrize("name", (*QUICK, *MORE) if FULL else QUICK)
def test_segments_are_as_the_whole(
    name: str, guests: GuestBuild, reenact: Reenact, keeper: Keeper, tmp_path: Path
) -> None:
    """Each ends in the state of the next one; the result is that of a replay from the start."""
    trace = keeper.trace()
    reenact.record(command_of(name, guests), trace, directory=tmp_path, timeout=180)
    whole = reenact.verify(trace)
    index = _indexed(trace, whole["events"])
    report = reenact.verify(trace)
    assert report["index_failure"] is None, report
    assert report["segments"] > report["processes"]
    assert report["segments"] <= report["processes"] + index.count
    for key in ("processes", "events", "divergences", "landings", "notes"):
        assert report[key] == whole[key]
    # One processor: no segment waits for another.
    assert reenact.verify(trace, "--jobs", "1")["segments"] == report["segments"]
    # One process, what is printed, and the other engine have nothing to do with it.
    for options in (["-p", "0"], ["--translated"]):
        alone = reenact.verify(trace, *options)
        assert (alone["segments"], alone["divergences"]) == (0, [])


@pytest.mark.parametrize("name", ["share_mutex", "share_file"])
def test_processes_that_share_memory_are_left_out(
    name: str, guests: GuestBuild, reenact: Reenact, keeper: Keeper, tmp_path: Path
) -> None:
    """As long as they do; their other processes are in."""
    trace = keeper.trace()
    reenact.record(command_of(name, guests), trace, directory=tmp_path, timeout=180)
    whole = reenact.verify(trace)
    indexing.make(str(trace), every=NEVER, every_events=max(1, whole["events"] // 50))
    report = reenact.verify(trace)
    assert report["index_failure"] is None, report
    assert (report["events"], report["divergences"]) == (whole["events"], [])


def _facts(session: Session) -> tuple[object, ...]:
    """What is to be seen where a session stands."""
    threads = [one.tid for one in session.threads]
    return session.position, session.registers.to_bytes(), threads, str(session.frame())


@pytest.mark.parametrize("name", (*QUICK, *MORE, "share_mutex") if FULL else (*QUICK, "x87_state"))
def test_sessions_begin_at_snapshots(
    name: str, guests: GuestBuild, reenact: Reenact, keeper: Keeper, tmp_path: Path
) -> None:
    """What is seen there, before and behind is what a replay from the start comes to."""
    trace = keeper.trace()
    reenact.record(command_of(name, guests), trace, directory=tmp_path, timeout=180)
    events = reenact.verify(trace)["events"]
    opened, chance = package.open(trace), random.Random(7)
    with opened.replay(0) as whole:
        process = opened.processes[0]
        _indexed(trace, process.events, 12)
        with opened.replay(0) as session:
            jumps = session._replayed._copies._jumps
            assert jumps is not None
            assert session.end == whole.end
            assert len(jumps._replayers) == 1
            for _ in range(6):
                event = chance.randrange(3, process.events)
                try:
                    whole.goto(event)
                except package.UsageError:
                    with pytest.raises(package.UsageError):
                        session.goto(event)
                    continue
                session.goto(event)
                assert _facts(session) == _facts(whole)
                for one in (whole, session):
                    one.stepi(300)
                assert _facts(session) == _facts(whole)
                for one in (whole, session):
                    one.reverse_stepi(400)
                assert _facts(session) == _facts(whole)
                assert session.event == whole.event
            assert len(jumps._replayers) > 1
            session.goto("end")
            whole.goto("end")
            for one in (whole, session):
                one.catch("syscall")
            for _ in range(4):
                for one in (whole, session):
                    one.reverse_continue()
                assert _facts(session) == _facts(whole)
            known, jumped = whole._replayed.history, session._replayed.history
            known.total((known.last_event, 0))
            jumped.total((jumped.last_event, 0))
            assert known._index == jumped._index
            assert known._before == jumped._before
            assert known._meta == jumped._meta
            group = [one._group.process.pid for one in jumps._replayers]
        for pid in group:
            assert not Path(f"/proc/{pid}").exists()
    assert events


def test_a_session_goes_without_a_damaged_one(traced: Path, reenact: Reenact) -> None:
    """The way is longer, and leads to the same place."""
    events = reenact.verify(traced)["events"]
    path = Path(_indexed(traced, events).path)
    content = path.read_bytes()
    opened = package.open(traced)
    with opened.replay(0) as session:
        end, registers = session.end, session.goto("end") and session.registers
    chance = random.Random(3)
    for _ in range(6):
        damaged = bytearray(content)
        # Behind the headers, which are looked at first.
        for at in range(200, len(damaged), 5000):
            damaged[at + chance.randrange(100)] ^= 1 << chance.randrange(8)
        path.write_bytes(damaged)
        with opened.replay(0) as session:
            session.goto("end")
            assert (session.position, session.registers) == (end, registers)


@pytest.fixture
def traced(guests: GuestBuild, reenact: Reenact, keeper: Keeper, tmp_path: Path) -> Path:
    """The trace of a program with children."""
    trace = keeper.trace("traced")
    reenact.record(command_of("fork", guests), trace, directory=tmp_path, timeout=180)
    return trace


@pytest.fixture
def longer(reenact: Reenact, keeper: Keeper, tmp_path: Path) -> Path:
    """The trace of a program that makes many calls."""
    trace = keeper.trace("longer")
    script = "i=0; while [ $i -lt 6000 ]; do i=$((i+1)); echo $i > /dev/null; done"
    reenact.record(["bash", "-c", script], trace, directory=tmp_path)
    return trace


def test_the_command(longer: Path, reenact: Reenact, cache: Path) -> None:
    """It says what it has made, keeps it, and removes it."""
    traced = longer
    none = reenact.run("index", "--every", "1h", str(traced))
    assert none.status == 0, none.describe()
    assert b"no snapshot was taken" in none.stdout
    assert list(cache.iterdir()) == []
    made = reenact.run("index", "--every", "0.001s", str(traced))
    assert made.status == 0, made.describe()
    assert re.match(rb"[\d,]+ snapshots? of \d+ process(es)?, [\d.]+ KiB, in ", made.stdout)
    (file,) = cache.iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    assert cache.stat().st_mode & 0o777 == 0o700
    told = reenact.run("cache")
    assert b"snapshots of traces" in told.stdout
    again = json.loads(
        reenact.run("index", "-p", "0", "--every", "0.001s", "--json", str(traced)).stdout
    )
    assert (again["processes"], again["snapshots"] > 0) == (1, True)
    assert reenact.verify(traced)["segments"] > 0
    for text in (b"the index is removed\n", b"the trace has no index\n"):
        removed = reenact.run("index", "--remove", str(traced))
        assert (removed.status, removed.stdout) == (0, text)
    assert list(cache.iterdir()) == []
    for words in (["--every", "0s"], ["-p", "77"], ["nothing"]):
        refused = reenact.run("index", *words, *([] if words == ["nothing"] else [str(traced)]))
        assert refused.status in (2, 125), refused.describe()
        assert b"Traceback" not in refused.stderr


def test_a_state_that_differs_is_told(traced: Path, reenact: Reenact) -> None:
    """The segment is named, and the result is that of a replay from the start."""
    events = reenact.verify(traced)["events"]
    index = _indexed(traced, events)
    process = min(index.events)
    first, second = index.events[process][:2]
    parts = []
    for header, content in _chunks(Path(index.path)):
        fields = list(header)
        if (header[1], header[2]) == (process, second) and header[5] & _LAST:
            records = bytearray(content)
            if header[4] == _ZSTD:
                records = bytearray(_native.decompress_frame(content, header[8]))
            at = 0
            while at + struct.unpack_from("<I", records, at)[0] < len(records):
                at += struct.unpack_from("<I", records, at)[0]
            records[at + 32] ^= 1  # The checksum of the state.
            content, fields[4], fields[7] = bytes(records), 0, len(records)
            fields[9] = _native.checksum(content)
        parts.append(_sealed(tuple(fields), content, header[5]))
    Path(index.path).write_bytes(b"".join(parts))
    report = reenact.verify(traced)
    assert report["index_failure"] == (
        f"the segment of process {process} from event {first} to event {second} ends in another "
        "state than the snapshot there has"
    )
    assert (report["events"], report["divergences"]) == (events, [])
    # It is gone.
    assert indexes.find(str(traced)) is None
    assert reenact.verify(traced)["index_failure"] is None


def test_damaged_ones(traced: Path, reenact: Reenact) -> None:
    """Whatever is in the file: the verdict is right, and no traceback is seen."""
    events = reenact.verify(traced)["events"]
    path = Path(_indexed(traced, events).path)
    content = path.read_bytes()
    chance = random.Random(31)
    for number in range(24):
        damaged = bytearray(content)
        if number % 4 == 0:
            del damaged[chance.randrange(len(damaged)) :]
        elif number % 4 == 1:
            damaged = bytearray(chance.randbytes(chance.randrange(300)))
        else:
            for _ in range(chance.randrange(1, 4)):
                damaged[chance.randrange(len(damaged))] ^= 1 << chance.randrange(8)
        path.write_bytes(damaged)
        report = reenact.verify(traced)
        assert (report["events"], report["divergences"]) == (events, []), number
    path.unlink(missing_ok=True)
    for plant in (lambda: os.mkfifo(path), path.mkdir, lambda: path.symlink_to("/dev/zero")):
        plant()
        assert reenact.verify(traced)["events"] == events
        path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()


def test_it_belongs_to_one_trace_and_version(
    traced: Path, reenact: Reenact, keeper: Keeper, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A copy of the trace has it, a trace that was changed and another replayer have not."""
    _indexed(traced, reenact.verify(traced)["events"])
    copy = keeper.trace("copy")
    shutil.copytree(traced, copy)
    assert reenact.verify(copy)["segments"] > 0
    for name in ("manifest.json", "files.jsonl"):
        with (copy / name).open("a") as file:
            file.write("\n")
        assert indexes.find(str(copy)) is None
        shutil.copy(traced / name, copy / name)
        assert indexes.find(str(copy)) is not None
    with (copy / "events").open("r+b") as file:
        file.truncate(file.seek(0, os.SEEK_END) * 2 // 3)
    assert indexes.find(str(copy)) is None
    other = tmp_path / "replayer"
    shutil.copy(programs.replayer(), other)
    monkeypatch.setenv("REENACT_REPLAYER", str(other))
    assert indexes.find(str(traced)) is None
    assert reenact.verify(traced)["segments"] == 0
    # The new one takes the place of the old one.
    _indexed(traced, 100)
    monkeypatch.delenv("REENACT_REPLAYER")
    assert indexes.find(str(traced)) is None


def test_nothing_is_kept_of_a_pass_that_departs(
    traced: Path, reenact: Reenact, keeper: Keeper, cache: Path
) -> None:
    """The trace was changed, with right checksums: the replay goes another way."""
    changed = keeper.trace("changed")
    shutil.copytree(traced, changed)
    editable = EditableTrace(traced)
    syscall, write = 1, 1
    # What a call has given the program is another thing: it goes on from that somewhere.
    for where in editable.attachments():
        if (where.event_kind, where.tag) == (syscall, write) and where.length >= 8:
            editable.save_with(where, 0, 0xFF, changed / "events")
            ending = reenact.run("index", "--every", "0.001s", str(changed))
            if ending.status:
                break
    assert ending.status == 1, ending.describe()
    assert b"no index was made: the replay departs" in ending.stderr
    assert [
        path for path in cache.iterdir() if path.name.startswith(indexes._identity(str(changed)))
    ] == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_nothing_is_left_of_a_pass_that_is_ended(
    number: signal.Signals, reenact: Reenact, longer: Path, cache: Path
) -> None:
    """Not even half of it, and the next pass makes it."""
    trace = longer
    running = subprocess.Popen(
        [*reenact.command, "index", "--every", "0.001s", str(trace)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    deadline = time.monotonic() + 60
    while running.poll() is None and not (cache.is_dir() and list(cache.iterdir())):
        assert time.monotonic() < deadline
        time.sleep(0.005)
    running.send_signal(number)
    _, said = running.communicate(timeout=60)
    assert b"Traceback" not in said, said
    assert indexes.find(str(trace)) is None or running.returncode == 0
    left = [path for path in cache.iterdir() if ".making" in path.name]
    if number != signal.SIGKILL:
        assert left == []
    for path in left:
        os.utime(path, (0, 0))
    assert reenact.run("index", "--every", "0.001s", str(trace)).status == 0
    assert [path.name for path in cache.iterdir() if ".making" in path.name] == []
    assert reenact.verify(trace)["segments"] > 1


def test_where_nothing_can_be_kept(
    traced: Path, reenact: Reenact, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One sentence, before anything is replayed."""
    (tmp_path / "file").write_text("")
    ending = reenact.run("index", str(traced), variables={"XDG_CACHE_HOME": str(tmp_path / "file")})
    assert ending.status == 125
    assert b"no index can be made in" in ending.stderr, ending.describe()
    # There is little room: those that fit are kept.
    monkeypatch.setattr(indexes, "MOST_OF_ONE", 100 << 10)
    made = indexing.make(str(traced), every=NEVER, every_events=1)
    assert made.index is not None
    assert made.index.size < 1 << 20
    assert any("no room" in note.message for note in made.result.notes)
    assert reenact.verify(traced)["index_failure"] is None
