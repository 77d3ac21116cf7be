"""Putting the output of processes that replay in parallel back into the recorded order."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from types import TracebackType

from reenact.replay.frames import Frame

#: Takes a stream (1 or 2) and bytes that the program wrote to it.
Writer = Callable[[int, bytes], None]


class OrderedOutput:
    """Hands frames to a writer in the order in which the recorded program wrote.

    The frames of one process come in order and go straight through. Those of several are
    kept in a temporary file until all are there; memory holds only where each one is.
    """

    def __init__(self, write: Writer) -> None:
        self._write = write
        self._is_direct = False
        self._contents = tempfile.TemporaryFile()  # noqa: SIM115 (closed by __exit__)
        self._places: list[tuple[tuple[int, int], int, int, int]] = []

    def expect_processes(self, count: int) -> None:
        """Say how many processes there are, once that is known."""
        if count == 1:
            self._flush()
            self._is_direct = True

    def take(self, frame: Frame) -> None:
        """Accept the next frame."""
        if self._is_direct:
            self._write(frame.stream, frame.content)
            return
        start = self._contents.tell()
        self._contents.write(frame.content)
        self._places.append((frame.order, start, len(frame.content), frame.stream))

    def __enter__(self) -> OrderedOutput:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Write what is left, also after a failure: what was printed before it helps."""
        try:
            if kind is None or issubclass(kind, Exception):
                self._flush()
        finally:
            self._contents.close()

    def _flush(self) -> None:
        for _, start, length, stream in sorted(self._places, key=lambda place: place[0]):
            self._contents.seek(start)
            self._write(stream, self._contents.read(length))
        self._places.clear()
        self._contents.seek(0)
        self._contents.truncate()
