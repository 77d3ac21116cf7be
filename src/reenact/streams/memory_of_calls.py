"""What calls found in the program's memory, which the log does not have: a replay reads it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from reenact import _native
from reenact.session.interface import ReplayedProcess
from reenact.session.opening import open_process
from reenact.session.recorded_trace import RecordedTrace
from reenact.session.serving import ServingReplayer

#: Replays that wait for another question about their process.
_MOST_OPEN = 4


class CallMemory:
    """Reads memory as calls have it; the first read of a process replays it that far.

    Arguments:
        trace: the trace.
    """

    def __init__(self, trace: RecordedTrace) -> None:
        self._trace = trace
        #: By process; the one used last comes last.
        self._open: dict[int, tuple[ReplayedProcess, ServingReplayer]] = {}

    @contextlib.contextmanager
    def reading(self) -> Iterator[None]:
        """Inside, replays stay where they are for what is read next; then they end."""
        try:
            yield
        finally:
            self._close_but(0)

    def read(self, process: int, event: int, address: int, length: int) -> bytes:
        """Memory of a process when an event has taken effect; shorter where there is less.

        Errors: `ReenactError` where the process cannot be replayed that far.
        """
        return self._at(process, event).present.read(address, length)

    def given(self, process: int, event: int, length: int) -> bytes | None:
        """The first bytes that a call gave out; None for what never was in memory.

        Errors: as `read`.
        """
        found = next(self._trace.events(process, event, event))
        read = self._at(process, event).present.read
        ranges = _native.content_ranges(found.code, found.args, length, read)
        if ranges is None:
            return None
        return b"".join(read(address, size) for address, size in ranges)

    def _at(self, process: int, event: int) -> ReplayedProcess:
        opened = self._open.pop(process, None) or open_process(self._trace, process)
        self._open[process] = opened
        self._close_but(_MOST_OPEN)
        opened[0].goto((event, 0))
        return opened[0]

    def _close_but(self, most: int) -> None:
        while len(self._open) > most:
            for part in self._open.pop(next(iter(self._open))):
                part.close()
