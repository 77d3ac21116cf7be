"""reenact: record one run of a Linux program natively, replay it exactly.

Example:
    >>> import reenact
    >>> recording = reenact.record(["true"])
    >>> reenact.open(recording.trace).verify().is_exact
    True
"""

from __future__ import annotations

import os

from reenact.errors import (
    ProgramError,
    RecordingError,
    ReenactError,
    ReplayError,
    TraceError,
    UsageError,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from reenact.recording import Recording
    from reenact.trace import Trace

#: Names that are imported when somebody asks for them: recording must start quickly.
_LATER = {
    "Position": "reenact.session.positions",
    "Session": "reenact.session.session",
    "StopReason": "reenact.session.values",
    "Trace": "reenact.trace",
}

__all__ = [
    "Position",
    "ProgramError",
    "RecordingError",
    "ReenactError",
    "ReplayError",
    "Session",
    "StopReason",
    "Trace",
    "TraceError",
    "UsageError",
    "open",
    "record",
]


def open(path: str | os.PathLike[str] | None = None) -> Trace:
    """Open a trace: by path, by its name in the default place, or by default the latest.

    Errors: `TraceError`.

    Example:
        >>> reenact.open(trace.path).manifest.is_complete
        True
    """
    from reenact import places
    from reenact.trace import Trace

    return Trace(places.locate(None if path is None else os.fspath(path)))


def record(
    argv: Sequence[str],
    trace: str | os.PathLike[str] | None = None,
    *,
    checksum_interval: int = 0,
) -> Recording:
    """Run a program and record it; its standard streams are ours.

    Arguments:
        argv: the program and its arguments.
        trace: directory for the trace, which must not exist or be empty; None: a new one in the
            default place.
        checksum_interval: add a checksum of memory every so many events, for hunting
            divergences; 0: none.

    Errors: `ProgramError` when the program cannot be recorded, `RecordingError` when recording
    cannot begin.

    Example:
        >>> recording = reenact.record(["true"], folder / "true")
        >>> recording.exit_status
        0
    """
    from reenact import recording

    directory = None if trace is None else os.fspath(trace)
    return recording.record(argv, directory, checksum_interval=checksum_interval)


def __getattr__(name: str) -> object:
    if name not in _LATER:
        raise AttributeError(f"module 'reenact' has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_LATER[name]), name)
