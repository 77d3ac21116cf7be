"""The events behind the replay, and arithmetic with positions over them."""

from __future__ import annotations

import array
import bisect
import itertools
from collections.abc import Callable

from reenact.events import KINDS
from reenact.session.positions import Key
from reenact.session.values import EventInfo

_WORDS = 3
_KIND, _OWN, _VISIBLE, _CODE = 0, 8, 9, 16


class History:
    """All events the replay has passed, as far as it has ever come.

    Each instruction belongs to the event before it; the instruction of an event itself (a system
    call) is counted with the event.
    """

    def __init__(self) -> None:
        self._index = array.array("Q")
        #: Instructions between the event before and this one.
        self._before = array.array("Q")
        #: Kind, flags and code as the replayer sends them.
        self._meta = array.array("Q")
        #: Instructions in total when the event has taken effect.
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
            before, meta = words[1::_WORDS], words[2::_WORDS]
            counts = (length + (flags >> _OWN & 1) for length, flags in zip(before, meta))
            initial = self._total[-1] if self._total else 0
            totals = itertools.accumulate(counts, initial=initial)
            next(totals)
            self._index.extend(words[0::_WORDS])
            self._before.extend(before)
            self._meta.extend(meta)
            self._total.extend(totals)

    def knows(self, key: Key) -> bool:
        """Whether everything up to an event after this place is known."""
        return bool(self._index) and key[0] < self._index[-1]

    def has(self, key: Key) -> bool:
        """Whether the place exists; only for places that are known."""
        number = bisect.bisect_left(self._index, key[0])
        if number >= len(self._index) or self._index[number] != key[0] or number < self._first:
            return False
        return number + 1 >= len(self._index) or key[1] <= self._before[number + 1]

    def total(self, key: Key) -> int:
        """Instructions in total at a place; its event must be known."""
        return self._total[self._number(key[0])] + key[1]

    def at_total(self, total: int) -> Key:
        """The last place at which so many instructions in total have been executed."""
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
            instructions = self._before[number]
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
            event, instructions = self.canonical((self._index[number - 1], self._before[number]))
            steps -= 1

    def right_before(self, event: int) -> Key | None:
        """The last place before an event; None when the process begins with it or later."""
        number = self._number(event)
        if number <= self._first:
            return None
        return (self._index[number - 1], self._before[number])

    def steps(self, key: Key) -> int:
        """Steps from the first event to a place: instructions, and events that are visible."""
        last = self._number(key[0])
        visible = sum(flags >> _VISIBLE & 1 for flags in self._meta[: last + 1])
        return sum(self._before[: last + 1]) + visible + key[1]

    def _number(self, event: int) -> int:
        return max(bisect.bisect_right(self._index, event) - 1, 0)

    def _is_visible(self, number: int) -> bool:
        return bool(self._meta[number] >> _VISIBLE & 1)
