"""Where `reenact pdb` begins: at the exception that failed a test or ended the process, or at its
first line.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from reenact.cpython.candidates import candidates
from reenact.errors import UsageError
from reenact.printable import printable
from reenact.session.bookmarks import FAILED, Bookmarks

if TYPE_CHECKING:
    from reenact.session.positions import Position
    from reenact.session.session import Session


def begin(session: Session, at: str | None, show: Callable[[str], None]) -> None:
    """Go to where somebody wants to begin.

    Arguments:
        session: stands where the process executes its program.
        at: a position; None: where it is worth while.
        show: prints a line.

    Errors: `UsageError` for a position that does not exist.
    """
    if at is not None:
        session.goto(at)
        return
    test = failed_test(session.trace.path)
    if test is not None and test.process == session.process:
        session.goto(str(test))
        found = session.python.exception()
        session.python.goto_raise()
        if found is not None:
            show(f"the test was failed by {found}: {printable(str(found.value))}")
        return
    ended = [one.number for one in candidates(session.trace.processes)]
    if session.process in ended and session.python.goto_uncaught():
        found = session.python.told_exception()
        session.python.goto_raise()
        if found is not None:
            show(f"the process was ended by {found}: {printable(str(found.value))}")
        return
    _to_first_line(session, show)


def failed_test(trace: str) -> Position | None:
    """Where the exception left the test, in the trace of one that `pytest --reenact` has kept."""
    marks = Bookmarks(trace)
    return marks[FAILED].position if FAILED in marks else None


def _to_first_line(session: Session, show: Callable[[str], None]) -> None:
    """To the first line of the program, if it is a file that the interpreter opens."""
    process = next(one for one in session.trace.processes if one.number == session.process)
    script = next((word for word in process.arguments[1:] if not word.startswith("-")), None)
    if script is None:
        return
    try:
        session.python.goto_module(script)
    except UsageError as error:
        show(f"note: {error.message}; step goes to the next line of Python")
