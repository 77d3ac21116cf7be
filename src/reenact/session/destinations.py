"""What a person means by a place to go to: a position, an event, a part, a time, a bookmark."""

from __future__ import annotations

import datetime
import re

from reenact.errors import Hint, UsageError
from reenact.session.interface import ReplayedProcess
from reenact.session.positions import Key, Position, Where, outside
from reenact.session.recorded_trace import RecordedTrace

_HINT = (
    'say a position, an event, "start", "end", "37.5%", "1.5s", a time such as "14:05:09" or '
    '"2026-01-31 14:05:09.25", or "@BOOKMARK"'
)

#: An event by its index, as text.
_EVENT = re.compile("[0-9]{1,19}")
#: HH:MM or HH:MM:SS with parts of a second, as a clock on the wall shows it. What has two numbers
#: may be a position as well, unless one of them is written with a zero that no position has.
_TIME_OF_DAY = re.compile(r"[0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]{1,6})?)?")
_LEADING_ZERO = re.compile("(^|:)0[0-9]")
#: No process has so many events or instructions.
_MOST = 1 << 63

#: Seconds that a moment and a number of floating point may lose.
_CUT = 2e-6

#: Two clocks are read when a recording ends: so many seconds more are no mistake.
_SLACK = 1.0


class Destinations:
    """Positions of one process by whatever names them.

    Arguments:
        trace: the trace.
        number: number of the process.
        process: knows its events, and finds its end.
    """

    def __init__(self, trace: RecordedTrace, number: int, process: ReplayedProcess) -> None:
        self._trace = trace
        self._number = number
        self._process = process

    def key(self, where: Where) -> Key:
        """The place that is meant; whether it exists is seen on the way there.

        Errors: `UsageError` for what means no place.
        """
        if isinstance(where, Position):
            return self._of_position(where)
        if isinstance(where, datetime.datetime):
            return self._at_moment(where)
        if isinstance(where, int):
            return (self._whole(_counted((where, 0))[0]), 0)
        if isinstance(where, str):
            return self._named(where)
        raise _unknown(where)

    def _whole(self, event: int) -> int:
        """The event that a number means: data that comes before an event is part of it."""
        if event < self._process.history.start[0]:
            return event
        for found in self._trace.events(self._number, event):
            if found.kind != "data":
                return found.index
        return event

    def _of_position(self, where: Position) -> Key:
        if where.process != self._number:
            raise UsageError(
                f"{where} is a position of process {where.process}, "
                f"and this session replays process {self._number}",
                Hint(
                    f"open that one: trace.replay({where.process})",
                    gdb=f"process {where.process} {where}",
                    line=f"reenact replay TRACE -p {where.process} --goto {where}",
                ),
            )
        return _counted((where.event, where.instructions))

    def _named(self, where: str) -> Key:
        text = where.strip()
        if text == "start":
            return self._process.history.start
        if text == "end":
            return self._process.find_end().key
        if text.startswith("@"):
            return self._of_position(self._trace.bookmarks[text[1:]].position)
        if _EVENT.fullmatch(text):
            return self.key(int(text))
        return self._measured(text)

    def _measured(self, text: str) -> Key:
        if text.endswith("%"):
            return self._part(_number(text))
        if text.endswith("s"):
            return self._after(_number(text))
        if _is_time_of_day(text):
            return self._at_time_of_day(text)
        if "-" in text:
            return self._at_moment(_moment(text))
        if ":" not in text:
            raise _unknown(text)
        return self._of_position(Position.parse(text))

    def _part(self, percent: float) -> Key:
        if not 0 <= percent <= 100:
            raise UsageError(f"{percent} % is no part of a trace", "say 0% to 100%")
        end, history = self._process.find_end(), self._process.history
        first, last = history.total(history.start), history.total(end.key)
        return history.at_total(first + int((last - first) * percent / 100))

    def _at_moment(self, moment: datetime.datetime) -> Key:
        """Without a zone the time is local, as clocks on the wall show it."""
        began = self._trace.manifest.start_ns / 1e9
        try:
            seconds = moment.timestamp() - began
            # A moment is cut to microseconds, and so is one that the start was shown as.
            written = f"{moment:%Y-%m-%d %H:%M:%S}"
            return self._after(0.0 if -_CUT < seconds < 0 else seconds, written)
        except (ValueError, OverflowError, OSError):
            # No clock shows it.
            raise _unknown(str(moment)) from None

    def _at_time_of_day(self, text: str) -> Key:
        """A local time, of the first day of the recording on which it was running then."""
        began = datetime.datetime.fromtimestamp(self._trace.manifest.start_ns / 1e9)
        try:
            time = datetime.time.fromisoformat(text)
        except ValueError:
            raise _unknown(text) from None
        moment = datetime.datetime.combine(began.date(), time)
        # The minute or second in which it began may be meant: times that people read are cut.
        shown = began.replace(microsecond=0)
        if moment < (shown.replace(second=0) if text.count(":") == 1 else shown):
            moment += datetime.timedelta(days=1)
        return self._at_moment(max(moment, began))

    def _after(self, seconds: float, written: str = "") -> Key:
        """The last event before a moment of the recording; `written`: as who asks names it."""
        duration = self._trace.manifest.duration_ns
        is_before = not seconds >= 0  # Also what is no number.
        if is_before or (duration is not None and seconds > duration / 1e9 + _SLACK):
            took = "" if duration is None else f", which took {duration / 1e9:.3f} s"
            if written:
                began = datetime.datetime.fromtimestamp(self._trace.manifest.start_ns / 1e9)
                took = (
                    f", which began at {began:%Y-%m-%d %H:%M:%S}{took.replace(', which', ' and')}"
                )
            raise UsageError(
                f"{written or f'{seconds:.6g} seconds after its start'} is no moment of this "
                f"recording{took}",
                "see when it was: reenact info TRACE",
            )
        start = self._process.history.start
        found = start[0]
        for event in self._trace.events(self._number, found + 1):
            if event.seconds > seconds:
                break
            if event.kind != "data":
                found = event.index
        return (found, 0)


def _is_time_of_day(text: str) -> bool:
    found = _TIME_OF_DAY.fullmatch(text)
    return found is not None and (text.count(":") == 2 or bool(_LEADING_ZERO.search(text)))


def _number(text: str) -> float:
    try:
        return float(text[:-1])
    except ValueError:
        raise _unknown(text) from None


def _moment(text: str) -> datetime.datetime:
    try:
        return datetime.datetime.fromisoformat(text)
    except ValueError:
        raise _unknown(text) from None


def _counted(key: Key) -> Key:
    """A place, if there can be one. Errors: `UsageError` for numbers that count nothing."""
    if not all(0 <= number < _MOST for number in key):
        raise outside(key)
    return key


def _unknown(text: object) -> UsageError:
    return UsageError(f"{text!r} is no place in a trace", _HINT)
