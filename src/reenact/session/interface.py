"""The contract between a session and a replayed process: all that sessions are made of.

A session asks for movements and looks at what stands still; who replays, where copies of the
process wait, and how it is talked to is the business of what implements this (`Navigator`, and
`ReplayerConnection` for one process). Addresses mean nothing here: symbols are above.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol, Union

from reenact.session.history import History
from reenact.session.messages import CodeRange, Codes, RunResult, StopState
from reenact.session.points import Point, Points
from reenact.session.positions import Key
from reenact.session.values import Mapping, Registers

#: Decides whether a session stops where `ReplayedProcess.present` has stopped meanwhile.
Judge = Callable[[StopState], Union[Point, None]]


class MovementInterrupted(Exception):  # noqa: N818 (no error: somebody wanted it)
    """A movement has ended because somebody wanted it to; the process stands where it had come."""


class Visitor(Protocol):
    """Looks at each hit of a stretch of the replay, in order."""

    @property
    def found(self) -> StopState | None:
        """Where to go to, once the stretch is over; None: not in this one."""

    def visit(self, state: StopState | None) -> None:
        """The process that is looked at is at a hit; None: at the end of the stretch."""


@dataclass(frozen=True)
class Collecting:
    """What is collected at hits on the way, in place of stopping at each.

    Arguments:
        codes: agent expressions, and the address of the breakpoint at whose hits each is asked.
        last_event: the event behind which they are no longer right.
        instructions: how far to go at once.
        leave_here: what has been told at the present (`messages.BREAKPOINTS` and `ACCESSES`).
    """

    codes: Codes
    last_event: int
    instructions: int
    leave_here: int


@dataclass(frozen=True)
class Collected:
    """The records of some hits; `docs/internals/control-protocol.md` says what is in them.

    Arguments:
        records: of all hits up to where the process stands, but one that is told.
        result: where it stands.
        point: what says to stop there, where the replayer could not collect; None: go on.
        leave_here: what has been told where the process stands; None: nothing follows, or
            somebody interrupts.
    """

    records: bytes
    result: RunResult
    point: Point | None
    leave_here: int | None


class StoppedProcess(Protocol):
    """A process that stands still: the present, a copy at another position, or a branch.

    Errors of all methods: `ReplayError` when the replayer has died or the session was closed.
    """

    #: The replaying process.
    pid: int
    #: Whether its registers or memory were changed: a branch.
    is_changed: bool

    @property
    def state(self) -> StopState:
        """Where it stands, and why."""

    def registers(self, tid: int = 0) -> Registers:
        """Registers of a thread; 0: of the running one."""

    def read(self, address: int, length: int) -> bytes:
        """Memory from `address` on, as much of it as can be read."""

    def checksum(self, address: int, length: int) -> tuple[int, int]:
        """How many bytes from `address` on can be read, up to `length`, and their checksum."""

    def threads(self) -> tuple[int, list[int]]:
        """The running thread (0: none), and all others."""

    def thread_names(self, tids: Sequence[int]) -> list[bytes]:
        """What threads are called in the kernel, in this order; empty where it is not known."""

    def mappings(self) -> list[Mapping]:
        """All mappings of the program."""

    def evaluate(self, code: bytes) -> int | None:
        """The value of an agent expression for the running thread; None: it has none here."""

    # What changes it: only of a branch.

    def set_registers(self, registers: Registers) -> None:
        """Replace the running thread's registers."""

    def write(self, address: int, content: bytes) -> None:
        """Write memory, whatever its protection."""

    def map(self, address: int, length: int, protection: int) -> None:
        """Map memory that is zero: whole pages, in place of what is there."""

    def run_free(self, limit: int) -> RunResult:
        """Execute up to `limit` instructions without events."""


class ReplayedProcess(Protocol):
    """One recorded process, replayed, at one position: its present.

    Movements raise `MovementInterrupted` after `interrupt`, `UsageError` for positions that do
    not exist and where a condition asks for one, and `ReplayError` when the replayer has died.
    """

    @property
    def present(self) -> StoppedProcess:
        """What stands at the present; inside `branch` and a `Judge` the copy that is meant."""

    @property
    def key(self) -> Key:
        """Where `present` stands."""

    @property
    def state(self) -> StopState:
        """Where `present` stands, and why; asks less than `present.state`."""

    @property
    def history(self) -> History:
        """The events behind the furthest position that was ever reached, up to the present."""

    @property
    def end(self) -> StopState | None:
        """The last position, once it is known."""

    def find_end(self) -> StopState:
        """The last position, replaying all once; interrupted, as far as it came. Moves nothing."""

    def mappings_at_start(self) -> list[Mapping]:
        """All mappings at the first position."""

    # Movements

    def movement(self) -> AbstractContextManager[None]:
        """Movements that `interrupt` ends as one: after it each of them ends at once."""

    def return_to(self, key: Key) -> None:
        """Go back to where a movement began that was interrupted; not interrupted itself."""

    def goto(self, key: Key) -> RunResult:
        """Move to a position; points do not count."""

    def step(self, steps: int, points: Points | None = None) -> RunResult:
        """So many steps; with `points`, which of them was hit last is remembered."""

    def forward(
        self,
        points: Points,
        judge: Judge,
        ceiling: Key | None = None,
        steps: int | None = None,
        within: CodeRange | None = None,
    ) -> tuple[RunResult, Point | None]:
        """Run to the next hit; without one to `ceiling`, for `steps`, out of `within`, or on."""

    def collect(self, points: Points, judge: Judge, wanted: Collecting) -> Collected:
        """Some way forward, collecting at hits; an interrupt is told, it raises nothing."""

    def last_outside(self, within: CodeRange, floor: Key) -> StopState | None:
        """The last place of a thread before the present in other code; moves nothing."""

    def backward(
        self, points: Points, judge: Judge, floor: Key | None = None
    ) -> tuple[StopState, Point | None]:
        """Back to the last hit, not before `floor`; without one to the floor or the start."""

    def backward_along(self, points: Points, visitor: Callable[[], Visitor], floor: Key) -> bool:
        """Back to where a visitor says, one for each stretch; False: nowhere, so to the floor."""

    def next_access(self, points: Points) -> StopState | None:
        """The access to watched memory that the next step makes, if it makes one."""

    def interrupt(self) -> None:
        """Have the movement that another thread waits for end; without one nothing happens."""

    # Copies

    def judging(self) -> AbstractContextManager[None]:
        """While something decides about a hit: it may look at `present`, movements are refused."""

    def branch(self) -> AbstractContextManager[None]:
        """`present` is a copy that may be changed, and is thrown away at the end."""

    def close(self) -> None:
        """End all of it."""
