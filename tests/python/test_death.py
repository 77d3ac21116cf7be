"""Which event a process died by: the last one, or one that only other threads' calls follow."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from reenact.events import Attachment, Event
from reenact.session.death import death_of

_INFORMATION = Attachment("signal-info", 0, b"i" * 128)
_FRAME = Attachment("write", 0x1000, b"frame")


def event(kind: str, code: int, tid: int = 1, result: int = 0, *parts: Attachment) -> Event:
    return Event(0, 0, kind, code, (), tid, 0.0, 0, 0, result, (0,) * 6, "", parts)


def trace(number: int | None, *events: Event) -> SimpleNamespace:
    numbered = [Event(**{**vars(one), "index": index}) for index, one in enumerate(events)]
    process = SimpleNamespace(number=0, signal=number, events=len(events))
    return SimpleNamespace(
        processes=[process],
        events=lambda _process, first, last, **_options: numbered[first : last + 1],
    )


WRITE, FAULT = event("syscall", 1, 2), event("fault", 11, 1, 0, _INFORMATION)
HANDLED = event("signal", 11, 1, 0, _INFORMATION, _FRAME)
KILLS = event("exit", 234, 1, 6, _INFORMATION)


@pytest.mark.parametrize(
    ("number", "events", "expected"),
    [
        # Signal, events; index and kind of the one, whether it is logged and last.
        (11, (WRITE, FAULT), (1, "fault", True, True)),
        (11, (WRITE, FAULT, WRITE, WRITE), (1, "fault", True, False)),
        (11, (FAULT, HANDLED, WRITE), (2, "signal", False, True)),
        (6, (WRITE, KILLS), (1, "signal", True, True)),
        (6, (WRITE, KILLS, event("note", 0)), (1, "signal", True, True)),
        (15, (WRITE, event("signal", 15, 1, 0, _INFORMATION)), (1, "signal", True, True)),
        (9, (FAULT, HANDLED, WRITE), (2, "signal", False, True)),
        # It lived on: the call has returned.
        (9, (KILLS, event("syscall", 234), WRITE), (2, "signal", False, True)),
    ],
)
def test_the_event(number: int, events: tuple[Event, ...], expected: tuple[object, ...]) -> None:
    found = death_of(trace(number, *events), 0)
    assert (found.event.index, found.event.kind, found.is_logged, found.is_last) == expected
    assert found.signal == found.event.code == number
    assert len(found.information) == (128 if found.is_logged else 0)


def test_a_process_that_exits() -> None:
    assert death_of(trace(None, WRITE, event("exit", 231)), 0) is None
