"""Verifying a trace: replay every process of it and collect what departs.

What collects is imported when the replayer runs: that takes as long as a short replay does.
"""

from __future__ import annotations

import contextlib
import os
import time

from reenact import empty_trace, indexes
from reenact.errors import MemoryLimitError, ReplayError
from reenact.replay.replayer import MOST_PROCESSES, Replayer, how_many

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from reenact.indexes import Index
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

    Where the trace has an index (`reenact.replay.indexing`), its segments are replayed side by
    side; that counts where each of them ends in the state that the next one begins with. Otherwise
    the index is removed, and all is replayed from the start.

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
    index = indexes.find(trace) if process is None and write is None else None
    if index is not None and index.count:
        found, differs = None, ""
        # Several states at one moment may be too much, where one of them is not.
        with contextlib.suppress(MemoryLimitError):
            found, differs = _in_segments(trace, index, jobs, on_progress)
        if found is not None:
            return found
        if differs:
            indexes.forget(trace)
            result = verify(trace, jobs=jobs, on_progress=on_progress)
            return result.without_index(differs, time.monotonic() - begin)
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


def _in_segments(
    trace: str,
    index: Index,
    jobs: int | None,
    on_progress: Callable[[int, int], None] | None,
) -> tuple[Verification | None, str]:
    """The result where it is exact; otherwise why it is not."""
    try:
        result = _replay(
            trace, None, process=None, jobs=jobs, on_progress=on_progress, native=True, index=index
        )
    except MemoryLimitError:
        raise
    except (ReplayError, OSError) as error:
        return None, str(error)
    if result.is_exact:
        return result, ""
    first = min(result.divergences, key=lambda one: (one.process, one.event))
    where = "" if first.what == "state" else f" (behind event {first.event} of {first.process})"
    return None, f"{first.message}{where}"


def _replay(
    trace: str,
    write: Writer | None,
    *,
    process: int | None,
    jobs: int | None,
    on_progress: Callable[[int, int], None] | None,
    native: bool,
    index: Index | None = None,
) -> Verification:
    """By one engine."""
    begin = time.monotonic()
    segments = 0 if index is None else index.count
    with contextlib.ExitStack() as stack:
        descriptor = None
        if index is not None:
            descriptor = index.open()
            stack.callback(os.close, descriptor)
        replayer = stack.enter_context(
            Replayer(
                trace,
                process=process,
                jobs=jobs,
                processes=1
                if process is not None
                else min(how_many(trace) + segments, MOST_PROCESSES),
                wants_output=write is not None,
                wants_progress=on_progress is not None,
                native=native,
                segments=descriptor,
            )
        )
        from reenact.replay.collecting import collect

        return collect(
            replayer,
            trace,
            write,
            process=process,
            on_progress=on_progress,
            is_tentative=native,
            begin=begin,
            index=index,
        )
