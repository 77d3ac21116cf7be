"""What a program said as it ended itself: why the C library or a runtime aborted it."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

from reenact import _native
from reenact.events import Event
from reenact.session.death import Death
from reenact.session.recorded_trace import RecordedTrace
from reenact.symbols.frames import Read
from reenact.symbols.space import AddressSpace

#: Signals by which runtimes end their own program: those of `abort` and of trapping instructions.
_OWN = (signal.SIGABRT, signal.SIGILL, signal.SIGTRAP)
#: Where the GNU C library keeps what it has printed: a size (4 bytes), then text ended by NUL
#: (include/stdlib.h: struct abort_msg_s).
_KEPT = "__abort_msg"
_SIZE_FIELD = 4
_MOST_TEXT = 4096
#: Events looked through for what was printed.
_MOST_EVENTS = 512
#: Other events of the thread between what it printed and its end, or between two parts of that.
_MOST_BETWEEN = 24
#: The end of what was printed that is told, characters.
_MOST_TOLD = 500


#: Reads memory as it is at an event, inside.
ReadAt = Callable[[int], AbstractContextManager[Read]]


class LastWords:
    """What one process said.

    Arguments:
        trace: the trace.
        process: number of the process.
        death: how it ended.
    """

    def __init__(self, trace: RecordedTrace, process: int, death: Death) -> None:
        self._trace = trace
        self._process = process
        self._death = death

    def said(self, space: AddressSpace, read: Read, read_at: ReadAt) -> str:
        """One line; empty where it said nothing.

        Arguments:
            space: what is loaded at its end.
            read: reads memory there.
            read_at: reads memory before that.
        """
        if self._death.signal not in _OWN:
            return ""
        kept = _kept_message(space, read) if self._death.signal == signal.SIGABRT else ""
        return _line(kept or self._printed(read, read_at))

    def _printed(self, read: Read, read_at: ReadAt) -> str:
        """What the thread wrote to standard error right before."""
        last = self._death.event.index
        parts: list[bytes] = []
        between = 0
        first = max(last - _MOST_EVENTS, 0)
        events = self._trace.events(self._process, first, last, with_attachments=True)
        for event in reversed([one for one in events if one.tid == self._death.thread]):
            if not _is_message(event):
                between += 1
                if between > _MOST_BETWEEN:
                    break
                continue
            between = 0
            content = _content(event, read)
            if content is None:
                # Memory has something else by now.
                with read_at(event.index) as read_there:
                    content = _content(event, read_there)
            parts.append(content or b"")
        return _text(b"".join(reversed(parts)))


def _kept_message(space: AddressSpace, read: Read) -> str:
    for address, _ in space.variables(_KEPT):
        pointer = int.from_bytes(read(address, 8), "little")
        if pointer:
            return _text(read(pointer + _SIZE_FIELD, _MOST_TEXT).partition(b"\0")[0])
    return ""


def _is_message(event: Event) -> bool:
    return event.kind == "syscall" and "stderr" in event.flags and event.result > 0


def _content(event: Event, read: Read) -> bytes | None:
    """The bytes that a call gave out; None: memory has others by now."""
    ranges = _native.content_ranges(event.code, event.args, event.result, read) or []
    content = b"".join(read(address, length) for address, length in ranges)
    sums = [part.address for part in event.attachments if part.tag == "output"]
    return content if sums == [_native.checksum(content)] else None


def _text(content: bytes) -> str:
    return content.decode("utf-8", "replace")


def _line(text: str) -> str:
    lines: Iterator[str] = (" ".join(line.split()) for line in text.splitlines())
    told = "; ".join(filter(None, lines))
    return told if len(told) <= _MOST_TOLD else f"… {told[-_MOST_TOLD:]}"
