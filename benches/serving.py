"""A server under measurement: started, waited for, and ended by its own command."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

START_SECONDS = 30


class MeasurementError(Exception):
    """A run that did not do what it had to."""


@contextlib.contextmanager
def served(
    command: Sequence[str], folder: Path, shutdown: Sequence[str], timeout: float
) -> Iterator[None]:
    """Run `command`, a server at the socket `socket` of `folder`, for the time of the block.

    Afterwards `shutdown` asks it to end; `timeout`, in seconds, is for that. Raises
    `MeasurementError` when it does not begin or does not end well.
    """
    place = folder / "socket"
    place.unlink(missing_ok=True)
    process = subprocess.Popen(
        command,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        end = time.monotonic() + START_SECONDS
        while not _answers(place):
            if process.poll() is not None or time.monotonic() > end:
                raise MeasurementError(f"the server does not begin to serve: {command[0]}")
            time.sleep(0.02)
        yield
        subprocess.run(shutdown, cwd=folder, check=False, capture_output=True, timeout=timeout)
        if process.wait(timeout) != 0:
            raise MeasurementError(f"the server ended with status {process.returncode}")
    except subprocess.TimeoutExpired:
        raise MeasurementError(f"the server does not end: {command[0]}") from None
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _answers(place: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as asking:
        try:
            asking.connect(str(place))
        except OSError:
            return False
        return True
