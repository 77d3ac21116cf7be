"""A signal that ends a command leaves nothing behind: no temporary file, process or half a file."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from debugger_session import built, need_gdb
from guest_build import GuestBuild
from recorded_run import Reenact

#: Commands by name; `TRACE` stands for the recording, which has two processes that share memory.
COMMANDS = {
    "dump": "dump --data --paths TRACE",
    "ps": "ps --threads TRACE",
    "follow": "follow 1:0 TRACE",
    "trace": "trace --at main --print $rdi -p 1 TRACE",
    "index": "index --every 0.001s TRACE",
    "verify": "verify TRACE",
    "output": "verify --output TRACE",
    "info": "info TRACE",
    "replay": "replay TRACE -p 1 -- -nx -batch -ex continue -ex reverse-continue",
    "server": "replay TRACE -p 1 --server 127.0.0.1:0",
}
#: Seconds after which the signal comes: while it starts, while it works, at the end.
DELAYS = (0.1, 0.3, 0.8)


@pytest.fixture(scope="module")
def trace(reenact: Reenact, guests: GuestBuild, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shell, a program with processes that share memory."""
    folder = tmp_path_factory.mktemp("tidy")
    program = guests.build("share_mutex.c", "share_mutex-O2", ("-O2", "-pthread"))
    walk = built("walk.c", folder)
    reenact.record(["sh", "-c", f"{program}; {walk}; exit 0"], folder / "trace")
    return folder / "trace"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("name", COMMANDS)
def test_nothing_is_left(
    name: str, number: signal.Signals, reenact: Reenact, trace: Path, tmp_path: Path
) -> None:
    if name == "replay":
        need_gdb()
    for delay in DELAYS:
        folder, cache, copy = (tmp_path / f"{what}{delay}" for what in ("tmp", "cache", "trace"))
        folder.mkdir()
        # Each makes what the trace keeps anew.
        shutil.copytree(trace, copy)
        words = [str(copy) if word == "TRACE" else word for word in COMMANDS[name].split()]
        variables = {"TMPDIR": str(folder), "XDG_CACHE_HOME": str(cache)}
        before = {path.name for path in copy.iterdir()}
        running = subprocess.Popen(
            [*reenact.command, *words],
            env={**os.environ, **reenact.variables, **variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        time.sleep(delay)
        running.send_signal(number)
        _, said = running.communicate(timeout=60)
        # Whoever was quicker has ended as always.
        assert running.returncode in (0, 1, 125, -number), said
        # gdb may say itself that it was interrupted while it read its own scripts.
        assert b"Traceback" not in said or (name == "replay" and b"/reenact/" not in said), said
        assert list(folder.rglob("*")) == []
        kept = {path.name for path in copy.iterdir()} - before
        assert kept <= {"landings", "shared-changes"}
        assert [path for path in cache.rglob("*") if path.is_file() and is_half(path)] == []
        assert_gone(running.pid)


def is_half(path: Path) -> bool:
    """Whether a file of the cache is one that was being written: those have names of their own."""
    return path.name.startswith((".", "tmp")) or path.suffix == ".new"


def assert_gone(session: int) -> None:
    """No process is left of a session; replayers end when their client has."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        found = subprocess.run(
            ["ps", "-s", str(session), "-o", "pid=,stat=,args="], capture_output=True, text=True
        ).stdout.splitlines()
        if not [line for line in found if line.split()[1][0] != "Z"]:
            return
        time.sleep(0.1)
    raise AssertionError("\n".join(found))


def test_a_recording_that_is_ended_keeps_the_trace_alone(reenact: Reenact, tmp_path: Path) -> None:
    """The signal goes to the program; what was recorded until then is whole."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    words = ["record", "-q", "-o", str(tmp_path / "trace"), "--", sys.executable, "-c"]
    script = "import time; print('here', flush=True); time.sleep(60)"
    running = subprocess.Popen(
        [*reenact.command, *words, script],
        env={**os.environ, **reenact.variables, "TMPDIR": str(folder)},
        stdout=subprocess.PIPE,
    )
    assert running.stdout is not None
    assert running.stdout.readline() == b"here\n"
    running.send_signal(signal.SIGTERM)
    running.communicate(timeout=60)
    assert running.returncode == -signal.SIGTERM
    assert list(folder.iterdir()) == []
    assert not reenact.verify(tmp_path / "trace")["divergences"]
