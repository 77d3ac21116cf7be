"""A server that is recorded while clients that are not recorded use it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from recorded_run import Reenact


@contextlib.contextmanager
def recorded_server(
    reenact: Reenact, command: Sequence[str], trace: Path, ready: Callable[[], bool], folder: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """Record `command` until the block has ended it; `ready` tells when it takes requests."""
    process = subprocess.Popen(
        [*reenact.command, "record", "--quiet", "-o", str(trace), "--", *command],
        cwd=folder,
        env={**os.environ, **reenact.variables},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        end = time.monotonic() + 30
        while not ready():
            assert process.poll() is None, process.communicate()[0].decode()[-2000:]
            assert time.monotonic() < end, "the server does not begin to serve"
            time.sleep(0.05)
        yield process
        process.communicate(timeout=60)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()


def check_verified(reenact: Reenact, trace: Path, *, timeout: float = 300) -> None:
    """Twice translated, with the same counts, and by the program's own code; no divergence."""
    ways = (["--translated"], ["--translated"], [])
    reports = [reenact.verify(trace, *way, timeout=timeout) for way in ways]
    for report in reports:
        assert not report["divergences"], str(report)[:4000]
        assert report["events"] > 0
    assert reports[0]["instructions"] == reports[1]["instructions"]
