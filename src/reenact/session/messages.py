"""Requests to the replayer and its replies, as bytes. Pure: no I/O.

The format is in docs/internals/control-protocol.md.
"""

from __future__ import annotations

import enum
import struct
from collections.abc import Sequence
from dataclasses import dataclass

from reenact.errors import UsageError
from reenact.session.positions import Key

#: Longest message of either side, bytes.
LONGEST = 128 << 10
#: Most bytes of memory to ask for, or to write, at once.
MOST_MEMORY = 60 << 10
#: In a run: no such limit.
NEVER = 2**64 - 1
#: In the place of a number of instructions: nobody has counted them.
UNCOUNTED = 2**64 - 1

#: Accesses to watch for.
READ, WRITE = 1, 2
#: What does not count where a run begins.
BREAKPOINTS, ACCESSES = 1, 2

#: What a condition belongs to.
BREAKPOINT, WATCH = 1, 2
#: Kind, address of the breakpoint or number of the watch, the agent expression.
PointCondition = tuple[int, int, bytes]
#: Addresses of breakpoints, and an agent expression of each that is asked at its hits.
Codes = tuple[tuple[int, bytes], ...]

_HEADER = struct.Struct("<II")
_STATE = struct.Struct("<IIQQQQQ")
_HITS = struct.Struct("<Q")


class Operation(enum.IntEnum):
    """What a request asks for."""

    RUN = 1
    READ_REGISTERS = 2
    WRITE_REGISTERS = 3
    READ_MEMORY = 4
    WRITE_MEMORY = 5
    FORK = 6
    MAPPINGS = 7
    THREADS = 8
    HISTORY = 9
    BREAKPOINTS = 10
    STATE = 11
    INTERRUPT = 12
    RUN_FREE = 13
    WATCHES = 14
    CHECKSUM = 15
    CONDITIONS = 16
    EVALUATE = 17
    COLLECT = 18
    COLLECTED = 19
    MAP_MEMORY = 20
    THREAD_NAMES = 21
    HITS = 22


class Reply(enum.IntEnum):
    """The kinds of replies."""

    STOP = 1
    DATA = 2
    REFUSED = 3


class Reason(enum.IntEnum):
    """Why the replay stands where it stands."""

    START = 0
    TARGET = 1
    STEPS = 2
    LIMIT = 3
    BREAKPOINT = 4
    WATCH = 5
    CATCH = 6
    INTERRUPTED = 7
    END = 8
    FAILED = 9
    BEYOND = 10
    FREE = 11
    #: Watched memory has been accessed, and a condition that is asked behind that holds.
    WATCHED = 12
    #: What was collected has to be taken.
    COLLECTED = 13
    #: So many hits at the beginning of the run that it pays to look for them otherwise.
    MANY = 14


@dataclass(frozen=True)
class StopState:
    """Where a replaying process stands still, and why: `instructions` after `event`.

    `work`: how far places are from each other, in instructions of translated code; `detail` by
    reason: the address of the breakpoint, or kind and code of the event.
    """

    reason: Reason
    tid: int
    event: int
    instructions: int
    work: int
    detail: tuple[int, int]

    @property
    def key(self) -> Key:
        """The position, within the process."""
        return (self.event, self.instructions)


@dataclass(frozen=True)
class RunResult:
    """How a run has ended; with `hits` on the way, the last one in `remembered`."""

    state: StopState
    hits: int
    remembered: StopState | None
    message: str


@dataclass(frozen=True)
class CodeRange:
    """Code from `start` up to `end`, as one thread executes it."""

    start: int
    end: int
    thread: int


