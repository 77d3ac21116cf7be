"""What calls found in the program's memory, which the log does not have: a replay reads it."""

from __future__ import annotations

import struct

from reenact import _native
from reenact.session.opening import open_process
from reenact.session.recorded_trace import RecordedTrace

_WORDS = struct.Struct("<QQ")
#: The kernel refuses longer arrays of buffers (UIO_MAXIOV).
_MOST_BUFFERS = 1024


class CallMemory:
    """Reads memory as calls have it; the first read of a process replays it that far.

    Arguments:
        trace: the trace.
    """

    def __init__(self, trace: RecordedTrace) -> None:
        self._trace = trace

    def read(self, process: int, event: int, address: int, length: int) -> bytes:
        """Memory of a process when an event has taken effect; shorter where there is less.

        Errors: `ReenactError` where the process cannot be replayed that far.
        """
        replayed, replayer = open_process(self._trace, process)
        try:
            replayed.goto((event, 0))
            return replayed.present.read(address, length)
        finally:
            replayed.close()
            replayer.close()

    def given(self, process: int, event: int, length: int) -> bytes | None:
        """The first bytes that a call gave out; None for what never was in memory.

        Errors: as `read`.
        """
        found = next(self._trace.events(process, event, event))
        word, about = _native.content_of_call(found.code)
        if word == "buffer":
            return self.read(process, event, found.args[about[1]], length)
        if word not in ("vector", "message"):
            return None
        replayed, replayer = open_process(self._trace, process)
        try:
            replayed.goto((event, 0))
            read = replayed.present.read
            if word == "vector":
                address, count = found.args[about[1]], found.args[about[2]]
            else:
                # struct msghdr: name and its size, array of buffers and their number.
                address, count = _WORDS.unpack(read(found.args[about[1]] + 16, _WORDS.size))
            content = b""
            for index in range(min(count, _MOST_BUFFERS)):
                if len(content) >= length:
                    break
                start, size = _WORDS.unpack(read(address + index * _WORDS.size, _WORDS.size))
                content += read(start, min(size, length - len(content)))
            return content
        except struct.error:
            return None
        finally:
            replayed.close()
            replayer.close()
