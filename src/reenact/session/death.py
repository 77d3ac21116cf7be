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
        is_last: whether the process' last position is there; behind a fault there may be what
            other threads had begun to write.
        information: the `siginfo_t`, 128 bytes; empty where the log does not have it.
    """

    signal: int
    event: EventInfo
    thread: int
    is_logged: bool
    is_last: bool
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
    first = max(found.events - 1 - _MOST_BEHIND, 0)
    read = trace.events(process, first, found.events - 1, with_attachments=True)
    events = [event for event in read if event.kind not in _REMARKS]
    if not events:
        return None
    telling = _telling(events, found.signal)
    event = events[-1] if telling is None else telling
    is_fault = telling is not None and telling.kind == "fault"
    parts = () if telling is None else telling.attachments
    return Death(
        signal=found.signal,
        event=EventInfo(event.index, "fault" if is_fault else "signal", found.signal),
        thread=event.tid,
        is_logged=telling is not None,
        is_last=event is events[-1],
        information=next((part.content for part in parts if part.tag == "signal-info"), b""),
    )


def _telling(events: list[Event], number: int) -> Event | None:
    """The event by which the process died; None: none of these tells it."""
    gone_on = set()
    for event in reversed(events):
        if event.tid not in gone_on and _tells(event, number):
            return event
        gone_on.add(event.tid)
    return None


def _tells(event: Event, number: int) -> bool:
    """Whether an event is the end by a signal, and not one before it."""
    if event.kind == "exit":
        is_call = event.code not in _EXITS or _FILTERED in event.flags
        return is_call and event.result & _SIGNAL_BITS == number
    has_handler = any(part.tag == "write" for part in event.attachments)
    return event.code == number and (
        event.kind == "fault" or (event.kind == "signal" and not has_handler)
    )
