"""Making the index of a trace: all of it is replayed once, and leaves snapshots on the way."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from reenact import empty_trace
from reenact.errors import MemoryLimitError, ReenactError, ReplayError
from reenact.indexes import Index, Making
from reenact.replay.collecting import Verification, collect
from reenact.replay.replayer import Replayer, SnapshotsToTake, how_many

#: Seconds of replay between two snapshots of a process.
EVERY = 2.0


@dataclass(frozen=True)
class Indexing:
    """What a pass over a trace came to.

    Arguments:
        index: the snapshots; None: none was taken, or the replay was not exact.
        result: of the replay, which checks every event as a verification does.
    """

    index: Index | None
    result: Verification


def make(
    trace: str,
    *,
    process: int | None = None,
    every: float = EVERY,
    every_events: int = 0,
    on_progress: Callable[[int, int], None] | None = None,
) -> Indexing:
    """Replay a trace and keep snapshots of it in the user's cache, in the place of older ones.

    Where the replay is interrupted, fails or is not exact, nothing is kept, and what there was
    before stays.

    Arguments:
        trace: path of the trace directory.
        process: snapshots of this process only; None: of all.
        every: seconds of replay between two snapshots of a process.
        every_events: also take one behind each event whose index is a multiple of it; 0: none.
        on_progress: called now and then with (events done, events in total).

    Errors: `ReplayError` when the replay could not be carried through, `TraceError` when the trace
    holds no event, `ReenactError` when nothing can be kept.
    """
    empty_trace.check(trace)
    begin = time.monotonic()

    def attempt(*, native: bool) -> Indexing:
        making = Making(trace)
        try:
            wanted = SnapshotsToTake(
                making.descriptor, max(int(every * 1000), 1), every_events, making.most
            )
            with Replayer(
                trace,
                process=process,
                processes=1 if process is not None else how_many(trace),
                wants_progress=on_progress is not None,
                native=native,
                takes=wanted,
            ) as replayer:
                result = collect(
                    replayer,
                    trace,
                    None,
                    process=process,
                    on_progress=on_progress,
                    is_tentative=False,
                    begin=begin,
                )
            return Indexing(making.keep() if result.is_exact else None, result)
        finally:
            making.close()

    try:
        found = attempt(native=True)
        if found.result.is_exact:
            return found
    except MemoryLimitError:
        raise
    except ReplayError:
        pass
    # By code that is held exact in another way.
    return attempt(native=False)


def failure(result: Verification) -> ReenactError:
    """What to tell where the replay was not exact."""
    first = result.divergences[0]
    return ReenactError(
        f"no index was made: the replay departs from the recording in process {first.process}, "
        f"behind event {first.event}",
        "see how: reenact verify TRACE",
        exit_status=1,
    )
