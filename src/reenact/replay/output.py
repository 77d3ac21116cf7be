"""Putting the output of processes that replay in parallel back into the recorded order."""

from __future__ import annotations

import heapq
from array import array
from collections.abc import Callable, Iterator
from itertools import accumulate
from types import TracebackType

from reenact.errors import ReplayError
from reenact.replay.frames import Frame

#: Frames that are kept to be put in order; each takes 24 bytes of memory.
_MOST_FRAMES = 1 << 24

#: Bytes of one process that wait for those before them: a thread logs a write when it has its
#: turn again.
_MOST_EARLY = 64 << 20

#: Takes a stream (1 or 2) and bytes that the program wrote to it.
Writer = Callable[[int, bytes], None]


class Resumed:
    """Hands bytes on, but those that have been before where all are given once more.

    A replayer compares what a program writes with the recording before it tells it: two replays
    tell the same, one of them perhaps less.
    """

    def __init__(self, write: Writer) -> None:
        self._write = write
        self._written = 0
        self._to_skip = 0

    def begin_again(self) -> None:
        """All is given from the beginning on."""
        self._to_skip = self._written

    def __call__(self, stream: int, content: bytes) -> None:
        """Take the next bytes of the output."""
        skipped = min(self._to_skip, len(content))
        self._to_skip -= skipped
        if rest := content[skipped:]:
            self._written += len(rest)
            self._write(stream, rest)


class OrderedOutput:
    """Hands frames to a writer in the order in which the recorded program wrote.

    The frames of one process come in order, but for those that its threads have logged late, and
    go straight through. Those of several are kept in a temporary file until all are there; memory
    holds only where each one is.

    Arguments:
        write: gets them.
        is_tentative: those of several processes are not handed over before `accept` is called.

    Errors: `ReplayError` for more frames than that has room for.
    """

    def __init__(self, write: Writer, *, is_tentative: bool = False) -> None:
        self._write = write
        self._is_tentative = is_tentative
        self._is_direct = False
        #: Of one process: the frame that is due, and those that have come before their turn.
        self._due = (-1, 0)
        self._early: list[tuple[tuple[int, int], int, int, bytes]] = []
        self._waiting = 0
        # Only here: it brings half a dozen modules along, and most verifications show no output.
        import tempfile

        self._contents = tempfile.TemporaryFile()  # noqa: SIM115 (closed by __exit__)
        #: Of each frame sequence and offset, which order them, and length times 4 + stream.
        self._frames = array("Q")

    def expect_processes(self, count: int) -> None:
        """Say how many processes there are, once that is known."""
        if count == 1:
            self._is_direct = True
            for order, stream, content in self._kept():
                self._take_directly(order, stream, content)
            self._forget()

    def accept(self) -> None:
        """The replay has been what it should be."""
        self._is_tentative = False

    def take(self, frame: Frame) -> None:
        """Accept the next frame."""
        if self._is_direct:
            self._take_directly(frame.order, frame.stream, frame.content)
            return
        if len(self._frames) >= 3 * _MOST_FRAMES:
            raise ReplayError(
                "the replay writes more than can be put in order",
                "replay one process at a time: reenact verify --output --process N",
            )
        self._contents.write(frame.content)
        self._frames.extend((*frame.order, len(frame.content) << 2 | frame.stream))

    def _take_directly(self, order: tuple[int, int], stream: int, content: bytes) -> None:
        heapq.heappush(self._early, (order, len(self._early), stream, content))
        self._waiting += len(content)
        while self._early and (self._is_due() or self._waiting > _MOST_EARLY):
            self._write_first()

    def _is_due(self) -> bool:
        """Whether what has come goes on where the output is."""
        (sequence, offset), *_ = self._early[0]
        return (sequence, offset) <= self._due or (sequence, offset) == (self._due[0] + 1, 0)

    def _write_first(self) -> None:
        (sequence, offset), _, stream, content = heapq.heappop(self._early)
        self._due = (sequence, offset + len(content))
        self._waiting -= len(content)
        self._write(stream, content)

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
                while self._early:
                    self._write_first()
                if not self._is_tentative:
                    self._flush()
        finally:
            self._contents.close()

    def _kept(self) -> Iterator[tuple[tuple[int, int], int, bytes]]:
        """Order, stream and content of the frames in the temporary file, in order."""
        sequences, offsets, sizes = (self._frames[part::3] for part in range(3))
        starts = array("Q", accumulate((size >> 2 for size in sizes), initial=0))
        for frame in sorted(range(len(sizes)), key=lambda at: (sequences[at], offsets[at])):
            self._contents.seek(starts[frame])
            content = self._contents.read(sizes[frame] >> 2)
            yield (sequences[frame], offsets[frame]), sizes[frame] & 3, content

    def _flush(self) -> None:
        for _, stream, content in self._kept():
            self._write(stream, content)
        self._forget()

    def _forget(self) -> None:
        del self._frames[:]
        self._contents.seek(0)
        self._contents.truncate()
