"""What others changed in memory that a process shares: found once by replaying all of them.

A process replayed alone, as a session does it, has nobody to change what it shares. The file
`shared-changes` of a trace says what to change at which turn (docs/trace-format.md).
"""

from __future__ import annotations

import contextlib
import os
import tempfile

from reenact.errors import ReplayError
from reenact.replay.replayer import Replayer
from reenact.session.recorded_trace import RecordedTrace

#: The file's name in a trace.
NAME = "shared-changes"


def are_missing(trace: RecordedTrace) -> bool:
    """Whether a session on the trace has to find them first."""
    return _shares_memory(trace) and not os.path.exists(os.path.join(trace.path, NAME))


def descriptor(trace: RecordedTrace) -> int | None:
    """The file, open for reading, or None when no processes of the trace share memory.

    It is made when it is not there: in the trace, or for this once where that cannot be written.

    Errors: `ReplayError` when there is no room for it.
    """
    if not _shares_memory(trace):
        return None
    path = os.path.join(trace.path, NAME)
    with contextlib.suppress(OSError):
        return os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        return _made(trace.path, path)
    except OSError as error:
        raise ReplayError(
            f"what processes changed in shared memory cannot be kept: {error.strerror}",
            "make room on the disk of the trace, or set TMPDIR to a place that has some",
        ) from error


def _shares_memory(trace: RecordedTrace) -> bool:
    known = trace.manifest.fields.get("shares_memory")
    if known is None:
        # The recording was cut, or is an old one.
        turns = (trace.events(process.number, kinds=("turn",)) for process in trace.processes)
        return any(next(events, None) is not None for events in turns)
    return known is True


def _made(trace: str, path: str) -> int:
    try:
        file, unfinished = tempfile.mkstemp(prefix=f".{NAME}-", dir=trace)
    except OSError:
        file, unfinished = tempfile.mkstemp(prefix=f"reenact-{NAME}-")
        path = unfinished
    try:
        appending = os.open(unfinished, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        try:
            with Replayer(trace, shared_changes=appending) as replayer:
                for _ in replayer:
                    pass
                replayer.wait()
        finally:
            os.close(appending)
        if path != unfinished:
            os.replace(unfinished, path)
        else:
            os.unlink(unfinished)
    except BaseException:
        os.close(file)
        with contextlib.suppress(OSError):
            os.unlink(unfinished)
        raise
    return file
