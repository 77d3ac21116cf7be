"""Call frames, and the registers in them by their DWARF numbers. Pure values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

#: Reads the program's memory: address, length; shorter where it ends.
Read = Callable[[int, int], bytes]
#: What a register, by its DWARF number, had in it at the call of a frame; None: not known.
EntryValue = Callable[[int], "int | None"]

#: General registers by DWARF number (System V ABI, AMD64 supplement, figure 3.36); 16 is the
#: return address.
DWARF_REGISTERS = (
    "rax", "rdx", "rcx", "rbx", "rsi", "rdi", "rbp", "rsp",
    "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "rip",
)  # fmt: skip
RSP = DWARF_REGISTERS.index("rsp")
RIP = DWARF_REGISTERS.index("rip")
#: Of xmm0; xmm1 to xmm15 follow.
XMM0 = 17


@dataclass(frozen=True)
class FrameContext:
    """What the native part wants to know of a frame (see `_native.Module.locate`)."""

    registers: tuple[int | None, ...]
    bias: int
    frame_address: int | None
    thread_local: int | None
    read: Read
    entry_value: EntryValue | None = None


@dataclass(frozen=True)
class Frame:
    """A function that is being executed: a call frame, or a call inlined into one.

    Arguments:
        level: 0 is the innermost.
        address: the instruction that is next (level 0), or the return address.
        function: demangled name; None where nothing names it.
        file, line: of the source; None without debug information.
        is_inlined: the call was inlined into the function of the next level.
        registers: by DWARF number; None where no longer known.
        frame_address: canonical frame address, rsp before the call; None where not known.
        lookup_address: an address inside of the instruction that is executed.
        depth: how many levels of inlined calls lie inside of this one in the same call frame.
    """

    level: int
    address: int
    function: str | None
    file: str | None
    line: int | None
    is_inlined: bool
    registers: tuple[int | None, ...] = field(repr=False)
    frame_address: int | None = field(repr=False)
    lookup_address: int = field(repr=False)
    depth: int = field(default=0, repr=False)

    def __repr__(self) -> str:
        return f"<{self}>"

    def __str__(self) -> str:
        name = self.function or "??"
        place = f" at {self.file}:{self.line}" if self.file else ""
        return f"#{self.level} {self.address:#x} in {name}{place}"
