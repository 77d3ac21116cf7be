"""The events behind the replay, and arithmetic with positions over them.

Where the program's own code has run, nobody has counted its instructions: what is asked for is
counted when it is, by replaying that once more.
"""

from __future__ import annotations

import array
import bisect
from collections.abc import Callable

from reenact.errors import ReplayError
from reenact.events import KINDS
from reenact.session.messages import UNCOUNTED
from reenact.session.positions import Key
from reenact.session.values import EventInfo

_WORDS = 3
_KIND, _OWN, _VISIBLE, _CODE = 0, 8, 9, 16
#: So many stretches are counted at most to find a place that need not be exact.
_MOST_COUNTED = 8


class History:
    """All events the replay has passed, as far as it has ever come.

    Each instruction belongs to the event before it; the instruction of an event itself (a system
    call) is counted with the event.

    Arguments:
        count: has instructions counted before the events with some numbers, from one to another,
            and calls `fill`.
    """

    def __init__(self, count: Callable[[int, int], None]) -> None:
        self._count = count
        self._index = array.array("Q")
        #: Instructions between the event before and this one, or `UNCOUNTED`.
        self._before = array.array("Q")
        #: Kind, flags and code as the replayer sends them.
        self._meta = array.array("Q")
        #: Instructions in total when the event has taken effect, as far as anybody has asked.
        self._total = array.array("Q")
        #: Number of the record of the first event after which there is something to see.
        self._first = 0

    def begin_at(self, event: int) -> None:
        """Say after which event the process can first be looked at."""
        self._first = self._number(event)

    @property
    def start(self) -> Key:
        """The first position."""
        return (self._index[self._first], 0)

    @property
    def last_event(self) -> int:
        """The latest event known."""
        return self._index[-1]

    def learn(self, event: int, records: Callable[[int], array.array[int]]) -> None:
        """Take over what was passed up to an event and is not known yet.

        Arguments:
            event: the last one that has taken effect.
            records: gives the replayer's records from a number on.
        """
        while not self._index or self._index[-1] < event:
            words = records(len(self._index))
            if not words:
                return
            self._index.extend(words[0::_WORDS])
            self._before.extend(words[1::_WORDS])
            self._meta.extend(words[2::_WORDS])

    def fill(self, first: int, last: int, records: Callable[[int], array.array[int]]) -> None:
        """Take over what was counted before the events with these numbers, from one to another."""
        while first <= last and (words := records(first)):
            for number, length in zip(range(first, last + 1), words[1::_WORDS]):
                if length != UNCOUNTED:
                    self._before[number] = length
            first += len(words) // _WORDS

    def uncounted(self, first: int, last: int) -> tuple[int, int] | None:
        """Numbers of the events behind one up to another one, if some were come to uncounted."""
        begin, end = self._number(first) + 1, self._number(last)
        return (begin, end) if UNCOUNTED in self._before[begin : end + 1] else None

    def index(self, number: int) -> int:
        """The event with a number."""
        return self._index[number]

    def knows(self, key: Key) -> bool:
        """Whether everything up to an event after this place is known."""
        return bool(self._index) and key[0] < self._index[-1]

    def has(self, key: Key) -> bool:
        """Whether the place may exist; only for places that are known."""
        number = bisect.bisect_left(self._index, key[0])
        if number >= len(self._index) or self._index[number] != key[0] or number < self._first:
            return False
        return number + 1 >= len(self._index) or key[1] <= self._before[number + 1]

    def total(self, key: Key) -> int:
        """Instructions in total at a place; its event must be known."""
        number = self._number(key[0])
        self._add_up(number)
        return self._total[number] + key[1]

    def at_total(self, total: int) -> Key:
        """The last place at which so many instructions in total have been executed."""
        self._add_up(len(self._index) - 1)
        number = max(bisect.bisect_right(self._total, total) - 1, self._first)
        return self.canonical((self._index[number], max(total - self._total[number], 0)))

    def event(self, index: int) -> EventInfo:
        """What is known of an event that has been passed."""
        kind, code = self.kind_and_code(index)
        return EventInfo(index, KINDS[kind - 1], code)

    def kind_and_code(self, index: int) -> tuple[int, int]:
        """Numbers of the kind and of the code of an event that has been passed."""
        meta = self._meta[self._number(index)]
        return meta >> _KIND & 0xFF, meta >> _CODE & 0xFFFF

    def canonical(self, key: Key) -> Key:
        """The first of the places with this very state: events that change no register."""
        number, instructions = self._number(key[0]), key[1]
        while instructions == 0 and number > self._first and not self._is_visible(number):
            instructions = self._length(number)
            number -= 1
        return (self._index[number], instructions)

    def back(self, key: Key, steps: int) -> Key | None:
        """The place so many steps earlier; None when the process begins on the way."""
        event, instructions = self.canonical(key)
        while True:
            taken = min(steps, instructions)
            steps -= taken
            event, instructions = self.canonical((event, instructions - taken))
            if steps == 0:
                return (event, instructions)
            if instructions > 0:
                continue
            number = self._number(event)
            if number <= self._first:
                return None
            # The event itself is the step.
            event, instructions = self.canonical((self._index[number - 1], self._length(number)))
            steps -= 1

    def right_before(self, event: int) -> Key | None:
        """The last place before an event; None when the process begins with it or later."""
        number = self._number(event)
        if number <= self._first:
            return None
        return (self._index[number - 1], self._length(number))

    def steps(self, begin: Key, end: Key) -> int:
        """Steps from one place to another: instructions, and events that are visible."""
        first, last = self._number(begin[0]), self._number(end[0])
        visible = sum(flags >> _VISIBLE & 1 for flags in self._meta[first + 1 : last + 1])
        executed = sum(map(self._length, range(first + 1, last + 1)))
        return executed + visible + end[1] - begin[1]

    def is_far(self, begin: Key, end: Key, instructions: int) -> bool:
        """Whether there are, or may be, so many instructions from one place to another."""
        if self.uncounted(begin[0], end[0]):
            return True
        first, last = self._number(begin[0]), self._number(end[0])
        return sum(self._before[first + 1 : last + 1]) + end[1] - begin[1] >= instructions

    def earlier(self, key: Key, instructions: int) -> Key:
        """A place so many instructions earlier, or not so many where that takes long to find."""
        number, most = self._number(key[0]), _MOST_COUNTED
        left, together = key[1], 1
        while left < instructions and number > self._first:
            if self._before[number] == UNCOUNTED:
                # Each time costs the way there: more of them the longer it goes on.
                together = min(together, most, number - self._first)
                if together == 0:
                    break
                self._count_all(number - together + 1, number)
                most -= together
                together *= 2
            left += self._length(number)
            number -= 1
        return (self._index[number], max(left - instructions, 0))

    def _length(self, number: int) -> int:
        """Instructions between the event before and one."""
        if self._before[number] == UNCOUNTED:
            self._count_all(number, number)
        return self._before[number]

    def _count_all(self, first: int, last: int) -> None:
        self._count(first, last)
        if UNCOUNTED in self._before[first : last + 1]:
            raise ReplayError(
                "the replay departs from the recording where its instructions are counted",
                "see where: reenact verify --translated TRACE",
            )

    def _add_up(self, number: int) -> None:
        """Know the totals up to an event."""
        begin = len(self._total)
        if begin > number:
            return
        lengths = self._before[begin : number + 1]
        if UNCOUNTED in lengths:
            first = begin + lengths.index(UNCOUNTED)
            self._count_all(first, number)
        total = self._total[-1] if self._total else 0
        for one in range(begin, number + 1):
            total += self._before[one] + (self._meta[one] >> _OWN & 1)
            self._total.append(total)

    def _number(self, event: int) -> int:
        return max(bisect.bisect_right(self._index, event) - 1, 0)

    def _is_visible(self, number: int) -> bool:
        return bool(self._meta[number] >> _VISIBLE & 1)
