"""The two freestanding programs that come with the package: the recorder and the replayer."""

from __future__ import annotations

import os

from reenact import environment
from reenact.errors import RecordingError, ReplayError

_DIRECTORY = os.path.join(os.path.dirname(os.path.abspath(__file__)), "_programs")


def recorder() -> str:
    """Path of the recorder, which is loaded into recorded processes."""
    path = environment.RECORDER.get() or os.path.join(_DIRECTORY, "reenact-recorder")
    if not os.access(path, os.X_OK):
        raise RecordingError(f"the recorder is missing: {path}", "install reenact again")
    return path


def replayer() -> str:
    """Path of the replayer, which re-executes traces."""
    path = environment.REPLAYER.get() or os.path.join(_DIRECTORY, "reenact-replayer")
    if not os.access(path, os.X_OK):
        raise ReplayError(f"the replayer is missing: {path}", "install reenact again")
    return path
