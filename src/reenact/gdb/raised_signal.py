"""A signal with a handler is told where it was raised, as a debugger of a live program does it.

The log has the event by which its handler is entered: the state before that event is what a person
wants to see first. The next step, or whatever goes on, leads into the handler.
"""

from __future__ import annotations

from reenact.session.positions import Position
from reenact.session.session import Session
from reenact.session.values import EventInfo


class RaisedSignal:
    """The signal that was told last.

    Arguments:
        session: the session.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._told: tuple[Position, EventInfo] | None = None

    def tell(self, event: EventInfo) -> None:
        """Go from where a signal's handler is entered to where it was raised."""
        session = self._session
        here = session.position
        # An event that has changed no register has entered no handler: there is nothing to undo.
        if session.canonical(here) == here:
            session.reverse_stepi()
        self._told = (session.position, event)

    def forget(self) -> None:
        """Whatever was told was told before a movement of another kind."""
        self._told = None

    @property
    def event(self) -> EventInfo | None:
        """The event that is next here and was told; None: there is none."""
        if self._told is None or self._told[0] != self._session.position:
            return None
        return self._told[1]
