"""Which process of a recording is debugged: one at a time, and any other at the same moment."""

from __future__ import annotations

import contextlib
import os

from reenact.choosing import find_process
from reenact.events import Process
from reenact.printable import printable
from reenact.session.positions import Position
from reenact.session.session import Session

#: Sessions that are kept open, so that going back to a process is quick.
_MOST_OPEN = 4


class Debugged:
    """The process that is debugged, and the sessions of those that were.

    Arguments:
        session: of the process that is debugged first; who made it closes it.
    """

    def __init__(self, session: Session) -> None:
        self.session = session
        self._first = session
        self._open = {session.process: session}
        #: Whether another process was chosen than the client that is connected knows.
        self.has_changed = False

    def close(self) -> None:
        """Close the sessions that were opened here."""
        for session in self._open.values():
            if session is not self._first:
                session.close()

    def choose(self, wanted: str, where: str | None, elapsed: float) -> str:
        """Debug another process; what to say about it.

        Arguments:
            wanted: its number or program.
            where: the place to stand at; None: the same moment.
            elapsed: seconds since the recording began, of the moment.

        Errors: `UsageError` for what does not exist.
        """
        processes = self.session.trace.processes
        number = find_process(processes, wanted)
        session = self._opened(number)
        note = ""
        if where is not None:
            session.goto(where)
        elif session is not self.session:
            session.goto(f"{max(elapsed, 0.0):.9f}s")
            note = _note(session, elapsed)
        self.has_changed = session is not self.session or self.has_changed
        self.session = session
        return f"{self.current()}{note}"

    def current(self) -> str:
        """The process that is debugged, and where it stands."""
        number = self.session.process
        (process,) = (one for one in self.session.trace.processes if one.number == number)
        return f"process {number}{_named(process)} at {self.session.position}"

    def table(self) -> str:
        """The processes of the recording; a star marks the one that is debugged."""
        rows = [("  Num", "Parent", "Description", "Program")]
        for process in self.session.trace.processes:
            mark = "*" if process.number == self.session.process else " "
            parent = "-" if process.parent is None else str(process.parent)
            program = " ".join(process.arguments) or process.program
            described = f"process {process.pid}"
            rows.append((f"{mark} {process.number}", parent, described, printable(program)))
        return "".join(
            f"{number:<6}{parent:<8}{described:<17}{program}".rstrip() + "\n"
            for number, parent, described, program in rows
        )

    def _opened(self, number: int) -> Session:
        session = self._open.pop(number, None)
        if session is None:
            session = Session(self.session.trace, number)
        # The one used last comes last.
        self._open[number] = session
        for other, old in list(self._open.items())[:-_MOST_OPEN]:
            if old not in (self._first, self.session):
                del self._open[other]
                old.close()
        return session


def _note(session: Session, elapsed: float) -> str:
    events = session.trace.events(session.process, session.start.event)
    first = next(events, None)
    if first is not None and first.seconds > elapsed:
        return ", where it begins, which is later"
    with contextlib.suppress(StopIteration):
        processes = session.trace.processes
        last = next(one.events for one in processes if one.number == session.process) - 1
        final = next(session.trace.events(session.process, last, last))
        if final.seconds <= elapsed and session.position >= Position(session.process, last):
            return ", where it has ended"
    return ""


def _named(process: Process) -> str:
    name = os.path.basename(process.program)
    return f" ({printable(name)})" if name else ""
