"""What a session hands out: stops, threads, registers, mappings. Pure: no I/O."""

from __future__ import annotations

import enum
import struct
from dataclasses import dataclass

from reenact.session.positions import Position


class StopReason(enum.Enum):
    """Why a movement came to its end."""

    #: At the position that was asked for.
    POSITION = "position"
    #: At the first position there is: nothing lies before it.
    START = "start"
    #: The process has ended here, or its log ends here: nothing follows.
    END = "end"
    BREAKPOINT = "breakpoint"
    #: Going forwards: right after the access; going backwards: right before it.
    WATCHPOINT = "watchpoint"
    #: An event that is being caught has just taken effect.
    CATCH = "catch"
    #: `Session.interrupt` was called.
    INTERRUPTED = "interrupted"
    #: The replay departs from the recording here; nothing follows.
    DIVERGENCE = "divergence"


@dataclass(frozen=True)
class EventInfo:
    """An event as a stop tells it.

    Arguments:
        index: counts the events of the process from 0.
        kind: one of `reenact.events.KINDS`.
        code: number of the system call, signal or instruction, by kind.
    """

    index: int
    kind: str
    code: int


@dataclass(frozen=True)
class Stop:
    """Where a movement has ended, and why.

    Arguments:
        reason: why.
        position: where.
        thread: the thread that runs there.
        address: of the breakpoint, or the first watched byte touched; None for other reasons.
        event: what was caught; at the end of a process that a signal ended, that; None for other
            reasons.
        message: for a divergence, in what the replay departs; at the start, why nothing is before
            it, where that is not the start of the process.
    """

    reason: StopReason
    position: Position
    thread: int
    address: int | None = None
    event: EventInfo | None = None
    message: str = ""

    def __str__(self) -> str:
        """One line: why, where, which thread."""
        parts = [f"{self.reason.value} at {self.position}", f"thread {self.thread}"]
        if self.address is not None:
            parts.append(f"address {self.address:#x}")
        if self.event is not None:
            parts.append(f"{self.event.kind} {self.event.code}")
        return ", ".join(filter(None, [*parts, self.message]))


#: General registers in the order in which they are logged (crates/trace/src/registers.rs).
REGISTER_NAMES = (
    "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
    "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15",
    "rip", "rflags", "fs_base", "gs_base",
)  # fmt: skip

_GENERAL = struct.Struct("<20Q")
#: Where the XSAVE area has xmm0 (Intel SDM volume 1, 13.4.2).
_VECTORS = 160
#: Which components are not in their initial state, and the bit of xmm0-15 (the same, 13.4.2).
_STATE_BITS, _SSE = 512, 2


@dataclass(frozen=True)
class Registers:
    """All registers of a thread at one position.

    Arguments:
        general: the values of `REGISTER_NAMES`, in that order.
        xsave: x87 and vector state as the XSAVE instruction stores it (standard format; Intel SDM
            volume 1, chapter 13): 160 bytes into it are xmm0-15.

    Example:
        >>> registers = Registers(tuple(range(20)), b"")
        >>> registers["rbx"], registers.rip, registers.rax
        (3, 16, 0)
        >>> session.registers.vector(0) == session.registers.xsave[160:176]
        True
    """

    general: tuple[int, ...]
    xsave: bytes

    def __repr__(self) -> str:
        values = (f"{name}={value:#x}" for name, value in zip(REGISTER_NAMES, self.general))
        return f"Registers({', '.join(values)})"

    def __getattr__(self, name: str) -> int:
        # Only asked for what is no field or method.
        if name in REGISTER_NAMES:
            return self.general[REGISTER_NAMES.index(name)]
        raise AttributeError(name)

    def __getitem__(self, name: str) -> int:
        try:
            return self.general[REGISTER_NAMES.index(name)]
        except ValueError:
            raise KeyError(name) from None

    @property
    def rip(self) -> int:
        """Address of the next instruction."""
        return self["rip"]

    @property
    def rsp(self) -> int:
        """Stack pointer."""
        return self["rsp"]

    def vector(self, number: int) -> bytes:
        """The 16 bytes of xmm0 to xmm15. Errors: `IndexError` for other numbers."""
        if not 0 <= number < 16:
            raise IndexError(f"there is no xmm{number}")
        start = _VECTORS + 16 * number
        return self.xsave[start : start + 16]

    def with_vector(self, number: int, content: bytes) -> Registers:
        """A copy with another value of xmm0 to xmm15: 16 bytes."""
        start = _VECTORS + 16 * number
        xsave = self.xsave[:start] + content + self.xsave[start + 16 :]
        # XSTATE_BV: the component is no longer in its initial state.
        marked = int.from_bytes(xsave[_STATE_BITS:][:8], "little") | _SSE
        xsave = xsave[:_STATE_BITS] + marked.to_bytes(8, "little") + xsave[_STATE_BITS + 8 :]
        return Registers(self.general, xsave)

    @staticmethod
    def from_bytes(content: bytes) -> Registers:
        """The registers the replayer sends: 20 words, then the XSAVE area."""
        return Registers(_GENERAL.unpack_from(content), bytes(content[_GENERAL.size :]))

    def to_bytes(self) -> bytes:
        """The inverse of `from_bytes`."""
        return _GENERAL.pack(*self.general) + self.xsave

    def replaced(self, **changes: int) -> Registers:
        """A copy with other values of general registers, for example `replaced(rax=1)`."""
        values = list(self.general)
        for name, value in changes.items():
            values[REGISTER_NAMES.index(name)] = value & 0xFFFF_FFFF_FFFF_FFFF
        return Registers(tuple(values), self.xsave)


@dataclass(frozen=True, repr=False)
class Thread:
    """A thread at one position.

    Arguments:
        tid: its number in the kernel.
        registers: of it.
        is_running: it is the one whose instruction is next.
        number: in the order in which the process has made its threads, the same at every position;
            1 is the first one. None: a child of `vfork`, which runs in its parent's place.
        name: what it is called at the position (`pthread_setname_np`, `prctl(PR_SET_NAME)`).
        pthread: what `pthread_self` gives in it, with the C libraries of Linux; 0: it has no such
            number, or not yet.
    """

    tid: int
    registers: Registers
    is_running: bool
    number: int | None = None
    name: str = ""
    pthread: int = 0

    def __repr__(self) -> str:
        runs = ", runs" if self.is_running else ""
        return f"<Thread {self.number} {self.name!r}, tid {self.tid}{runs}>"


@dataclass(frozen=True)
class Mapping:
    """A stretch of the program's memory.

    Arguments:
        start, end: addresses; `end` is one past the last byte.
        protection: "r", "w", "x" as the program asked for, "-" where not.
        file: number of the mapped file in the trace; None for anonymous memory.
        offset: in the file or the shared memory, of the byte at `start`.
        memory: number of the memory that it shares with others, the same in all processes that
            share it; 0: none that others write to.
    """

    start: int
    end: int
    protection: str
    file: int | None
    offset: int
    memory: int = 0

    def __repr__(self) -> str:
        file = "" if self.file is None else f" file {self.file} from {self.offset:#x}"
        return f"<{self.start:#x}-{self.end:#x} {self.protection}{file}>"
