"""Positions that a person has remembered by number while debugging: gdb's checkpoints."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

from reenact.errors import UsageError
from reenact.session.positions import Position


@dataclass(frozen=True)
class UserCheckpoint:
    """A position and what was said about it."""

    position: Position
    note: str


class UserCheckpoints:
    """Positions by number, counted from 1 on; a number is never given twice."""

    def __init__(self) -> None:
        self._checkpoints: dict[int, UserCheckpoint] = {}
        self._numbers = itertools.count(1)

    def remember(self, position: Position, note: str) -> int:
        """Keep a position; its number."""
        number = next(self._numbers)
        self._checkpoints[number] = UserCheckpoint(position, note)
        return number

    def all(self) -> Iterator[tuple[int, UserCheckpoint]]:
        """All that are kept, by number."""
        return iter(self._checkpoints.items())

    def find(self, number: int) -> UserCheckpoint:
        """The one with a number. Errors: `UsageError` when there is none."""
        if number not in self._checkpoints:
            known = ", ".join(map(str, self._checkpoints)) or "none"
            raise UsageError(f"there is no checkpoint {number}", f"there are: {known}")
        return self._checkpoints[number]

    def forget(self, number: int | None) -> None:
        """Let go of one, or of all. Errors: `UsageError` when there is none."""
        if number is None:
            self._checkpoints.clear()
        else:
            self.find(number)
            del self._checkpoints[number]
