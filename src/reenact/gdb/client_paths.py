"""Paths of the recorded machine as a client gets them: it prints them, and people type them.

A client is told a path on one line without control characters, and asks for the file by what it
was told. A program that it has to load by a command has a name that is made here alone: no text
of a trace becomes part of a command.
"""

from __future__ import annotations

from collections.abc import Iterable

from reenact.gdb.image import Image
from reenact.gdb.recorded_names import as_listed
from reenact.printable import printable

_PROGRAMS = "/reenact/program-"


class ClientPaths:
    """Both ways between a path and what a client is told.

    Arguments:
        paths: all of the trace that can be told.
        images: the programs of the process.
    """

    def __init__(self, paths: Iterable[str], images: Iterable[Image]) -> None:
        self._originals = {printable(path): path for path in paths}
        self._programs = {}
        for image in images:
            listed = as_listed(image.program)
            self._originals.setdefault(printable(image.program), listed)
            self._programs[program_name(image)] = listed

    def original(self, told: str) -> str:
        """The path that a client means by what it asks for."""
        return self._programs.get(told) or self._originals.get(told, told)


def program_name(image: Image) -> str:
    """A name for the file of a program that is safe in any command."""
    return f"{_PROGRAMS}{max(image.event, 0)}"
