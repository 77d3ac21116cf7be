"""What may go wrong around a recording: kills, cuts, full disks, changed files, bad input."""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import shlex
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import skips
from guest_build import GuestBuild
from recorded_run import Ending, Keeper, Reenact, check_exact, run

FAILURE = 125


def start_endless(
    reenact: Reenact, guests: GuestBuild, trace: Path
) -> tuple[subprocess.Popen, int]:
    """A recording of a program that never ends, and the program's pid; it has run for a while."""
    program = str(guests.build("endless.c", "endless"))
    recording = subprocess.Popen(
        [*reenact.command, "record", "--quiet", "-o", str(trace), "--", program],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    pid = int(recording.stdout.readline())
    time.sleep(0.5)
    return recording, pid


def check_cut(reenact: Reenact, trace: Path, at_least: int = 1) -> dict:
    """The trace verifies as far as it goes."""
    report = reenact.verify(trace)
    assert not report["divergences"], json.dumps(report)[:3000]
    assert report["events"] >= at_least, report
    return report


def test_program_is_killed(reenact: Reenact, guests: GuestBuild, keeper: Keeper) -> None:
    """The recording ends as the program did, and holds all of it."""
    recording, pid = start_endless(reenact, guests, keeper.trace())
    os.kill(pid, signal.SIGKILL)
    recording.communicate(timeout=20)
    assert recording.returncode == -signal.SIGKILL
    check_cut(reenact, keeper.trace(), at_least=1000)


def test_recorder_is_killed(reenact: Reenact, guests: GuestBuild, keeper: Keeper) -> None:
    """What had reached the disk replays; nothing hangs."""
    recording, pid = start_endless(reenact, guests, keeper.trace())
    recording.kill()
    recording.wait(timeout=20)
    time.sleep(0.5)
    # The program may have been ended with its recorder.
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    recording.stdout.close()
    check_cut(reenact, keeper.trace())


@pytest.fixture(scope="module")
def forking_trace(reenact: Reenact, guests: GuestBuild, tmp_path_factory) -> Path:
    """A trace of many processes, of some chunks."""
    trace = tmp_path_factory.mktemp("forking") / "trace"
    program = str(guests.build("fork_wide.c", "fork_wide"))
    script = f"for i in 1 2 3; do {program}; done; seq 1 200000 | cksum"
    recorded = reenact.record(["sh", "-c", script], trace)
    assert recorded.status == 0, recorded.describe()
    return trace


def copied(trace: Path, target: Path) -> Path:
    """A copy of a trace whose files may be changed, the mapped files shared with the original."""
    shutil.copytree(trace, target, copy_function=os.link)
    events = target / "events"
    events.unlink()
    shutil.copyfile(trace / "events", events)
    return target


def test_cut_anywhere(reenact: Reenact, forking_trace: Path, tmp_path) -> None:
    """A trace cut at 50 random places opens and replays up to its last complete chunk."""
    whole = reenact.verify(forking_trace)
    size = (forking_trace / "events").stat().st_size
    generator = random.Random(11)
    seen = []
    for number, cut in enumerate(sorted(generator.randrange(size) for _ in range(50))):
        trace = copied(forking_trace, tmp_path / str(number))
        os.truncate(trace / "events", cut)
        ending = reenact.run("verify", "--json", str(trace))
        if ending.status == FAILURE:
            assert not seen, f"a shorter trace could be read\n{ending.describe()}"
            check_sentence(ending)
        else:
            assert ending.status == 0, f"cut at {cut}\n{ending.describe()}"
            report = json.loads(ending.stdout)
            seen.append(report["events"])
        shutil.rmtree(trace)
    assert seen == sorted(seen)
    assert seen[-1] <= whole["events"]


@pytest.fixture
def small_disk(tmp_path) -> Iterator[Path]:
    """A file system of 8 MB: the kept files of a shell fit, 30 MB of random bytes do not."""
    if os.getuid() != 0:
        skips.skip(skips.Reason.NOT_ROOT, "mounting a small file system")
    place = tmp_path / "disk"
    place.mkdir()
    if run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(place)]).status != 0:
        skips.skip(skips.Reason.NOT_ALLOWED, "mounting")
    yield place
    run(["umount", "-l", str(place)])