@dataclass(frozen=True)
class Run:
    """How far to run; `NEVER`: no such limit.

    Arguments:
        target: the place to stop at: event, and instructions since.
        steps: most steps, instructions and events that change registers.
        most_work: most work, as states tell it.
        most_event: last event to let take effect.
        catch: kinds of events to stop after, as bits.
        remember: remember the last breakpoint, watchpoint or catch instead of stopping at each.
        leave_here: where the run begins a breakpoint (`BREAKPOINTS`), an access to watched memory
            (`ACCESSES`) does not count.
        asks_behind: conditions of watched memory are asked behind an access, not before it.
        collects: where something is to be collected it is, and nothing is told.
        lists: what is remembered is listed, too: the last hits can be asked for.
        within: code that the run ends behind; with `seeks` the run goes on, and the last place
            outside of it is remembered.
        natively: by the program's own code up to the target's event, where that can be: what it
            executes on the way is not counted.
        ends_at_many: the run ends where it remembers many hits at its beginning.
    """

    target: tuple[int, int] = (NEVER, 0)
    steps: int = NEVER
    most_work: int = NEVER
    most_event: int = NEVER
    catch: int = 0
    remember: bool = False
    leave_here: int = 0
    asks_behind: bool = False
    collects: bool = False
    lists: bool = False
    within: CodeRange | None = None
    seeks: bool = False
    natively: bool = False
    ends_at_many: bool = False

    def pack(self) -> bytes:
        """The request's content."""
        within = self.within or CodeRange(0, 0, 0)
        return words(
            *self.target,
            self.steps,
            self.most_work,
            self.most_event,
            self.catch,
            int(self.remember),
            self.leave_here,
            self.asks_behind
            | self.collects << 1
            | self.seeks << 2
            | self.lists << 3
            | self.natively << 4
            | self.ends_at_many << 5,
            within.start,
            within.end,
            within.thread,
        )


def words(*values: int) -> bytes:
    """64-bit words, little-endian. Errors: `UsageError` for a number that is none."""
    try:
        return struct.pack(f"<{len(values)}Q", *values)
    except struct.error:
        wrong = next(value for value in values if not 0 <= value <= NEVER)
        raise UsageError(
            f"{wrong:#x} is no address or size", "addresses and sizes have 64 bits, without a sign"
        ) from None


def conditions(found: Sequence[PointCondition]) -> bytes:
    """The content of `Operation.CONDITIONS`: all there are."""
    parts = [words(1)]
    for kind, place, code in found:
        parts += [words(kind, place, len(code)), code]
    return b"".join(parts)


def collections(found: Sequence[tuple[int, bytes]], *, is_first: bool) -> bytes:
    """The content of `Operation.COLLECT`; where `is_first` all others are forgotten."""
    parts = [words(is_first)]
    for address, code in found:
        parts += [words(address, len(code)), code]
    return b"".join(parts)


def request(operation: Operation, content: bytes = b"", tag: int = 0) -> bytes:
    """A whole request; its reply will have the same tag."""
    return _HEADER.pack(operation, tag) + content


def reply_kind(message: bytes) -> Reply:
    """The kind of a reply. Errors: `ValueError` for what is no reply."""
    if len(message) < _HEADER.size:
        raise ValueError("a reply without a header")
    return Reply(_HEADER.unpack_from(message)[0])


def reply_tag(message: bytes) -> int:
    """The tag of the request that a reply answers. Errors: `ValueError` for what is no reply."""
    if len(message) < _HEADER.size:
        raise ValueError("a reply without a header")
    return int(_HEADER.unpack_from(message)[1])


def content(message: bytes) -> bytes:
    """What a reply holds behind its header."""
    return message[_HEADER.size :]


def stopped(message: bytes) -> RunResult:
    """Take a `Reply.STOP` apart. Errors: `ValueError`, `struct.error`."""
    at = _HEADER.size
    state = _stop_state(message, at)
    at += _STATE.size
    (hits,) = _HITS.unpack_from(message, at)
    at += _HITS.size
    remembered = None
    if message[at : at + 4] != b"\xff\xff\xff\xff":
        remembered = _stop_state(message, at)
    text = message[at + _STATE.size :].decode("utf-8", "replace")
    return RunResult(state, hits, remembered, text)


def hits(content: bytes) -> list[StopState]:
    """Take the answer to `Operation.HITS` apart. Errors: `ValueError`, `struct.error`."""
    return [_stop_state(content, at) for at in range(0, len(content), _STATE.size)]


def _stop_state(message: bytes, at: int) -> StopState:
    reason, tid, event, instructions, work, first, second = _STATE.unpack_from(message, at)
    return StopState(Reason(reason), tid, event, instructions, work, (first, second))
