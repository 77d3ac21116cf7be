"""Which process of a recording a person means: by its number, its program, or its pid."""

from __future__ import annotations

import os
from collections.abc import Sequence

from reenact.errors import Hint, UsageError
from reenact.events import Process

#: Processes that a message names.
_MOST_NAMED = 8
_SEE = Hint(
    "see the processes of the trace: Trace.processes",
    gdb="see info inferiors",
    line="see its processes: reenact ps TRACE",
)


def find_process(processes: Sequence[Process], wanted: str) -> int:
    """The number of the process that is meant.

    Arguments:
        processes: all processes of the recording.
        wanted: a number as `reenact ps` shows it, or the name of a program as it was called, or of
            its file.

    Errors: `UsageError` where there is none, or several have that name.
    """
    if wanted.isdecimal():
        return _numbered(processes, int(wanted))
    found = [process for process in processes if wanted in _names(process)]
    if len(found) == 1:
        return found[0].number
    if found:
        raise UsageError(
            f"{len(found)} processes ran {wanted}", f"choose one by its number: {_listed(found)}"
        )
    raise UsageError(f"no process of the trace ran {wanted}", _SEE)


def _numbered(processes: Sequence[Process], number: int) -> int:
    if any(process.number == number for process in processes):
        return number
    of_pid = [process for process in processes if process.pid == number]
    hint: str = _SEE
    if of_pid:
        other = of_pid[-1].number
        told = f"{number} is the pid of process {other}"
        hint = Hint(told, gdb=f"{told}: process {other}", line=f"{told}: -p {other}")
    raise UsageError(f"the trace has no process {number}", hint)


def _names(process: Process) -> set[str]:
    names = {process.program, os.path.basename(process.program)}
    if process.arguments:
        names |= {process.arguments[0], os.path.basename(process.arguments[0])}
    return names - {""}


def _listed(processes: Sequence[Process]) -> str:
    listed = ", ".join(str(process.number) for process in processes[:_MOST_NAMED])
    return f"{listed}, …" if len(processes) > _MOST_NAMED else listed
