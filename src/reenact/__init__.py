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

    from reenact.recorder import recording
    from reenact.recordings import Recording
    from reenact.session.positions import Position
    from reenact.session.session import Session
    from reenact.session.values import StopReason
    from reenact.trace import Trace

    #: The version of the installed package.
    __version__: str

#: Names that are imported when somebody asks for them: recording must start quickly.
_LATER = {
    "Position": "reenact.session.positions",
    "Session": "reenact.session.session",
    "StopReason": "reenact.session.values",
    "Trace": "reenact.trace",
    "recording": "reenact.recorder",
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
    "__version__",
    "attach",
    "c_library",
    "detach",
    "open",
    "record",
    "recording",
]


def open(path: str | os.PathLike[str] | None = None) -> Trace:
    """Open a trace: by path (of a pack, too), by its name, or by default the latest.

    A pack can also be named by a URL (https, s3, gs, az, file). Its log is fetched then, and the
    files that a process has mapped when that is replayed.

    Errors: `TraceError`; `ReenactError` for a URL that cannot be used.

    Example:
        >>> reenact.open(trace.path).manifest.is_complete
        True
    """
    from reenact import locating
    from reenact.trace import Trace

    return Trace(locating.located(None if path is None else os.fspath(path)))


def c_library() -> str:
    """Directory of `reenact.h` and `reenact.c`, by which programs in C, C++, Rust or Go record
    themselves.

    Example:
        >>> reenact.c_library().endswith("/reenact/c")
        True
    """
    return os.path.join(os.path.dirname(os.path.abspath(__file__)), "c")


def attach(
    pid: int,
    trace: str | os.PathLike[str] | None = None,
    *,
    sources: bool = True,
    ring: int | None = None,
    save_on: str = "error",
) -> Recording:
    """Record a process that runs already, with all its threads, until it ends or Ctrl-C is pressed.

    Arguments:
        pid: number of the process.
        trace: directory for the trace, which must not exist or be empty; None: a new one in the
            default place.
        sources: keep the source files that debug information names with the trace.
        ring: keep only the last part of the recording, about so many bytes, in memory; None: all
            of it, in the trace.
        save_on: with `ring`, when that becomes a trace at the end, as for `record`.

    Errors: `RecordingError` when it cannot be attached to; it goes on then as if nothing had been.
    The `wait_status` of the result is 0 when the process goes on.

    Example:
        >>> import subprocess
        >>> process = subprocess.Popen(["sleep", "0.5"])
        >>> recording = reenact.attach(process.pid, folder / "attached")
        >>> reenact.open(recording.trace).processes[0].start
        'attached'
    """
    from reenact import recordings

    directory = None if trace is None else os.fspath(trace)
    return recordings.attach(pid, directory, with_sources=sources, ring=ring, save_on=save_on)


def detach(pid: int) -> None:
    """End the recording of a process that was attached to, and take the recorder out of it.

    It goes on at its own speed, as it was, and can be attached to again; so do those that it has
    forked. `attach`, which recorded it, returns.

    Arguments:
        pid: number of the process.

    Errors: `RecordingError` when it is not recorded, or the recorder cannot be taken out, which
    the message explains; the process goes on in any case.

    Example:
        >>> import subprocess
        >>> process = subprocess.Popen(["sleep", "0.5"])
        >>> reenact.detach(process.pid)
        Traceback (most recent call last):
        reenact.errors.RecordingError: process ... is not recorded
    """
    from reenact import recordings

    recordings.detach(pid)


def record(
    argv: Sequence[str],
    trace: str | os.PathLike[str] | None = None,
    *,
    checksum_interval: int = 0,
    leave_code: bool = False,
    chaos: bool = False,
    seed: int | None = None,
    timeout: float | None = None,
    until_failure: bool = False,
    runs: int | None = None,
    retry_for: float | None = None,
    sources: bool = True,
    ring: int | None = None,
    save_on: str = "error",
) -> Recording:
    """Run a program and record it; its standard streams are ours.

    Arguments:
        argv: the program and its arguments.
        trace: directory for the trace, which must not exist or be empty; None: a new one in the
            default place.
        checksum_interval: add a checksum of memory every so many events, for hunting
            divergences; 0: none.
        leave_code: put nothing into the program's code, for programs that check it; slower, and
            `rdrand` and its like cannot be replayed.
        chaos: schedule threads at random, to meet races that a fair schedule rarely shows.
        seed: with `chaos`, seed of the random schedule, of the first run with `until_failure`;
            None: another one each time. `chaos_seed` of the result tells it.
        timeout: seconds after which the program is ended, as it hangs; None: never.
        until_failure: run again until the program fails (an exit status other than 0, a signal,
            the timeout), and keep only that trace. The result is the last run; where none failed
            its `is_kept` is false.
        runs: with `until_failure`, most runs to make; None: any number.
        retry_for: with `until_failure`, begin no run later than so many seconds; None: any time.
        sources: keep the source files that debug information names with the trace.
        ring: keep only the last part of the recording, about so many bytes, in memory; None: all
            of it, in the trace.
        save_on: with `ring`, when that becomes a trace at the end: "always", "error" (the program
            fails, or one of its processes by a fault), "signal" (a signal ends the program, or at
            such a fault), "never". Where it does not, `is_saved` of the result is false.

    Errors: `ProgramError` when the program cannot be recorded, `RecordingError` when recording
    cannot begin, `UsageError` for arguments that do not go together.

    Example:
        >>> recording = reenact.record(["true"], folder / "true")
        >>> recording.exit_status
        0
        >>> reenact.record(["true"], folder / "chaos", chaos=True, seed=7).chaos_seed
        7
    """
    from reenact import recordings

    directory = None if trace is None else os.fspath(trace)
    misplaced = recordings.misplaced(
        chaos=chaos, seed=seed, until_failure=until_failure, runs=runs, retry_for=retry_for
    )
    if misplaced is not None:
        name, needed = misplaced
        raise UsageError(f"{name} is of use with {needed} only", f"pass {needed}=True, too")
    if ring is not None and until_failure:
        raise UsageError("ring and until_failure do not go together", "pass one of them")
    first_seed = recordings.first_seed(seed) if chaos else None
    if not until_failure:
        return recordings.record(
            argv,
            directory,
            checksum_interval=checksum_interval,
            leave_code=leave_code,
            chaos_seed=first_seed,
            timeout=timeout,
            with_sources=sources,
            ring=ring,
            save_on=save_on,
        )
    from reenact.retrying import record_until_failure

    return record_until_failure(
        argv,
        directory,
        checksum_interval=checksum_interval,
        leave_code=leave_code,
        chaos_seed=first_seed,
        timeout=timeout,
        runs=runs,
        seconds=retry_for,
        with_sources=sources,
    ).last


def __getattr__(name: str) -> object:
    if name == "__version__":
        from reenact.version import version

        return version()
    if name not in _LATER:
        raise AttributeError(f"module 'reenact' has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_LATER[name]), name)
