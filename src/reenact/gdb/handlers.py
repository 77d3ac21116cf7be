"""From where to where a signal handler runs: what a step over a line passes over."""

from __future__ import annotations

from collections.abc import Iterable

from reenact import _native

#: Events looked through for the other end. A handler left by longjmp has none.
_MOST_EVENTS = 10_000


class Handlers:
    """The handlers of a process.

    Arguments:
        trace: the trace.
        process: number of the process.
    """

    def __init__(self, trace: _native.Trace, process: int) -> None:
        self._trace = trace
        self._process = process

    def end_of(self, event: int) -> int | None:
        """The event with which a handler returns that is entered with an event."""
        events = self._trace.events(self._process, event, event + _MOST_EVENTS)
        return _other_end(events, "signal", "signal-return")

    def begin_of(self, event: int) -> int | None:
        """The event with which a handler is entered that returns with an event."""
        first = max(event - _MOST_EVENTS, 0)
        events = reversed(list(self._trace.events(self._process, first, event)))
        return _other_end(events, "signal-return", "signal")


def _other_end(events: Iterable[_native.Event], near: str, far: str) -> int | None:
    """The event that ends what the first one begins, of the same thread; handlers may nest."""
    depth, thread = 0, None
    for event in events:
        thread = event.tid if thread is None else thread
        if event.tid != thread:
            continue
        depth += (event.kind == near) - (event.kind == far)
        if depth == 0 and event.kind == far:
            return event.index
    return None
