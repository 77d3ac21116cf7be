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
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import skips
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
PYTHON = """
import hashlib, os, sys, threading
done = {}
def work(number):
    digest, left = hashlib.sha256(), 2000
    while left:
        if os.path.exists(sys.argv[1]):
            digest.update(repr((number, left)).encode())
            left -= 1
    done[number] = digest.hexdigest()
threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
[thread.start() for thread in threads]
print("ready", flush=True)
[thread.join() for thread in threads]
print(sorted(done.items()))
"""
SHELL = """
trap 'echo usr1' USR1
echo ready
while ! test -e "$1"; do sleep 0.01; done
kill -USR1 $$
for i in 1 2 3; do echo $i $(echo $i | tr 1-3 a-c); done
exec echo end
"""
#: A file and memory that are mapped shared, by nobody else until it forks.
SHARED = """
import mmap, os, sys, time
file = open("shared", "w+b")
file.truncate(12288)
mapped, anonymous = mmap.mmap(file.fileno(), 12288), mmap.mmap(-1, 8192)
mapped[0:5], anonymous[0:4] = b"hello", b"anon"
print("ready", flush=True)
steps = 0
while not os.path.exists(sys.argv[1]):
    steps += 1
    mapped[100:108] = steps.to_bytes(8, "little")
    time.sleep(0.001)
mapped[5:8], anonymous[4:8] = b"xyz", b"more"
os.pwrite(file.fileno(), b"W", 4096)
child = os.fork()
if child == 0:
    mapped[8:11], anonymous[100:103] = b"kid", b"kid"
    os._exit(0)
os.waitpid(child, 0)
print(mapped[:11], mapped[4096:4097], anonymous[:8], anonymous[100:103])
print(open("shared", "rb").read(11))
"""
NODE = """
const fs = require('fs'), crypto = require('crypto');
let sum = 0, left = 20;
const timer = setInterval(() => {
  for (let i = 0; i < 100000; i++) sum = (sum * 31 + i) % 1000003;
  if (!fs.existsSync(process.argv[1])) { sum = 0; return; }
  console.log(left, sum, crypto.createHash('sha1').update(String(sum)).digest('hex'));
  if (--left === 0) clearInterval(timer);
}, 2);
console.log('ready');
"""


#: Threads, code made meanwhile, and a mapped file of the runtime's.
JAVA = """
import java.util.concurrent.*;
public class Attached {
    public static void main(String[] words) throws Exception {
        var file = new java.io.File(words[0]);
        var pool = Executors.newFixedThreadPool(3);
        System.out.println("ready");
        var done = new java.util.ArrayList<Future<Long>>();
        for (int number = 0; number < 3; number++) {
            long seed = number;
            done.add(pool.submit(() -> {
                long sum = 0;
                for (int left = 100; left > 0; left -= file.exists() ? 1 : 0) {
                    sum = seed;
                    for (int step = 0; step < 100000; step++) sum = sum * 31 + step;
                }
                return sum;
            }));
        }
        for (var one : done) System.out.println(one.get());
        pool.shutdown();
    }
}
"""


@contextlib.contextmanager
def _running(command: Sequence[str], folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A program that has said that it is ready."""
    with subprocess.Popen(
        command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, bufsize=0
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            yield process
        finally:
            if process.poll() is None:
                process.kill()


@contextlib.contextmanager
def _attached(
    reenact: Reenact, process: subprocess.Popen[bytes], trace: Path, *options: str
) -> Iterator[subprocess.Popen[str]]:
    """The command, once it says that the process is recorded; it is to end by itself."""
    command = [*reenact.command, "attach", *options, "-o", str(trace), str(process.pid)]
    variables = {**os.environ, **reenact.variables}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=variables) as attached:
        assert attached.stderr is not None
        said = attached.stderr.readline()
        assert said.startswith(f"reenact: recording process {process.pid};"), said
        yield attached
        rest = attached.communicate(timeout=120)[1]
        assert attached.returncode == 0, rest
        assert "reenact: recorded in" in rest


def _natively(command: Sequence[str], folder: Path, file: Path) -> tuple[int, bytes]:
    file.touch()
    ended = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, timeout=120, check=False)
    file.unlink()
    return ended.returncode, ended.stdout.removeprefix(b"ready\n")


def _check(
    reenact: Reenact, command: Sequence[str], trace: Path, folder: Path, begin: Path
) -> None:
    """The program does what it does natively, and both engines replay it from there on."""
    status, printed = _natively([*command, str(begin)], folder, begin)
    with _running([*command, str(begin)], folder) as process:
        with _attached(reenact, process, trace):
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
    status, printed = _natively([program, str(begin)], folder, begin)
    for number in range(rounds):
        trace = keeper.trace(str(number))
        with _running([program, str(begin)], folder) as process:
            time.sleep(chosen.random() / 20)
            with _attached(reenact, process, trace):
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


def test_interrupted(guests: GuestBuild, reenact: Reenact, keeper: Keeper, tmp_path: Path) -> None:
    """The program goes on when the recording ends: by Ctrl-C, or as the command is killed."""
    program = str(guests.build("attach_threads.c", "attach_threads", GUESTS["attach_threads"]))
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        begin, trace = tmp_path / number.name, keeper.trace(number.name)
        with _running([program, str(begin)], tmp_path) as process:
            if number == signal.SIGKILL:
                with (
                    pytest.raises(AssertionError),
                    _attached(reenact, process, trace) as attached,
                ):
                    attached.send_signal(number)
            else:
                with _attached(reenact, process, trace) as attached:
                    time.sleep(0.2)
                    attached.send_signal(number)
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
    with _running([program, call], tmp_path) as process:
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
        _running(command, tmp_path) as process,
        _attached(rings, process, trace, "--ring", "4M"),
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
        _running([program, str(begin)], tmp_path) as process,
        _attached(reenact, process, trace),
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
        *("none", "kernel", "stopped", "twice", "shared", "traced", "thread"),
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
        "stopped": "is stopped",
        "twice": "is recorded already",
        "shared": "in common with others",
        "traced": "is traced already",
        "thread": "is a thread of process",
        "attach_first_gone": "goes on without its first thread",
        "attach_vfork": "shares all its memory with process",
        "waits for vfork": "does not stop",
        "namespace": "in another pid namespace",
    }[kind]
    with _running(command, tmp_path) as process, contextlib.ExitStack() as stack:
        pid = {"none": 2147483000, "kernel": 2}.get(kind, process.pid)
        if kind == "kernel" and "Kthread:\t1" not in Path("/proc/2/status").read_text():
            skips.skip(skips.Reason.NO_PROGRAM, "a kernel that shows its threads")
        if kind == "thread":
            pid = max(int(name) for name in os.listdir(f"/proc/{pid}/task"))
            assert pid != process.pid
        elif kind == "attach_vfork":
            pid = int(Path(f"/proc/{pid}/task/{pid}/children").read_text())
        elif kind == "stopped":
            process.send_signal(signal.SIGSTOP)
        elif kind == "twice":
            stack.enter_context(_attached(reenact, process, keeper.trace("first")))
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
        if kind == "stopped":
            process.send_signal(signal.SIGCONT)
        elif kind == "traced":
            debugger.communicate(b"detach\nquit\n", timeout=60)
        begin.touch()
        process.communicate(timeout=120)
        assert process.returncode == 3
