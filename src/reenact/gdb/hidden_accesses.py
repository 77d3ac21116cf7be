"""Accesses to watched memory that a client was not told of, because a condition did not hold.

A client looks whether the value has changed since it was told last, and what it was not told it
does not know: a value that was another one meanwhile looks unchanged. So before an access is told,
the one before it is, if that was hidden; the client finds that its condition does not hold, and
goes on.
"""

from __future__ import annotations

from reenact.session.points import Watchpoint
from reenact.session.positions import Position
from reenact.session.session import Session
from reenact.session.values import Stop, StopReason


def told_before(
    session: Session, point: Watchpoint, stop: Stop, origin: Position, *, backward: bool
) -> Stop:
    """Where to stop first: at the nearest hidden access on the way, or at the stop itself.

    Arguments:
        session: stands at the stop.
        point: the watchpoint that has stopped it.
        stop: where it stands: behind the access, on the way back before it.
        origin: where the movement began.
        backward: it went back.
    """
    if backward:
        session.next_write(point.address, point.size, until=origin)
        found = session.next_write(point.address, point.size, until=origin)
        if found.reason == StopReason.WATCHPOINT:
            found = session.last_write(point.address, point.size, since=stop.position)
    else:
        session.last_write(point.address, point.size, since=origin)
        found = session.last_write(point.address, point.size, since=origin)
        if found.reason == StopReason.WATCHPOINT:
            session.stepi()
    is_between = found.reason == StopReason.WATCHPOINT
    if is_between and session.position not in (origin, stop.position):
        return Stop(
            StopReason.WATCHPOINT, session.position, session.thread, found.address, None, ""
        )
    session.goto(stop.position)
    return stop
