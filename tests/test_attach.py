"""`reenact attach`: processes that run already are recorded from there on, and notice nothing."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
import skips
from attached_program import JAVA, NODE, PYTHON, SHARED, SHELL, attached, natively, running
from debugger_session import need_gdb
from guest_build import GuestBuild
from recorded_run import Keeper, Reenact

import reenact as package

GUESTS = {
    "attach_threads": ("-O1", "-pthread"),
    "attach_waits": ("-O1", "-pthread"),
    "attach_handlers": ("-O1",),
    "attach_memory": ("-O1",),
    "attach_registers": ("-O1", "-mavx2"),
    "attach_short_threads": ("-O1", "-pthread"),
}


def _check(
    reenact: Reenact, command: Sequence[str], trace: Path, folder: Path, begin: Path
) -> None:
    """The program does what it does natively, and both engines replay it from there on."""
    status, printed = natively([*command, str(begin)], folder, begin)
    with running([*command, str(begin)], folder) as process:
        with attached(reenact, process, trace):
            begin.touch()
            rest = process.communicate(timeout=120)[0]
        assert (process.returncode, rest) == (status, printed)
    for way in ([], ["--translated"]):
        report = reenact.verify(trace, *way)
        assert not report["divergences"], report
    replayed = reenact.run("verify", "--output", str(trace))
    assert replayed.stdout == printed
    first = package.open(trace).processes[0]
    assert (first.start, first.exit_status) == ("attached", status)


@pytest.mark.parametrize("name", GUESTS)
def test_guests(
    name: str, guests: GuestBuild, reenact: Reenact, keeper: Keeper, tmp_path: Path
) -> None:
    program = guests.build(f"{name}.c", name, GUESTS[name])
    _check(reenact, [str(program)], keeper.trace(), tmp_path, tmp_path / "begin")


@pytest.mark.parametrize(
    "command",
    [
        [sys.executable, "-c", PYTHON],
        [sys.executable, "-c", SHARED],
        ["sh", "-c", SHELL, "sh"],
        ["node", "-e", NODE],
        ["java", "-Xmx200m", "-cp", ".", "Attached"],
    ],
    ids=["python", "shared", "shell", "node", "java"],
)
def test_programs(command: list[str], reenact: Reenact, keeper: Keeper, tmp_path: Path) -> None:
    """An interpreter with threads, one with children, and a just-in-time compiler."""
    if shutil.which(command[0]) is None:
        skips.skip(skips.Reason.NO_PROGRAM, command[0])
    if command[0] == "java":
        compiler = skips.need_program("javac")
        (tmp_path / "Attached.java").write_text(JAVA)
        subprocess.run([compiler, "Attached.java"], cwd=tmp_path, check=True, timeout=120)
    _check(reenact, command, keeper.trace(), tmp_path, tmp_path / "begin")


def _check_random_moments(
    reenact: Reenact, program: str, keeper: Keeper, folder: Path, rounds: int, seed: int
) -> None:
    chosen = random.Random(seed)
    begin = folder / "begin"
    status, printed = natively([program, str(begin)], folder, begin)
    for number in range(rounds):
        trace = keeper.trace(str(number))
        with running([program, str(begin)], folder) as process:
            time.sleep(chosen.random() / 20)
            with attached(reenact, process, trace):
                time.sleep(chosen.random() / 20)
                begin.touch()
                rest = process.communicate(timeout=120)[0]
            assert (process.returncode, rest) == (status, printed)
        begin.unlink()
        assert not reenact.verify(trace)["divergences"]
        shutil.rmtree(trace)


@pytest.mark.parametrize("name", GUESTS)
def test_random_moments(
    name: str, guests: GuestBuild, reenact: Reenact, keeper: Keeper, tmp_path: Path
) -> None:
    program = str(guests.build(f"{name}.c", name, GUESTS[name]))
    _check_random_moments(reenact, program, keeper, tmp_path, 3, 1)


@pytest.mark.soak
@pytest.mark.parametrize("name", GUESTS)
def test_many_random_moments(
    name: str, guests: GuestBuild, reenact: Reenact, keeper: Keeper, tmp_path: Path
) -> None:
    program = str(guests.build(f"{name}.c", name, GUESTS[name]))
    seed = int(os.environ.get("REENACT_SOAK_SEED", "2"))
    _check_random_moments(reenact, program, keeper, tmp_path, 50, seed)


def test_stopped(guests: GuestBuild, reenact: Reenact, keeper: Keeper, tmp_path: Path) -> None:
    """A process that is stopped stays so until it is continued."""
    program = str(guests.build("attach_threads.c", "attach_threads", GUESTS["attach_threads"]))
    begin, trace = tmp_path / "begin", keeper.trace()
    with running([program, str(begin)], tmp_path) as process:
        process.send_signal(signal.SIGSTOP)
        status = Path(f"/proc/{process.pid}/status")
        while "State:\tT" not in status.read_text():
            time.sleep(0.01)
        with attached(reenact, process, trace):
            time.sleep(0.1)
            assert "State:\tT" in status.read_text()
            begin.touch()
            process.send_signal(signal.SIGCONT)
            rest = process.communicate(timeout=120)[0]
        assert (process.returncode, rest) == (3, b"0 1\n1 1\n2 2\n3 3\n")
    assert not reenact.verify(trace)["divergences"]


def test_interrupted(guests: GuestBuild, reenact: Reenact, keeper: Keeper, tmp_path: Path) -> None:
    """The program goes on when the recording ends: by Ctrl-C, or as the command is killed."""
    program = str(guests.build("attach_threads.c", "attach_threads", GUESTS["attach_threads"]))
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        begin, trace = tmp_path / number.name, keeper.trace(number.name)
        with running([program, str(begin)], tmp_path) as process:
            if number == signal.SIGKILL:
                with (
                    pytest.raises(AssertionError),
                    attached(reenact, process, trace) as command,
                ):
                    command.send_signal(number)
            else:
                with attached(reenact, process, trace) as command:
                    time.sleep(0.2)
                    command.send_signal(number)
            begin.touch()
            rest = process.communicate(timeout=120)[0]
            assert (process.returncode, rest) == (3, b"0 1\n1 1\n2 2\n3 3\n")
        if number != signal.SIGKILL:
            assert not reenact.verify(trace)["divergences"]


@pytest.mark.parametrize("call", ["pause", "poll", "select", "sleep"])
def test_one_signal(
    call: str, guests: GuestBuild, reenact: Reenact, keeper: Keeper, tmp_path: Path
) -> None:
    """A signal that comes while the process is held ends the call that waits."""
    program = str(guests.build("attach_one_signal.c", "attach_one_signal", ("-O1",)))
    trace = keeper.trace()
    with running([program, call], tmp_path) as process:
        status = Path(f"/proc/{process.pid}/status")
        while "State:\tS" not in status.read_text():
            pass
        recorder = threading.Thread(
            target=reenact.run, args=("attach", "-o", str(trace), str(process.pid))
        )
        recorder.start()
        # If that is missed, the signal comes later, when it is recorded.
        latest = time.monotonic() + 3
        while "TracerPid:\t0" in status.read_text() and time.monotonic() < latest:
            pass
        process.send_signal(signal.SIGUSR1)
        printed = process.communicate(timeout=60)[0]
        recorder.join(timeout=60)
        assert (process.returncode, printed) == (3, b"-1 1 1\n")
    for way in ([], ["--translated"]):
        report = reenact.verify(trace, *way)
        assert not report["divergences"], report


CRASHES = """
import hashlib, os, sys, time
print("ready", flush=True)
digest, steps = hashlib.sha256(), 0
while not os.path.exists(sys.argv[1]) or steps < 20000:
    steps += os.path.exists(sys.argv[1])
    digest.update(os.urandom(600))
    if steps == 10000:
        time.sleep(0.01)
