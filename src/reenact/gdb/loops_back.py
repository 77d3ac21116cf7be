"""Steps back through loops, which a debugger makes instruction by instruction, made at once.

A client that steps back by lines says before which ranges of the line table loop (`loops_in_gdb`).
Inside of one it would ask for step after step: the answer to the first is the place where the
program has come into the range, or the last event on the way, and the client goes on from there.
"""

from __future__ import annotations

from reenact.session.points import Watchpoint
from reenact.session.session import Session
from reenact.session.values import Stop

#: Ranges that a client may name.
_MOST = 4096


class LoopsBack:
    """What a client has said of loops.

    Arguments:
        session: what is stepped.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._ranges: tuple[tuple[int, int], ...] = ()

    def know(self, ranges: list[tuple[int, int]]) -> None:
        """These are stepped back through until something else is said; empty: none."""
        self._ranges = tuple(ranges[:_MOST])

    def passed(self) -> Stop | None:
        """Go back to where the range was come into; None: the session stands where it stood."""
        if not self._ranges:
            return None
        session = self._session
        address = session.registers.rip
        # At its first instruction a step back by lines may end.
        inside = next((one for one in self._ranges if one[0] < address < one[1]), None)
        # Accesses are told by single steps, which know what their client sees of them.
        if inside is None or any(isinstance(one, Watchpoint) for one in session.points):
            return None
        origin = session.position
        stop = session.reverse_within(inside[0] + 1, inside[1])
        return None if stop.position == origin else stop
