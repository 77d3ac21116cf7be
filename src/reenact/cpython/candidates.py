"""Which recorded processes are Python's, by their names alone: cheap to ask of any trace."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from reenact.events import Process

#: What an interpreter ends with when nobody catches an exception.
_STATUS = 1
_NAME = re.compile(r"python(3(\.[0-9]+)?)?")


def is_python(program: str) -> bool:
    """Whether a program is named as interpreters of Python are."""
    return _NAME.fullmatch(program.rpartition("/")[2]) is not None


def candidates(processes: Sequence[Process]) -> list[Process]:
    """Those that may be Python's and have ended by an exception that nobody caught."""
    known = {process.number: process for process in processes}
    return [
        process
        for process in processes
        if process.exit_status == _STATUS and is_python(_program(process, known))
    ]


def _program(process: Process, known: Mapping[int, Process]) -> str:
    """What a process runs: one that has executed nothing runs what the one that made it did."""
    for _ in known:
        if process.program or process.parent is None or process.parent not in known:
            break
        process = known[process.parent]
    return process.program
