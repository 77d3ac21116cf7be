"""What system calls were given, paths and bytes: it is in the program's memory, not in the log."""

from __future__ import annotations

import functools
from collections.abc import Callable

from reenact import _native
from reenact.events import Event
from reenact.session.interface import ReplayedProcess
from reenact.session.opening import open_process
from reenact.session.recorded_trace import RecordedTrace
from reenact.session.serving import ServingReplayer

#: Reads memory: address, length; shorter where it ends.
Read = Callable[[int, int], bytes]
#: PATH_MAX of Linux, with the zero at the end.
_LONGEST = 4096


class ArgumentReader:
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
        read = self._at(event) if addresses else None
        if read is None:
            return {}
        found = {}
        for number, address in addresses.items():
            content, zero, _ = read(address, _LONGEST).partition(b"\0")
            if zero:
                found[number] = content
        return found

    def content(self, event: Event, argument: int, length: int) -> bytes:
        """The bytes behind an argument of a system call; fewer where memory ends.

        Arguments:
            event: the call; events have to come in order.
            argument: its number.
            length: of the bytes.

        Errors: `ReenactError` where the process cannot be replayed so far.
        """
        address = event.args[argument]
        read = self._at(event) if address and length > 0 else None
        return b"" if read is None else read(address, length)

    def given(self, event: Event, most: int | None = None) -> list[tuple[int, bytes]]:
        """The bytes that a system call gave to a file, a pipe or a socket, and where they were.

        Arguments:
            event: the call; events have to come in order.
            most: no more bytes than these; None: all.

        Errors: `ReenactError` where the process cannot be replayed so far.
        """
        if event.kind != "syscall" or event.result <= 0:
            return []
        read = self._at(event) if _native.content_target(event.code) is not None else None
        if read is None:
            return []
        length = event.result if most is None else min(event.result, most)
        ranges = _native.content_ranges(event.code, event.args, length, read) or []
        return [(address, read(address, size)) for address, size in ranges]

    def _at(self, event: Event) -> Read | None:
        """What reads memory when an event has taken effect; None: before there is a program."""
        if self._opened is None:
            self._opened = open_process(self._trace, self._process)
        replayed = self._opened[0]
        if event.index < replayed.history.start[0]:
            return None
        replayed.goto((event.index, 0))
        return replayed.present.read


@functools.cache
def _path_arguments(number: int) -> tuple[int, ...]:
    return tuple(_native.path_arguments(number))
