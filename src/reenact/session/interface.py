"""What can be done with a session: the contract between sessions and their front ends."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol, Union

from reenact.session.positions import Position
from reenact.session.values import Mapping, Registers, Stop, Thread

#: Where to go: a position, the index of an event, "start", "end", a text as `str(position)`
#: gives, or a percentage of all instructions such as "37.5%".
Where = Union[Position, int, str]

#: Called at a hit of a breakpoint or watchpoint, with the session standing there; a false result
#: goes on as if there had been no hit. It may look, but not move.
Condition = Callable[["SessionInterface"], object]


class Memory(Protocol):
    """The program's memory at the session's position."""

    def __getitem__(self, addresses: slice) -> bytes:
        """`memory[start:end]`. Errors: `ReplayError` where not all of it is mapped."""

    def read(self, address: int, length: int) -> bytes:
        """The bytes from `address` on, up to `length`: fewer where a byte cannot be read."""


class Point(Protocol):
    """A breakpoint, watchpoint or catchpoint; switched off by `is_enabled = False`."""

    is_enabled: bool

    def remove(self) -> None:
        """Take it away for good."""


class SessionInterface(Protocol):
    """A replayed process at a position that can be moved, in both directions.

    Movements return the `Stop` they ended with. Errors of all methods: `ReplayError` when the
    replayer has died (the session is of no use any more and says so), `UsageError` for what does
    not exist in this trace.
    """

    @property
    def process(self) -> int:
        """Number of the process in the trace."""

    @property
    def position(self) -> Position:
        """Where the session stands."""

    @property
    def start(self) -> Position:
        """The first position: no instruction has been executed."""

    def goto(self, where: Where) -> Stop:
        """Move to a position; breakpoints on the way do not count."""

    def stepi(self, count: int = 1) -> Stop:
        """Execute instructions of whatever thread runs; fewer at the end of the process.

        An event that changes registers (a system call, the entry of a signal handler, a switch
        to another thread) counts as one step.
        """

    def reverse_stepi(self, count: int = 1) -> Stop:
        """Undo `stepi`."""

    def continue_(self) -> Stop:
        """Run to the next breakpoint, watchpoint or catchpoint, or to the end."""

    def reverse_continue(self) -> Stop:
        """Run backwards to the latest stop before this position, or to the start."""

    def add_breakpoint(self, address: int, condition: Condition | None = None) -> Point:
        """Stop before the instruction at an address."""

    def watch(
        self,
        address: int,
        size: int = 8,
        kind: str = "write",
        condition: Condition | None = None,
    ) -> Point:
        """Stop when memory is accessed: going forwards after it, going backwards before it."""

    def last_write(self, address: int, size: int = 8) -> Stop:
        """Go back to right before some bytes were last written."""

    def next_write(self, address: int, size: int = 8) -> Stop:
        """Go to right after some bytes are written next."""

    @property
    def registers(self) -> Registers:
        """Registers of the running thread."""

    @property
    def memory(self) -> Memory:
        """The program's memory."""

    @property
    def threads(self) -> tuple[Thread, ...]:
        """All threads, by number."""

    @property
    def mappings(self) -> tuple[Mapping, ...]:
        """All of the program's mappings, in order of their addresses."""

    def branch(self) -> AbstractContextManager[None]:
        """`with session.branch():` the session stands in a copy that is thrown away at the end.

        In it `set_registers` and `write_memory` are allowed. History stays as it was.
        """

    def set_registers(self, registers: Registers) -> None:
        """Replace the running thread's registers. Errors: `UsageError` outside of a branch."""

    def write_memory(self, address: int, content: bytes) -> None:
        """Write to the program's memory. Errors: `UsageError` outside of a branch."""

    def close(self) -> None:
        """End the replayer; also done by `with`."""