def test_full_disk(reenact: Reenact, guests: GuestBuild, small_disk: Path) -> None:
    """The program goes on to its end; the trace says where it stops, and replays up to there."""
    program = str(guests.build("small_reads.c", "small_reads"))
    native = run([program])
    trace = small_disk / "trace"
    # Random bytes do not compress: the disk is full soon.
    script = f"head -c 30000000 /dev/urandom | cksum > /dev/null; {program}"
    recorded = reenact.run("record", "-o", str(trace), "--", "sh", "-c", script, timeout=120)
    assert recorded.status == native.status, recorded.describe()
    assert recorded.stdout == native.stdout
    assert re.search(rb"full|space", recorded.stderr), recorded.describe()
    assert b"os error" not in recorded.stderr, recorded.describe()
    check_cut(reenact, trace)


def test_binary_is_changed_after_recording(
    reenact: Reenact, guests: GuestBuild, keeper: Keeper, tmp_path
) -> None:
    """The trace holds what was mapped: the original may be overwritten or deleted."""
    program = tmp_path / "program"
    shutil.copy(guests.build("hello.c", "hello"), program)
    recorded = reenact.record([str(program)], keeper.trace())
    assert recorded.status == 7, recorded.describe()
    with program.open("r+b") as file:
        file.write(b"\0" * 8192)
    check_exact(reenact, keeper.trace(), recorded)
    program.unlink()
    check_exact(reenact, keeper.trace(), recorded)


def test_moved_trace(reenact: Reenact, guests: GuestBuild, keeper: Keeper) -> None:
    """A trace is a folder that may be moved."""
    program = str(guests.build("fork.c", "fork"))
    recorded = reenact.record([program], keeper.trace())
    moved = keeper.trace().rename(keeper.trace("elsewhere"))
    check_exact(reenact, moved, recorded)


@pytest.mark.parametrize("lacking", ["dispatch", "ptrace", "userfaultfd"])
@pytest.mark.parametrize("guest", ["hello", "fork_wide", "signal_information", "vfork"])
def test_lacking_kernel(
    lacking: str, guest: str, reenact: Reenact, guests: GuestBuild, keeper: Keeper
) -> None:
    """Where the kernel has no syscall dispatch, or forbids ptrace or userfaultfd, all goes on."""
    program = str(guests.build(f"{guest}.c", guest))
    native = run([program])
    without = str(guests.build("without.c", "without"))
    limited = Reenact([without, lacking, *reenact.command], reenact.variables)
    recorded = limited.record([program], keeper.trace())
    assert recorded == native, recorded.describe()
    check_exact(reenact, keeper.trace(), recorded)


@pytest.mark.parametrize("mechanism", ["dispatch", "seccomp", ""])
def test_no_way_to_catch_calls(
    mechanism: str, reenact: Reenact, guests: GuestBuild, tmp_path
) -> None:
    """Where the kernel lacks what was asked for, it is said before the program runs."""
    without = str(guests.build("without.c", "without"))
    lacking = [without, "dispatch", without, "seccomp"]
    limited = Reenact([*lacking, *reenact.command], {"REENACT_MECHANISM": mechanism})
    ending = limited.run(
        "record", "-o", str(tmp_path / "trace"), "--", "touch", str(tmp_path / "a")
    )
    check_sentence(ending)
    assert b"cannot be caught" in ending.stderr, ending.describe()
    assert b"reenact doctor" in ending.stderr, ending.describe()
    assert not (tmp_path / "a").exists()
    assert not (tmp_path / "trace").exists()


def check_sentence(ending: Ending) -> None:
    """One clear sentence and perhaps a hint; no traceback."""
    assert ending.status == FAILURE, ending.describe()
    lines = ending.stderr.decode().splitlines()
    assert lines, "said nothing"
    assert lines[0].startswith("reenact: "), ending.describe()
    assert len(lines) <= 2, ending.describe()
    if len(lines) == 2:
        assert lines[1].lstrip().startswith("hint: "), ending.describe()
    assert "Traceback" not in lines[0]
    # Words of the system, not its numbers.
    assert "os error" not in lines[0], ending.describe()
    assert "[Errno" not in lines[0], ending.describe()


