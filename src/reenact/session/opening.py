"""Opening a replayed process: the replayer that serves it, and what moves it."""

from __future__ import annotations

import os
import shlex

from reenact import empty_trace
from reenact.errors import UsageError
from reenact.session import shared_changes
from reenact.session.checkpoints import default_budget
from reenact.session.jumps import of_process
from reenact.session.navigator import Navigator
from reenact.session.recorded_trace import RecordedTrace
from reenact.session.serving import ServingReplayer


def open_process(
    trace: RecordedTrace, number: int, memory_budget: int | None = None
) -> tuple[Navigator, ServingReplayer]:
    """A process of a trace at its first position, and the replayer, to be closed after it.

    Arguments:
        trace: the trace.
        number: number of the process.
        memory_budget: what the copies that wait at earlier positions may take together, bytes;
            None: a quarter of the memory that is available.

    Errors: `UsageError` when the trace has no such process, `TraceError` when it holds no event,
    `ReplayError` when it cannot be replayed.
    """
    empty_trace.check(trace.path)
    known = next((one for one in trace.processes if one.number == number), None)
    if known is None:
        raise UsageError(
            f"the trace has no process {number}",
            f"see its processes: reenact ps {shlex.quote(trace.path)}",
        )
    changes = shared_changes.descriptor(trace, number)
    try:
        replayer = ServingReplayer(trace.path, number, changes)
        try:
            # A log that begins later has another history.
            is_whole = known.begins_behind is None
            jumps = of_process(trace.path, number, changes) if is_whole else None
            budget = default_budget() if memory_budget is None else memory_budget
            return Navigator(replayer.first, budget, jumps), replayer
        except BaseException:
            replayer.close()
            raise
    finally:
        if changes is not None:
            os.close(changes)
