"""Telling a trace that was cut before its first event from one that can be replayed."""

from __future__ import annotations

import os

from reenact import _native
from reenact.errors import TraceError

#: A longer log (bytes) is not looked into: a replay tells more of whatever damage it has.
_LOOKED_INTO = 64 << 10


def check(path: str) -> None:
    """Refuse a trace whose log holds no event.

    Arguments:
        path: the trace directory.

    Errors: `TraceError` when there is nothing to replay, because the recording was cut short
    before anything had reached the disk.
    """
    try:
        size = os.stat(os.path.join(path, "events")).st_size
    except OSError:
        return  # What is missing is told by whoever opens it.
    if size > _LOOKED_INTO:
        return
    try:
        log = _native.Trace(path)
        is_empty = not log.damaged and not log.processes()
    except _native.TraceError:
        return
    if is_empty:
        raise TraceError(
            f"{path} holds no event: the recording was cut short before any had reached the disk",
            "record the program once more",
        )