def test_recordings_do_not_nest(reenact: Reenact, keeper: Keeper) -> None:
    """The inner one says so; what replays inside goes on unrecorded, and is told of."""
    inner, outer = keeper.trace("inner"), keeper.trace("outer")
    nested = [*reenact.command, "record", "-o", str(inner), "--", "true"]
    recorded = reenact.record(nested, outer)
    check_sentence(recorded)
    assert b"do not nest" in recorded.stderr
    assert not inner.exists()
    check_exact(reenact, outer, recorded)
    trace = keeper.trace("true")
    assert reenact.record(["true"], trace).status == 0
    verifying = keeper.trace("verifying")
    command = [*reenact.command, "verify", str(trace)]
    recorded = reenact.run("record", "-o", str(verifying), "--", *command)
    assert recorded.status == 0, recorded.describe()
    assert b"is loaded where the recorder is; it goes on unrecorded" in recorded.stderr
    assert reenact.verify(verifying)["divergences"] == []


def test_programs_that_cannot_be_loaded_are_the_callers_affair(
    reenact: Reenact, keeper: Keeper, tmp_path: Path
) -> None:
    """`execve` fails in the recording as natively, while the caller is still there."""
    programs = [*_cut_headers(tmp_path), *_no_linker(tmp_path)]
    script = "; ".join(f"{program} 2>/dev/null; echo $?" for program in programs)
    native = run(["sh", "-c", script])
    recorded = reenact.record(["sh", "-c", script], keeper.trace())
    assert recorded.stdout == native.stdout == b"126\n127\n", recorded.describe()
    check_exact(reenact, keeper.trace(), recorded)


def _text_file(folder: Path) -> list[str]:
    place = folder / "text"
    place.write_text("this is no program\n")
    place.chmod(0o755)
    return [str(place)]


def _not_executable(folder: Path) -> list[str]:
    place = folder / "plain"
    place.write_text("#!/bin/sh\n")
    place.chmod(0o644)
    return [str(place)]


def _thirty_two_bit(folder: Path) -> list[str]:
    place = folder / "old"
    header = bytearray(64)
    header[:7] = b"\x7fELF\x01\x01\x01"
    header[16:20] = b"\x02\x00\x03\x00"
    place.write_bytes(header)
    place.chmod(0o755)
    return [str(place)]


def _cut_elf(folder: Path) -> list[str]:
    place = folder / "cut"
    place.write_bytes(Path("/bin/true").read_bytes()[:40])
    place.chmod(0o755)
    return [str(place)]


def _cut_headers(folder: Path) -> list[str]:
    place = folder / "headers"
    place.write_bytes(Path("/bin/true").read_bytes()[:300])
    place.chmod(0o755)
    return [str(place)]


def _no_linker(folder: Path) -> list[str]:
    place = folder / "unlinked"
    program = Path("/bin/true").read_bytes()
    place.write_bytes(program.replace(b"/lib64/ld-linux", b"/lib64/no-linux", 1))
    place.chmod(0o755)
    return [str(place)]


BAD_PROGRAMS = {
    "missing": lambda folder: [str(folder / "nothing")],
    "missing on the path": lambda _: ["no-such-program-anywhere"],
    "directory": lambda folder: [str(folder)],
    "text": _text_file,
    "not executable": _not_executable,
    "32-bit": _thirty_two_bit,
    "cut": _cut_elf,
    "cut in its headers": _cut_headers,
    "without its linker": _no_linker,
    "none": lambda _: [],
}


@pytest.mark.parametrize("name", BAD_PROGRAMS)
def test_bad_program(name: str, reenact: Reenact, tmp_path) -> None:
    """Each is refused by one sentence, and no trace is left."""
    trace = tmp_path / "trace"
    command: Sequence[str] = BAD_PROGRAMS[name](tmp_path)
    check_sentence(reenact.record(command, trace))
    assert not (trace / "manifest.json").exists()


def _empty_folder(trace: Path, _: Path) -> None:
    trace.mkdir()


def _file(trace: Path, _: Path) -> None:
    trace.write_text("no trace")


def _newer(trace: Path, good: Path) -> None:
    copied(good, trace)
    manifest = json.loads((trace / "manifest.json").read_text())
    manifest["format_version"] = 1000
    (trace / "manifest.json").unlink()
    (trace / "manifest.json").write_text(json.dumps(manifest))


def _broken_manifest(trace: Path, good: Path) -> None:
    copied(good, trace)
    (trace / "manifest.json").unlink()
    (trace / "manifest.json").write_text('{"format_version": ')


BAD_TRACES = {
    "missing": lambda _trace, _good: None,
    "empty folder": _empty_folder,
    "file": _file,
    "newer version": _newer,
    "broken manifest": _broken_manifest,
}


