"""Positions: moments in the life of a recorded process. Pure: no I/O."""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass
from typing import Union

from reenact.errors import Hint, UsageError

#: A position within one process: index of an event, and instructions since it took effect.
Key = tuple[int, int]

#: Without zeros in front, as positions are written: 05:00 is a time of day.
_NUMBER = "(0|[1-9][0-9]{0,19})"
_TEXT = re.compile(f"{_NUMBER}:{_NUMBER}(?:[+]{_NUMBER})?")


@dataclass(frozen=True, order=True)
class Position:
    """A moment: so many instructions after an event took effect.

    Positions of one process are totally ordered; the same position is the same state on every
    replay. A `rep` string instruction counts once. The instruction of an event itself (a system
    call) belongs to the event: after it the count starts over.

    Arguments:
        process: number of the process in the trace.
        event: index of the last event that has taken effect.
        instructions: executed since that event.

    Example:
        >>> position = Position(1, 523, 1042)
        >>> str(position)
        '1:523+1042'
        >>> Position.parse("1:523+1042") == position
        True
        >>> str(Position(1, 524)), Position(1, 524) > position
        ('1:524', True)
    """

    process: int
    event: int
    instructions: int = 0

    def __str__(self) -> str:
        text = f"{self.process}:{self.event}"
        return f"{text}+{self.instructions}" if self.instructions else text

    @staticmethod
    def parse(text: str) -> Position:
        """The position a text names: `PROCESS:EVENT` or `PROCESS:EVENT+INSTRUCTIONS`.

        Errors: `UsageError` for any other text.
        """
        found = _TEXT.fullmatch(text.strip())
        if found is None:
            raise UsageError(
                f"{text!r} is not a position",
                "write PROCESS:EVENT+INSTRUCTIONS, for example 0:523+1042",
            )
        process, event, instructions = found.groups(default="0")
        return Position(int(process), int(event), int(instructions))


def outside(key: Key) -> UsageError:
    """The failure for a position that a process does not have."""
    event, instructions = key
    return UsageError(
        f"there is no position {instructions} instructions after event {event} of this process",
        Hint(
            "see Session.start and Session.end",
            gdb="goto start and goto end say what there is",
            line="see how many events there are: reenact ps TRACE",
        ),
    )


#: Where to go: a position, the index of an event, a moment (local time where it has no zone), or a
#: text: "start", "end", an index, what `str(position)` gives, a part of all instructions such as
#: "37.5%", seconds since the recording began such as "1.5s", an ISO date and time, "@" and a
#: bookmark.
Where = Union[Position, int, str, datetime.datetime]
