"""The signal that ended a process: what of the log tells it, and where."""

from __future__ import annotations

import contextlib
import signal
from dataclasses import dataclass

from reenact.events import Event
from reenact.session.recorded_trace import RecordedTrace
from reenact.session.values import EventInfo

#: Records of the log that may follow the event by which a process died: remarks.
_MOST_BEHIND = 32
_REMARKS = ("data", "note")
_EXITS = (60, 231)
#: In the code of a filtered exit: the call that was answered is not what ends the process.
_FILTERED = "filtered"
_SIGNAL_BITS = 0x7F


@dataclass(frozen=True)
class Death:
    """A process was ended by a signal.

    Arguments:
        signal: its number.
        event: the event by which it died, of kind "fault" or "signal"; where the log does not
            tell it (SIGKILL from outside), with the index of the last event before.
        thread: of which thread that event is.
        is_logged: whether the log tells it.
        information: the `siginfo_t`, 128 bytes; empty where the log does not have it.
    """

    signal: int
    event: EventInfo
    thread: int
    is_logged: bool
    information: bytes

    @property
    def name(self) -> str:
        """As in SIGABRT."""
        with contextlib.suppress(ValueError):
            return signal.Signals(self.signal).name
        return f"signal {self.signal}"


def death_of(trace: RecordedTrace, process: int) -> Death | None:
    """How a process died; None: it exited, or nothing tells that it has ended."""
    found = next(one for one in trace.processes if one.number == process)
    if found.signal is None or not found.events:
        return None
    last = _last_event(trace, process, found.events - 1)
    if last is None:
        return None
    is_logged = _tells(last, found.signal)
    parts = (part.content for part in last.attachments if is_logged and part.tag == "signal-info")
    return Death(
        signal=found.signal,
        event=EventInfo(
            last.index, "fault" if is_logged and last.kind == "fault" else "signal", found.signal
        ),
        thread=last.tid,
        is_logged=is_logged,
        information=next(parts, b""),
    )


def _last_event(trace: RecordedTrace, process: int, last: int) -> Event | None:
    first = max(last - _MOST_BEHIND, 0)
    events = trace.events(process, first, last, with_attachments=True)
    wanted = [event for event in events if event.kind not in _REMARKS]
    return wanted[-1] if wanted else None


def _tells(event: Event, number: int) -> bool:
    """Whether an event is the end by a signal, and not one before it."""
    if event.kind == "exit":
        is_call = event.code not in _EXITS or _FILTERED in event.flags
        return is_call and event.result & _SIGNAL_BITS == number
    has_handler = any(part.tag == "write" for part in event.attachments)
    return event.code == number and (
        event.kind == "fault" or (event.kind == "signal" and not has_handler)
    )