os.abort()
"""


def test_ring(reenact: Reenact, keeper: Keeper, tmp_path: Path) -> None:
    """The last part is saved while it goes on, and when it has crashed."""
    begin, trace, saved = tmp_path / "begin", keeper.trace(), keeper.trace("saved")
    variables = {**reenact.variables, "XDG_RUNTIME_DIR": str(tmp_path)}
    rings = Reenact(reenact.command, variables)
    command = [sys.executable, "-c", CRASHES, str(begin)]
    with (
        running(command, tmp_path) as process,
        attached(rings, process, trace, "--ring", "4M"),
    ):
        time.sleep(0.5)
        ending = rings.run("save", str(process.pid), "-o", str(saved))
        assert ending.status == 0, ending.describe()
        begin.touch()
        process.communicate(timeout=120)
        assert process.returncode == -signal.SIGABRT
    for place, end in ((saved, None), (trace, signal.SIGABRT)):
        for way in ([], ["--translated"]):
            report = reenact.verify(place, *way)
            assert not report["divergences"], report
        first = package.open(place).processes[0]
        assert (first.start, first.signal) == ("attached", end)
        assert "python" in first.program
    # More has come than there is room for.
    assert (package.open(trace).processes[0].begins_behind or 0) > 1000
    assert (trace / "events").stat().st_size < 64 << 20


def test_in_gdb(guests: GuestBuild, reenact: Reenact, keeper: Keeper, tmp_path: Path) -> None:
    """All threads are there from the beginning, and one goes back to it."""
    need_gdb()
    flags = ("-O1", "-g", "-pthread")
    program = str(guests.build("attach_waits.c", "attach_waits-g", flags))
    begin, trace = tmp_path / "begin", keeper.trace()
    with (
        running([program, str(begin)], tmp_path) as process,
        attached(reenact, process, trace),
    ):
        begin.touch()
        process.communicate(timeout=120)
    words = ["-nx", "-batch"]
    source = (Path(__file__).parent / "guests" / "attach_waits.c").read_text()
    line = 1 + source[: source.index("pthread_join")].count("\n")
    for command in (
        "thread apply all bt",
        f"break attach_waits.c:{line}",
        "continue",
        "print i + 0",
        "delete",
    ):
        words += ["-ex", command]
    words += ["-ex", "reverse-continue", "-ex", "info threads"]
    ending = reenact.run("replay", str(trace), "--", *words)
    said = (ending.stdout + ending.stderr).decode()
    for function in ("main", "polls", "reads", "receives", "takes"):
        assert f" in {function} (" in said or f" {function} (" in said, said
    assert "$1 = 0" in said
    assert "reaches back to event 2" in said
    assert said.count("Thread ") >= 10


@pytest.mark.parametrize(
    "kind",
    [
        *("none", "kernel", "twice", "shared", "traced", "thread"),
        *("attach_first_gone", "attach_vfork", "waits for vfork", "namespace"),
    ],
)
def test_refused(
    kind: str, guests: GuestBuild, reenact: Reenact, keeper: Keeper, tmp_path: Path
) -> None:
    """One sentence each, and the process goes on."""
    program = str(guests.build("attach_threads.c", "attach_threads", GUESTS["attach_threads"]))
    command, begin = [program, str(tmp_path / "begin")], tmp_path / "begin"
    if kind == "shared":
        text = "import mmap, os, sys, time; m = mmap.mmap(-1, 4096); child = os.fork()"
        wait = "\nif child: print('ready', flush=True)"
        wait += "\nwhile not os.path.exists(sys.argv[1]): time.sleep(0.01)\nsys.exit(3)"
        command = [sys.executable, "-c", text + wait, str(begin)]
    if kind in ("attach_first_gone", "attach_vfork", "waits for vfork"):
        name = "attach_vfork" if "vfork" in kind else kind
        command[0] = str(guests.build(f"{name}.c", name, ("-O1", "-pthread")))
    if kind == "namespace":
        unshare = skips.need_program("unshare")
        command = [unshare, "--user", "--map-root-user", "--fork", "--pid", *command]
        if subprocess.run([*command[:5], "true"], capture_output=True, check=False).returncode:
            skips.skip(skips.Reason.NO_PROGRAM, "a kernel that makes namespaces")
    expected = {
        "none": "there is no process 2147483000",
        "kernel": "is a thread of the kernel",
        "twice": "is recorded already",
        "shared": "in common with others",
        "traced": "is traced already",
        "thread": "is a thread of process",
        "attach_first_gone": "goes on without its first thread",
        "attach_vfork": "shares all its memory with process",
        "waits for vfork": "does not stop",
        "namespace": "in another pid namespace",
    }[kind]
    with running(command, tmp_path) as process, contextlib.ExitStack() as stack:
        pid = {"none": 2147483000, "kernel": 2}.get(kind, process.pid)
        if kind == "kernel" and "Kthread:\t1" not in Path("/proc/2/status").read_text():
            skips.skip(skips.Reason.NO_PROGRAM, "a kernel that shows its threads")
        if kind == "thread":
            pid = max(int(name) for name in os.listdir(f"/proc/{pid}/task"))
            assert pid != process.pid
        elif kind == "attach_vfork":
            pid = int(Path(f"/proc/{pid}/task/{pid}/children").read_text())
        elif kind == "twice":
            stack.enter_context(attached(reenact, process, keeper.trace("first")))
        elif kind == "traced":
            need_gdb()
            debugger = stack.enter_context(
                subprocess.Popen(
                    ["gdb", "-nx", "-q", "-p", str(pid)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                )
            )
            while "TracerPid:\t0" in Path(f"/proc/{pid}/status").read_text():
                time.sleep(0.01)
        ending = reenact.run("attach", "-o", str(tmp_path / "trace"), str(pid))
        assert ending.status == 125
        assert expected in ending.stderr.decode()
        assert not (tmp_path / "trace").exists()
        if kind == "traced":
            debugger.communicate(b"detach\nquit\n", timeout=60)
        begin.touch()
        process.communicate(timeout=120)
        assert process.returncode == 3
