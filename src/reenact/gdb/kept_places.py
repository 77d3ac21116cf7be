"""Positions that a person has remembered by number while debugging: gdb's checkpoints."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

from reenact.errors import UsageError
from reenact.session.positions import Position


@dataclass(frozen=True)
class KeptPlace:
    """A position and what was said about it."""

    position: Position
    note: str


class KeptPlaces:
    """Positions by number, counted from 1 on; a number is never given twice."""

    def __init__(self) -> None:
        self._places: dict[int, KeptPlace] = {}
        self._numbers = itertools.count(1)

    def remember(self, position: Position, note: str) -> int:
        """Keep a position; its number."""
        number = next(self._numbers)
        self._places[number] = KeptPlace(position, note)
        return number

    def all(self) -> Iterator[tuple[int, KeptPlace]]:
        """All that are kept, by number."""
        return iter(self._places.items())

    def find(self, number: int) -> KeptPlace:
        """The one with a number. Errors: `UsageError` when there is none."""
        if number not in self._places:
            known = ", ".join(map(str, self._places)) or "none"
            raise UsageError(f"there is no checkpoint {number}", f"there are: {known}")
        return self._places[number]

    def forget(self, number: int | None) -> None:
        """Let go of one, or of all. Errors: `UsageError` when there is none."""
        if number is None:
            self._places.clear()
        else:
            self.find(number)
            del self._places[number]
