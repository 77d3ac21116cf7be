"""What others changed in memory that a process shares: found once by replaying all of them.

A process replayed alone, as a session does it, has nobody to change what it shares. The file
`shared-changes` of a trace says what to change at which turn (docs/trace-format.md).
"""

from __future__ import annotations

import contextlib
import os
import tempfile

from reenact.errors import ReplayError, TraceError
from reenact.replay.replayer import Replayer
from reenact.replay.reports import Divergence, Ended, Failed
from reenact.session.recorded_trace import RecordedTrace
from reenact.trace_files import TraceFiles

#: The file's name in a trace.
NAME = "shared-changes"


def are_missing(trace: RecordedTrace, process: int = 0) -> bool:
    """Whether a session on a process has to find them first."""
    if not _shares_memory(trace, process):
        return False
    kept = _kept(trace)
    if kept is not None:
        os.close(kept)
    return kept is None


def descriptor(trace: RecordedTrace, process: int = 0) -> int | None:
    """The file, open for reading, or None when the process shares no memory.

    It is made when it is not there: in the trace, or for this once where that cannot be written or
    the replay that finds them does not come to its end exactly.

    Errors: `ReplayError` when there is no room for it.
    """
    if not _shares_memory(trace, process):
        return None
    kept = _kept(trace)
    if kept is not None:
        return kept
    try:
        return _made(trace.path)
    except OSError as error:
        raise ReplayError(
            f"what processes changed in shared memory cannot be kept: {error.strerror}",
            "make room on the disk of the trace, or set TMPDIR to a place that has some",
        ) from error


def _kept(trace: RecordedTrace) -> int | None:
    try:
        return TraceFiles(trace.path).open(NAME)
    except (FileNotFoundError, TraceError):
        # What is planted there is not read; what is found stays out of the trace then.
        return None


def _shares_memory(trace: RecordedTrace, process: int) -> bool:
    """Whether a process, or one that it was forked from, has turns among others."""
    if trace.manifest.fields.get("shares_memory") is False:
        return False
    parents = {
        known.number: known.parent if known.begins_behind is None else None
        for known in trace.processes
    }
    number: int | None = process
    while number is not None and number in parents:
        if next(trace.events(number, kinds=("turn",)), None) is not None:
            return True
        # A number above its own is damage, and would lead round in a circle.
        parent = parents[number]
        number = parent if parent is not None and parent < number else None
    return False


def _made(trace: str) -> int:
    """Replay all processes, and keep what they find when that is exact."""
    file, has_place = _unnamed(trace)
    try:
        appending = os.open(f"/proc/self/fd/{file}", os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        try:
            is_exact = _replay_all(trace, appending)
        finally:
            os.close(appending)
        if has_place and is_exact:
            # Another session may have been quicker, and found the same.
            with contextlib.suppress(OSError):
                # Only with a directory given (here it does not matter which) is the link followed.
                here, name = f"/proc/self/fd/{file}", os.path.join(trace, NAME)
                os.link(here, name, src_dir_fd=file, follow_symlinks=True)
    except BaseException:
        os.close(file)
        raise
    return file


def _unnamed(trace: str) -> tuple[int, bool]:
    """A file of which nothing is left when we are killed; whether it can get a name."""
    flags = os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC
    with contextlib.suppress(OSError):
        return os.open(trace, flags, 0o600), True
    file, name = tempfile.mkstemp(prefix=f"reenact-{NAME}-")
    os.unlink(name)
    return file, False


def _replay_all(trace: str, appending: int) -> bool:
    is_exact = False
    with Replayer(trace, shared_changes=appending) as replayer:
        for report in replayer:
            if isinstance(report, (Divergence, Failed)):
                replayer.wait()
                return False
            if isinstance(report, Ended):
                is_exact = report.divergences == report.errors == 0
        return replayer.wait() == 0 and is_exact
