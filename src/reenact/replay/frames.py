"""What the program printed, as the replayer hands it over: frames to bytes. Pure: no I/O.

The format is in docs/internals/replay-protocol.md ("Output frames").
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from reenact.errors import ReplayError

_HEADER = struct.Struct("<IIIIQQQ")
_MAGIC = 0x6F726E72
_LONGEST = 4056


@dataclass(frozen=True)
class Frame:
    """Some bytes a process wrote to `stream` (1 or 2).

    `sequence` and `offset` order the frames of all processes.
    """

    process: int
    stream: int
    sequence: int
    event: int
    offset: int
    content: bytes

    @property
    def order(self) -> tuple[int, int]:
        """Sort key: the order in which the recorded program wrote."""
        return (self.sequence, self.offset)


class FrameParser:
    """Takes bytes as they come, gives the frames that are complete."""

    def __init__(self) -> None:
        self._pending = b""

    def feed(self, data: bytes) -> Iterator[Frame]:
        """Frames completed by `data`. Errors: `ReplayError` for bytes that are no frame."""
        pending = self._pending + data
        start = 0
        while len(pending) - start >= _HEADER.size:
            magic, process, stream, length, sequence, event, offset = _HEADER.unpack_from(
                pending, start
            )
            if magic != _MAGIC or stream not in (1, 2) or length > _LONGEST:
                raise ReplayError(
                    "the replayer sent output that cannot be understood",
                    "the replayer and the Python package may be of different versions",
                )
            end = start + _HEADER.size + length
            if end > len(pending):
                break
            content = pending[start + _HEADER.size : end]
            yield Frame(process, stream, sequence, event, offset, content)
            start = end
        self._pending = pending[start:]
