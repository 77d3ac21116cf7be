"""Calls of the program's functions in a branch of a session: its clock, its output, its vDSO."""

from __future__ import annotations

import contextlib
import functools
import sys
from collections.abc import Callable, Sequence
from typing import Union

from reenact import _native
from reenact.errors import UsageError
from reenact.session.branches import call, run_to_return
from reenact.session.copy_calls import Clock, CopyCalls
from reenact.session.images import image_at
from reenact.session.interface import StoppedProcess
from reenact.session.positions import Position
from reenact.session.recorded_trace import RecordedTrace
from reenact.session.values import Registers

#: What is printed in a branch: 1 or 2 for standard output or error, and the bytes.
Printed = Callable[[int, bytes], object]


class BranchCalls:
    """Calls functions in one branch.

    Arguments:
        trace: the trace.
        position: where the branch began.
        copy: the branch.
        flushers: finds functions such as `fflush`, which write what is buffered.
    """

    def __init__(
        self,
        trace: RecordedTrace,
        position: Position,
        copy: StoppedProcess,
        flushers: Callable[[], Sequence[int]],
    ) -> None:
        self._trace = trace
        self._position = position
        self._copy = copy
        self._find_flushers = flushers

    def call(
        self, function: int, arguments: Sequence[Union[int, float]], printed: Printed
    ) -> Registers:
        """Call a function; the registers behind it. Those of the branch stay as before.

        Arguments:
            function: its address.
            arguments: as `reenact.session.branches.call` takes them.
            printed: called with what it prints.

        Errors: `UsageError` when the function does what a branch cannot do.
        """
        self._flush(_nowhere)
        try:
            return call(self._copy, function, arguments, self._calls(printed), self._detours)
        finally:
            self._flush(printed)

    def run_prepared(self, printed: Printed) -> Registers:
        """Run a function whose registers and stack are prepared; the registers behind it.

        Arguments and errors: as for `call`.
        """
        prepared = self._copy.registers()
        self._flush(_nowhere)
        try:
            self._copy.set_registers(prepared)
            return run_to_return(self._copy, self._calls(printed), self._detours)
        finally:
            self._flush(printed)

    def _flush(self, printed: Printed) -> None:
        """Write what the program has buffered: what a function prints would stay there."""
        before = self._copy.registers()
        for flusher in self._flushers:
            # Another thread may hold the lock of a file; then there is nothing to be seen.
            with contextlib.suppress(UsageError):
                call(self._copy, flusher, (0,), self._calls(printed), self._detours)
        self._copy.set_registers(before)

    def _calls(self, printed: Printed) -> CopyCalls:
        start = self._trace.manifest.start_ns
        elapsed = 0
        number, event = self._position.process, self._position.event
        for found in self._trace.events(number, event, event):
            elapsed = int(found.seconds * 1e9)
        pid = next((p.pid for p in self._trace.processes if p.number == number), 0)
        return CopyCalls(self._copy, Clock(start + elapsed, elapsed), pid, printed)

    @functools.cached_property
    def _flushers(self) -> Sequence[int]:
        return self._find_flushers()[:1]

    @functools.cached_property
    def _detours(self) -> dict[int, int]:
        """Functions of the vDSO that stand for system calls: numbers by address."""
        position = self._position
        native = _native.Trace(self._trace.path)
        found = image_at(native, position.process, position.event)
        if found is None:
            return {}
        process, image = found
        events = self._trace.events(process, image.event, image.event, with_attachments=True)
        return {
            one.address: int.from_bytes(one.content[:8], "little")
            for event in events
            for one in event.attachments
            if one.tag == "detour"
        }


def to_streams(descriptor: int, content: bytes) -> None:
    """Show what is printed where a Python program prints."""
    stream = sys.stderr if descriptor == 2 else sys.stdout
    stream.write(content.decode("utf-8", "replace"))


def _nowhere(_descriptor: int, _content: bytes) -> None:
    """For what the program had printed itself, before the branch."""
