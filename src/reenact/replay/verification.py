"""Verifying a trace: replay every process of it and collect what departs.

What collects is imported when the replayer runs: that takes as long as a short replay does.
"""

from __future__ import annotations

import time

from reenact import _native, empty_trace
from reenact.errors import MemoryLimitError, ReplayError
from reenact.replay.replayer import MOST_PROCESSES, Replayer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from reenact.replay.collecting import Verification
    from reenact.replay.output import Writer


def verify(
    trace: str,
    *,
    process: int | None = None,
    jobs: int | None = None,
    write: Writer | None = None,
    on_progress: Callable[[int, int], None] | None = None,
    translated: bool = False,
) -> Verification:
    """Replay a trace and check every event.

    The program's own code runs between events, where it can be held exact; what is not exact that
    way is replayed once more by translated code, whose result is the one that is returned.

    Arguments:
        trace: path of the trace directory.
        process: this process only; None: all.
        jobs: how many processes replay at one moment; None: one for each processor.
        write: called with a stream (1 or 2) and bytes for what the program printed, in order.
        on_progress: called now and then with (events done, events in total).
        translated: translate all code, and count its instructions.

    Errors: `ReplayError` when the replay could not be carried through, `TraceError` when the
    trace holds no event. A divergence is no error: it is in the result.
    """
    empty_trace.check(trace)

    def run(write: Writer | None, *, native: bool = False) -> Verification:
        return _replay(
            trace, write, process=process, jobs=jobs, on_progress=on_progress, native=native
        )

    if translated:
        return run(write)
    begin = time.monotonic()
    output = None
    if write is not None:
        from reenact.replay.output import Resumed

        output = Resumed(write)
    try:
        result = run(output, native=True)
        if result.is_exact:
            return result
        differed = result.divergences[0].message
    except MemoryLimitError:
        raise
    except ReplayError as error:
        differed = str(error)
    if output is not None:
        output.begin_again()
    result = run(output)
    failure = differed if result.is_exact else None
    return result.after_another(failure, time.monotonic() - begin)


def _replay(
    trace: str,
    write: Writer | None,
    *,
    process: int | None,
    jobs: int | None,
    on_progress: Callable[[int, int], None] | None,
    native: bool,
) -> Verification:
    """By one engine."""
    begin = time.monotonic()
    with Replayer(
        trace,
        process=process,
        jobs=jobs,
        processes=1 if process is not None else _how_many(trace),
        wants_output=write is not None,
        wants_progress=on_progress is not None,
        native=native,
    ) as replayer:
        from reenact.replay.collecting import collect

        return collect(
            replayer,
            trace,
            write,
            process=process,
            on_progress=on_progress,
            is_tentative=native,
            begin=begin,
        )


def _how_many(trace: str) -> int:
    """Processes of a trace; whoever reads it next says what is wrong with it."""
    try:
        return min(len(_native.Trace(trace).processes()), MOST_PROCESSES)
    except _native.TraceError:
        return MOST_PROCESSES
