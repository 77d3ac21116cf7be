"""Which thread runs between which events."""

from __future__ import annotations

import functools

from reenact.session.recorded_trace import RecordedTrace

#: Events that are read together.
_WINDOW = 4096


class Schedule:
    """Threads by event. An event belongs to the thread that ran until then.

    Arguments:
        trace: the trace.
        process: number of the process.
    """

    def __init__(self, trace: RecordedTrace, process: int) -> None:
        self._trace = trace
        self._process = process
        known = next(one for one in trace.processes if one.number == process)
        self._events = known.events
        #: Number of the first window that holds something.
        self._first = (known.begins_behind or 0) // _WINDOW
        self._window = functools.lru_cache(maxsize=64)(self._read)

    def event_after(self, event: int, thread: int) -> int | None:
        """The first event of a thread after `event`; None: it does not run any more."""
        number = (event + 1) // _WINDOW
        while number * _WINDOW < self._events:
            for index, tid in self._window(number):
                if tid == thread and index > event:
                    return index
            number += 1
        return None

    def event_until(self, event: int, thread: int) -> int | None:
        """The last event of a thread up to `event`; None: it has not run yet."""
        for number in range(event // _WINDOW, self._first - 1, -1):
            for index, tid in reversed(self._window(number)):
                if tid == thread and index <= event:
                    return index
        return None

    def event_before(self, event: int) -> int | None:
        """The event that precedes another one, whosesoever it is."""
        for number in range(event // _WINDOW, self._first - 1, -1):
            for index, _ in reversed(self._window(number)):
                if index < event:
                    return index
        return None

    def _read(self, number: int) -> list[tuple[int, int]]:
        first = number * _WINDOW
        events = self._trace.events(self._process, first, first + _WINDOW - 1)
        return [(event.index, event.tid) for event in events if event.kind != "data"]
