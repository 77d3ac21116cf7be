"""By which exception Python processes ended: what the interpreter had kept when it told of it.

An exception that nobody catches is told on standard error, and kept as `sys.last_value` until the
interpreter is taken down. So the place to look is behind the last text on standard error. What was
told there is not read: a program may print anything.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

from reenact.cpython.candidates import candidates
from reenact.errors import ReenactError
from reenact.printable import printable
from reenact.session.positions import Position
from reenact.session.recorded_trace import RecordedTrace
from reenact.session.session import Session

#: Longest recording that is replayed only to tell, seconds, and how many processes of it.
_LONGEST, _MOST = 60, 8


@dataclass(frozen=True)
class Uncaught:
    """An exception that ended a process.

    Arguments:
        process: number of the process.
        type: of the exception.
        text: what `repr` shows of it.
        file, line: where it was raised; None: it has no traceback.
        position: behind the text that the interpreter wrote about it.
    """

    process: int
    type: str
    text: str
    file: str | None
    line: int | None
    position: Position

    def __str__(self) -> str:
        where = "" if self.file is None else f" at {printable(self.file)}:{self.line}"
        return f"ended by {printable(self.type)}{where}"


def uncaught(trace: RecordedTrace) -> list[Uncaught]:
    """Of each Python process that an exception ended, which; the first few.

    Long recordings are left out: each process is replayed for it once.
    """
    duration = trace.manifest.duration_ns
    if duration is None or duration > _LONGEST * 1_000_000_000:
        return []
    found = []
    for process in candidates(trace.processes)[:_MOST]:
        # A trace that cannot be replayed says so where somebody replays it.
        with contextlib.suppress(ReenactError):
            one = _of(trace, process.number)
            if one is not None:
                found.append(one)
    return found


def _of(trace: RecordedTrace, number: int) -> Uncaught | None:
    with Session(trace, number) as session:
        python = session.python
        if not python.goto_uncaught():
            return None
        exception = python.told_exception()
        if exception is None:
            return None
        _, file, line = exception.traceback[-1] if exception.traceback else ("", None, None)
        value = exception.value
        return Uncaught(number, value.type, value.text, file, line, session.position)
