"""Recordings that keep their last part in memory: bounded, saved when somebody wants them."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import skips
from guest_build import GuestBuild
from recorded_run import Keeper, Reenact, check_exact, run
from recorded_server import check_verified

import reenact as package
from reenact.session.values import StopReason

MEBIBYTE = 1 << 20
#: Threads that compute, ask the kernel and hand over; it ends by a fault if asked.
THREADS = """
import hashlib, os, sys, threading, time
def work(number):
    known = {}
    for step in range(int(sys.argv[1])):
        known[step % 3000] = hashlib.md5(str(step * number).encode()).hexdigest()
        if step % 20 == 0:
            time.time(), os.stat("/"), os.urandom(1500)
        if step % 400 == 0:
            with open("/proc/self/stat") as file:
                file.read()
    return hashlib.md5(repr(sorted(known.items())).encode()).hexdigest()
found = {}
def run(number):
    found[number] = work(number)
threads = [threading.Thread(target=run, args=(number,)) for number in range(3)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(sorted(found.items()), flush=True)
if len(sys.argv) > 2:
    os.abort()
"""
NODE = """
const crypto = require('crypto'), fs = require('fs');
let text = '';
const noise = fs.openSync('/dev/urandom'), bytes = Buffer.alloc(500);
for (let step = 0; step < Number(process.argv[2]); step++) {
    text = crypto.createHash('sha1').update(text + step).digest('hex');
    fs.statSync('/');
    if (step % 4 === 0) fs.readSync(noise, bytes);
    if (step % 7 === 0) text += fs.readFileSync('/proc/sys/kernel/ostype');
}
console.log(text);
process.exitCode = 3;
"""
JAVA = """
import java.security.*;
import java.util.*;
public class Work {
    public static void main(String[] arguments) throws Exception {
        int steps = Integer.parseInt(arguments[0]);
        MessageDigest digest = MessageDigest.getInstance("SHA-1");
        Map<Integer, String> known = new HashMap<>();
        Thread other = new Thread(() -> {
            long sum = 1;
            for (int step = 0; step < steps * 20; step++) sum = sum * 31 + step;
            System.out.println(sum);
        });
        other.start();
        byte[] noise = new byte[1500];
        try (var file = new java.io.FileInputStream("/dev/urandom")) {
            for (int step = 0; step < steps; step++) {
                digest.update((byte) step);
                file.read(noise);
                known.put(step % 4000, "value" + step);
            }
        }
        other.join();
        System.out.println(HexFormat.of().formatHex(digest.digest()) + known.size());
        Runtime.getRuntime().halt(9);
    }
}
"""
#: Children in pipes, one that computes all the time, and one that only waits.
SHELL = """
sleep 1000 & waiting=$!
(i=0; while [ $i -lt 60000 ]; do i=$((i+1)); echo $i; done | cksum) & busy=$!
i=0
while [ $i -lt {times} ]; do
    i=$((i+1)); echo "line $i" | cat | sed s/line/row/ | grep -q row || echo missing
done
wait $busy; kill $waiting; echo done; exit 7
"""


@pytest.fixture
def rings(reenact: Reenact, tmp_path: Path) -> Reenact:
    """The command, with a place for sockets and traces of its own."""
    place = tmp_path / "run"
    place.mkdir(mode=0o700)
    variables = {"XDG_RUNTIME_DIR": str(place), "REENACT_TRACE_DIR": str(tmp_path / "home")}
    return Reenact(reenact.command, {**reenact.variables, **variables})


@contextlib.contextmanager
def recorded(
    rings: Reenact, trace: Path, size: str, command: Sequence[str], *options: str, folder: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """Record in a ring meanwhile."""
    words = [*rings.command, "record", "--ring", size, *options, "-o", str(trace), "--", *command]
    process = subprocess.Popen(
        words,
        cwd=folder,
        env={**os.environ, **rings.variables},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def statuses(rings: Reenact) -> list[dict]:
    """What runs in rings."""
    ending = rings.run("status", "--json")
    assert ending.status == 0, ending.describe()
    return json.loads(ending.stdout)["rings"]


def wait_for(what, seconds: float = 60):
    """The first answer that is something."""
    end = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < end, "it does not come"
        time.sleep(0.05)
    return found


def begins_later(trace: Path) -> dict[int, int]:
    """Processes whose log begins later, and behind which event."""
    processes = package.open(trace).processes
    return {one.number: one.begins_behind for one in processes if one.begins_behind is not None}


def test_redis_crashes(rings: Reenact, keeper: Keeper, tmp_path: Path) -> None:
    """Under load in a small ring: bounded, saved while it runs, and at the crash, exactly."""
    server, benchmark, client = map(
        skips.need_program, ("redis-server", "redis-benchmark", "redis-cli")
    )
    path = tmp_path / "socket"
    command = [server, "--port", "0", "--unixsocket", str(path), "--save", "", "--appendonly", "no"]
    command += ["--enable-debug-command", "local"]
    trace, live = keeper.trace(), keeper.trace("live")
    ask = [client, "-s", str(path)]
    load = [benchmark, "-s", str(path), "-t", "set,get,lpush", "-n", "60000", "-r", "5000", "-q"]
    with recorded(rings, trace, "8M", command, folder=tmp_path) as process:
        wait_for(path.exists)
        for _ in range(2):
            subprocess.run(load, check=True, capture_output=True, timeout=120)
        (ring,) = statuses(rings)
        print(
            f"held at most {ring['highest'] / MEBIBYTE:.1f} of {ring['limit'] / MEBIBYTE:.0f} MiB"
        )
        assert ring["highest"] < 2 * ring["limit"]
        assert not list(trace.glob("events*"))
        assert not list(trace.glob("snapshots*"))
        saved = rings.run("save", str(ring["pid"]), "-o", str(live))
        assert saved.status == 0, saved.describe()
        assert subprocess.run([*ask, "ping"], capture_output=True, check=True).stdout == b"PONG\n"
        subprocess.run([*ask, "debug", "segfault"], capture_output=True, check=False, timeout=30)
        said = process.communicate(timeout=60)[1]
        assert process.returncode == -signal.SIGSEGV, said
    assert not statuses(rings)
    for each in (live, trace):
        assert 0 in begins_later(each)
        check_verified(rings, each)
    with package.open(trace).replay(0) as session:
        assert session.goto("end").event.code == signal.SIGSEGV
        point = session.add_breakpoint("processCommand")
        assert session.reverse_continue().reason == StopReason.BREAKPOINT
        point.remove()
        stop = session.reverse_continue()
        assert (stop.reason, stop.position) == (StopReason.START, session.start)
        assert "reaches back to" in stop.message


def test_threads(rings: Reenact, keeper: Keeper, tmp_path: Path) -> None:
    """CPython with threads: its output is the native one, and what is left replays to its end."""
    script = tmp_path / "work.py"
    script.write_text(THREADS)
    command = [sys.executable, str(script), "150000", "abort"]
    natively = run(command, directory=tmp_path, timeout=120)
    trace = keeper.trace()
    words = ("record", "--quiet", "--ring", "4M", "-o", str(trace), "--", *command)
    ending = rings.run(*words, directory=tmp_path, timeout=240)
    assert ending == natively
    assert natively.status == -signal.SIGABRT
    assert 0 in begins_later(trace)
    check_verified(rings, trace)


def test_node(rings: Reenact, keeper: Keeper, tmp_path: Path) -> None:
    """A runtime that makes code, and keeps memory from its children."""
    script = tmp_path / "work.js"
    script.write_text(NODE)
    command = [skips.need_program("node"), str(script), "60000"]
    natively = run(command, directory=tmp_path, timeout=120)
    trace = keeper.trace()
    words = ("record", "--quiet", "--ring", "5M", "-o", str(trace), "--", *command)
    ending = rings.run(*words, directory=tmp_path, timeout=240)
    assert (ending.stdout, ending.status) == (natively.stdout, 3)
    assert 0 in begins_later(trace)
    check_verified(rings, trace)


def test_java(rings: Reenact, keeper: Keeper, tmp_path: Path) -> None:
    """A runtime with many threads, and with a file mapped that others could have, too."""
    compiler, java = skips.need_program("javac"), skips.need_program("java")
    (tmp_path / "Work.java").write_text(JAVA)
    subprocess.run([compiler, "Work.java"], cwd=tmp_path, check=True, timeout=120)
    command = [java, "-cp", str(tmp_path), "Work", "60000"]
    natively = run(command, directory=tmp_path, timeout=120)
    trace = keeper.trace()
    words = ("record", "--quiet", "--ring", "24M", "-o", str(trace), "--", *command)
    ending = rings.run(*words, directory=tmp_path, timeout=240)
    assert sorted(ending.stdout.split()) == sorted(natively.stdout.split())
    assert ending.status == natively.status == 9
    assert 0 in begins_later(trace)
    report = rings.verify(trace, timeout=300)
    assert not report["divergences"], str(report)[:4000]


def test_a_shell_with_children(rings: Reenact, keeper: Keeper, tmp_path: Path) -> None:
    """Children come and go: what is left of them replays, what is not is named."""
    command = ["sh", "-c", SHELL.format(times=150)]
    natively = run(command, directory=tmp_path, timeout=120)
    trace = keeper.trace()
    words = ("record", "--quiet", "--ring", "4M", "-o", str(trace), "--", *command)
    ending = rings.run(*words, directory=tmp_path, timeout=240)
    assert ending == natively
    assert 0 in begins_later(trace)
    check_exact(rings, trace, _end_of(rings, trace))
    told = rings.run("ps", str(trace)).stdout
    assert re.search(rb"not in the trace, as they ended before what is kept: \d+ \(pid", told)
    opened = package.open(trace)
    assert "sleep" in {os.path.basename(one.program) for one in opened.processes}
    for process in opened.processes[:: max(1, len(opened.processes) // 12)]:
        if process.events > (process.begins_behind or 0) + 20:
            with opened.replay(process.number) as session:
                assert session.goto("end").reason == StopReason.END
                assert session.reverse_continue().reason == StopReason.START


def _end_of(rings: Reenact, trace: Path):
    """What the kept part of a run has printed."""
    replayed = rings.run("verify", "--output", str(trace), timeout=240)
    assert replayed.status == 0, replayed.describe()
    errors = replayed.stderr[: replayed.stderr.rfind(b"exact: ")]
    return type(replayed)(replayed.stdout, errors, 7)


@pytest.mark.parametrize(
    ("save_on", "program", "is_saved"),
    [
        ("always", "exit 0", True),
        (None, "exit 0", False),
        (None, "exit 2", True),
        ("error", "sh -c 'kill -SEGV $$'; exit 0", True),
        ("error", "sh -c 'kill -TERM $$'; exit 0", False),
        ("signal", "exit 2", False),
        ("signal", "kill -TERM $$", True),
        ("never", "kill -SEGV $$", False),
    ],
)
def test_what_is_saved(
    save_on: str | None, program: str, is_saved: bool, rings: Reenact, tmp_path: Path
) -> None:
    """At the end, as was said; nothing is left of the others."""
    options = [] if save_on is None else ["--save-on", save_on]
    ending = rings.run("record", "--ring", "8M", *options, "--", "sh", "-c", program)
    home = tmp_path / "home"
    if is_saved:
        assert b"recorded in" in ending.stderr, ending.describe()
        assert not rings.verify(home / "sh-1")["divergences"]
    else:
        assert b"was not saved" in ending.stderr, ending.describe()
        assert list(home.iterdir()) == []


def test_stop(rings: Reenact, guests: GuestBuild, tmp_path: Path, keeper: Keeper) -> None:
    """The program goes on natively to its end; what was held until then is there."""
    program = "i=0; while [ ! -e go ]; do i=$((i+1)); done; echo end; exit 4"
    trace = keeper.trace()
    with recorded(rings, trace, "8M", ["sh", "-c", program], folder=tmp_path) as process:
        (ring,) = wait_for(lambda: statuses(rings))
        assert rings.run("stop", ring["name"]).status == 0
        wait_for(lambda: statuses(rings)[0]["stopped"])
        assert b"stopped" in rings.run("status").stdout
        (tmp_path / "go").touch()
        out, said = process.communicate(timeout=60)
    assert (out, process.returncode) == (b"end\n", 4)
    assert b"recording stopped by `reenact stop`" in said
    assert not rings.verify(trace)["divergences"]


def test_the_supervisor_is_killed(rings: Reenact, tmp_path: Path, keeper: Keeper) -> None:
    """The program goes on; what was in memory is lost, and that is said."""
    program = "i=0; while [ ! -e go ]; do i=$((i+1)); done; echo end > said"
    trace = keeper.trace()
    with recorded(rings, trace, "8M", ["sh", "-c", program], folder=tmp_path) as process:
        (ring,) = wait_for(lambda: statuses(rings))
        os.kill(ring["pid"], signal.SIGKILL)
        process.wait(timeout=30)
        (tmp_path / "go").touch()
        wait_for((tmp_path / "said").exists)
        assert statuses(rings) == []
        assert list((tmp_path / "run" / "reenact").iterdir()) == []
        told = rings.run("info", str(trace))
        assert told.status == 125
        assert b"was in memory only" in told.stderr, told.describe()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["record", "--ring", "12", "--", "true"], b"at least 4M"),
        (["record", "--ring", "much", "--", "true"], b"is not a size"),
        (["record", "--ring", "900G", "--", "true"], b"half of this machine's memory"),
        (["record", "--save-on", "always", "--", "true"], b"with --ring only"),
        (["save", "999999999"], b"process 999999999 is not recorded in a ring"),
        (["save", "nothing"], b"nothing called nothing is recorded in a ring"),
        (["stop", "nothing"], b"nothing called nothing is recorded in a ring"),
    ],
)
def test_what_cannot_be(words: list[str], said: bytes, rings: Reenact) -> None:
    """One sentence each."""
    ending = rings.run(*words)
    assert ending.status == 125
    assert said in ending.stderr, ending.describe()
    assert b"Traceback" not in ending.stderr


def test_shared_memory_is_kept_whole(
    rings: Reenact, guests: GuestBuild, keeper: Keeper, tmp_path: Path
) -> None:
    """Processes without snapshots are named, and nothing of them is dropped."""
    program = str(guests.build("ring_shared.c", "ring_shared"))
    trace = keeper.trace()
    words = ("record", "--ring", "4M", "--save-on", "always", "-o", str(trace), "--", program)
    ending = rings.run(*words, timeout=240)
    assert re.search(rb"process \d \(pid \d+\) takes no snapshots, as it", ending.stderr)
    assert begins_later(trace) == {}
    check_verified(rings, trace)
