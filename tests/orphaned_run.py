"""A recording whose supervisor is killed, and what becomes of the program.

As a program: `orphaned_run.py SECONDS RECORD-COMMAND...` starts the recording, kills it with
SIGKILL after so many seconds, and waits for the program as its new parent. It exits as the
program did.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36


@dataclass(frozen=True)
class Orphan:
    """What a program came to whose recording was killed."""

    #: Its exit status, negative for a signal.
    status: int
    #: Its standard output.
    output: bytes


def run_orphaned(command: Sequence[str], seconds: float, limit: float = 60) -> Orphan:
    """Run a recording command, kill it after so many seconds, and wait for the recorded program.

    Args:
        command: `reenact record ... -- PROGRAM ...`.
        seconds: How long the recording lives.
        limit: Seconds after which the program counts as hanging.

    Raises:
        subprocess.TimeoutExpired: When the program hangs.
    """
    done = subprocess.run(
        [sys.executable, __file__, str(seconds), *command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        timeout=limit,
        check=False,
    )
    return Orphan(done.returncode, done.stdout)


def _children(pid: int) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[1]) == pid:
                found.append(int(entry.name))
    return found


def _main(seconds: float, command: list[str]) -> int:
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    recording = subprocess.Popen(command, start_new_session=True)
    end = time.monotonic() + 30
    while not (programs := _children(recording.pid)) and time.monotonic() < end:
        if recording.poll() is not None:
            return recording.returncode  # The program has ended meanwhile.
        time.sleep(0.001)
    time.sleep(seconds)
    recording.kill()
    recording.wait()
    # Hangs are ended with everything the recording started.
    signal.signal(signal.SIGTERM, lambda *_: os.killpg(recording.pid, signal.SIGKILL))
    status = None
    while True:
        try:
            pid, ended = os.waitpid(-1, 0)
        except ChildProcessError:
            break
        if pid in programs:
            status = os.waitstatus_to_exitcode(ended)
    if status is None:
        # It had ended before the recording was killed, and its status went with that.
        return 0
    if status < 0:
        if status != -signal.SIGKILL:
            signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    return status


if __name__ == "__main__":
    sys.exit(_main(float(sys.argv[1]), sys.argv[2:]))
