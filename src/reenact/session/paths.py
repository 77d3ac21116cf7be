"""The paths that system calls were given: they are in the program's memory, not in the log."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from reenact import _native
from reenact.events import Event
from reenact.session.positions import Position
from reenact.session.replayed import ReplayedProcess

if TYPE_CHECKING:
    from reenact.trace import Trace

#: PATH_MAX of Linux, with the zero at the end.
_LONGEST = 4096


class PathReader:
    """Replays a process as far as its events are asked for; to be closed.

    Arguments:
        trace: the trace.
        process: number of the process.
    """

    def __init__(self, trace: Trace, process: int) -> None:
        self._trace = trace
        self._process = process
        self._replayed: ReplayedProcess | None = None

    def close(self) -> None:
        """End the replay, if there has been one."""
        if self._replayed is not None:
            self._replayed.close()

    def paths(self, event: Event) -> dict[int, bytes]:
        """The paths of a system call by number of argument; events have to come in order.

        Errors: `ReenactError` where the process cannot be replayed so far.
        """
        wanted = _path_arguments(event.code) if event.kind == "syscall" else ()
        addresses = {number: event.args[number] for number in wanted if event.args[number]}
        if not addresses:
            return {}
        if self._replayed is None:
            self._replayed = ReplayedProcess(self._trace, self._process)
        replayed = self._replayed
        if event.index < replayed.start.event:
            return {}
        replayed.goto(Position(self._process, event.index))
        found = {}
        for number, address in addresses.items():
            content, zero, _ = replayed.memory.read(address, _LONGEST).partition(b"\0")
            if zero:
                found[number] = content
        return found


@functools.cache
def _path_arguments(number: int) -> tuple[int, ...]:
    return tuple(_native.path_arguments(number))
