"""The paths that system calls were given: they are in the program's memory, not in the log."""

from __future__ import annotations

import functools

from reenact import _native
from reenact.events import Event
from reenact.session.interface import ReplayedProcess
from reenact.session.opening import open_process
from reenact.session.recorded_trace import RecordedTrace
from reenact.session.serving import ServingReplayer

#: PATH_MAX of Linux, with the zero at the end.
_LONGEST = 4096


class PathReader:
    """Replays a process as far as its events are asked for; to be closed.

    Arguments:
        trace: the trace.
        process: number of the process.
    """

    def __init__(self, trace: RecordedTrace, process: int) -> None:
        self._trace = trace
        self._process = process
        self._opened: tuple[ReplayedProcess, ServingReplayer] | None = None

    def close(self) -> None:
        """End the replay, if there has been one."""
        if self._opened is not None:
            for opened in self._opened:
                opened.close()

    def paths(self, event: Event) -> dict[int, bytes]:
        """The paths of a system call by number of argument; events have to come in order.

        Errors: `ReenactError` where the process cannot be replayed so far.
        """
        wanted = _path_arguments(event.code) if event.kind == "syscall" else ()
        addresses = {number: event.args[number] for number in wanted if event.args[number]}
        if not addresses:
            return {}
        if self._opened is None:
            self._opened = open_process(self._trace, self._process)
        replayed = self._opened[0]
        if event.index < replayed.history.start[0]:
            return {}
        replayed.goto((event.index, 0))
        found = {}
        for number, address in addresses.items():
            content, zero, _ = replayed.present.read(address, _LONGEST).partition(b"\0")
            if zero:
                found[number] = content
        return found


@functools.cache
def _path_arguments(number: int) -> tuple[int, ...]:
    return tuple(_native.path_arguments(number))
