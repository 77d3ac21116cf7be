"""Putting the output of processes that replay in parallel back into the recorded order."""

from __future__ import annotations

import tempfile
from array import array
from collections.abc import Callable
from itertools import accumulate
from types import TracebackType

from reenact.errors import ReplayError
from reenact.replay.frames import Frame

#: Frames that are kept to be put in order; each takes 24 bytes of memory.
_MOST_FRAMES = 1 << 24

#: Takes a stream (1 or 2) and bytes that the program wrote to it.
Writer = Callable[[int, bytes], None]


class OrderedOutput:
    """Hands frames to a writer in the order in which the recorded program wrote.

    The frames of one process come in order and go straight through. Those of several are
    kept in a temporary file until all are there; memory holds only where each one is.

    Errors: `ReplayError` for more frames than that has room for.
    """

    def __init__(self, write: Writer) -> None:
        self._write = write
        self._is_direct = False
        self._contents = tempfile.TemporaryFile()  # noqa: SIM115 (closed by __exit__)
        #: Of each frame sequence and offset, which order them, and length times 4 + stream.
        self._frames = array("Q")

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
        if len(self._frames) >= 3 * _MOST_FRAMES:
            raise ReplayError(
                "the replay writes more than can be put in order",
                "replay one process at a time: reenact verify --output --process N",
            )
        self._contents.write(frame.content)
        self._frames.extend((*frame.order, len(frame.content) << 2 | frame.stream))

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
        sequences, offsets, sizes = (self._frames[part::3] for part in range(3))
        starts = array("Q", accumulate((size >> 2 for size in sizes), initial=0))
        for frame in sorted(range(len(sizes)), key=lambda at: (sequences[at], offsets[at])):
            self._contents.seek(starts[frame])
            self._write(sizes[frame] & 3, self._contents.read(sizes[frame] >> 2))
        del self._frames[:]
        self._contents.seek(0)
        self._contents.truncate()