@pytest.mark.parametrize("name", BAD_TRACES)
@pytest.mark.parametrize("command", ["verify", "info", "ps", "dump"])
def test_bad_trace(
    name: str, command: str, reenact: Reenact, forking_trace: Path, tmp_path
) -> None:
    """Each is refused by one sentence."""
    trace = tmp_path / "trace"
    BAD_TRACES[name](trace, forking_trace)
    check_sentence(reenact.run(command, str(trace)))


def test_missing_mapped_file(reenact: Reenact, forking_trace: Path, tmp_path) -> None:
    """A trace that lost a file it needs is a clear failure, not a wrong replay."""
    trace = copied(forking_trace, tmp_path / "trace")
    for file in (trace / "files").iterdir():
        file.unlink()
    ending = reenact.run("verify", "--json", str(trace))
    assert ending.status in (1, FAILURE), ending.describe()
    assert b"Traceback" not in ending.stderr


def test_no_room_in_the_address_space(reenact: Reenact, keeper: Keeper) -> None:
    """Limited from outside, there is no recording, and the sentence says why and what helps."""
    trace = shlex.quote(str(keeper.trace()))
    command = f"{shlex.join(reenact.command)} record -o {trace} -- true"
    ending = run(["sh", "-c", f"ulimit -v 1000000; exec {command}"])
    assert ending.status == FAILURE, ending.describe()
    check_sentence(ending)
    assert b"limit of address space" in ending.stderr


def test_ignored_signals_stay_ignored(reenact: Reenact, keeper: Keeper) -> None:
    """What a shell's background job or `nohup` ignores does not end a recorded program either."""
    survives = "kill -HUP $$; kill -INT $$; kill -QUIT $$; echo alive; kill -TERM $$"
    trace = shlex.quote(str(keeper.trace()))
    command = f"{shlex.join(reenact.command)} record -q -o {trace} -- sh -c {shlex.quote(survives)}"
    ending = run(["sh", "-c", f"trap '' HUP INT QUIT; exec {command}"])
    assert (ending.stdout, ending.status) == (b"alive\n", -signal.SIGTERM), ending.describe()
    assert not reenact.verify(keeper.trace())["divergences"]


def test_verify_is_killed(reenact: Reenact, guests: GuestBuild, keeper: Keeper) -> None:
    """The replayer ends with the command that started it, even killed."""
    program = str(guests.build("compute.c", "compute"))
    reenact.record([program, "3000000"], keeper.trace())
    verifying = subprocess.Popen([*reenact.command, "verify", str(keeper.trace())])
    marker = str(keeper.trace())
    deadline = time.monotonic() + 20
    while not replayers_of(marker):
        assert time.monotonic() < deadline, "no replayer was seen"
        time.sleep(0.02)
    verifying.kill()
    verifying.wait(timeout=10)
    deadline = time.monotonic() + 10
    while replayers_of(marker):
        assert time.monotonic() < deadline, "the replayer goes on alone"
        time.sleep(0.02)


def test_verify_is_stopped_and_goes_on(reenact: Reenact, keeper: Keeper) -> None:
    """A wait with a deadline (for the only slot) survives a stop: another call resumes it."""
    counts = "(i=0; while [ $i -lt 2000000 ]; do i=$((i+1)); done); :"
    reenact.record(["sh", "-c", counts], keeper.trace())
    verifying = subprocess.Popen(
        [*reenact.command, "verify", "--jobs", "1", str(keeper.trace())],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    deadline = time.monotonic() + 20
    # The first process of the replay, the shell's, which waits for the slot, and the subshell's.
    while len(replayers_of(str(keeper.trace()))) < 3:
        assert time.monotonic() < deadline, "the subshell is not replayed"
        time.sleep(0.01)
    for _ in range(10):
        time.sleep(0.05)
        for action in (signal.SIGSTOP, signal.SIGCONT):
            for pid in replayers_of(str(keeper.trace())):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, action)
            time.sleep(0.05)
    output = verifying.communicate(timeout=60)[0]
    assert verifying.returncode == 0, output


def replayers_of(trace: str) -> list[int]:
    """Pids of the processes that have a file of a trace open, other than recorders of it."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal():
            continue
        with contextlib.suppress(OSError):
            links = [os.readlink(link) for link in (entry / "fd").iterdir()]
            if any(link.startswith(trace) for link in links):
                found.append(int(entry.name))
    return found
