"""Which program a process runs at an event."""

from __future__ import annotations

from reenact import _native


def image_at(trace: _native.Trace, process: int, event: int) -> tuple[int, _native.Image] | None:
    """The program that was loaded last, and the process in whose log that is: an ancestor's, where
    the process was forked since. None: before any.

    Arguments:
        trace: the trace.
        process: number of the process.
        event: index of an event of it.

    Errors: `TraceError` of `_native` for a damaged log.
    """
    by_number = {known.number: known for known in trace.processes()}
    while True:
        own = by_number[process]
        before = [image for image in own.images if image.event <= event]
        if before:
            return process, before[-1]
        if own.begins_behind is not None or own.parent is None or own.parent not in by_number:
            return None
        event, process = own.parent_event or 0, own.parent
