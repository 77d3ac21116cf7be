"""What a thread of the interpreter executes where the session stands: asked at each of many stops.

Only the few words that tell it are read; code objects are taken apart once.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from reenact.cpython.code import Code, KnownCode
from reenact.cpython.layouts import Layout
from reenact.cpython.objects import Objects
from reenact.cpython.reading import Reading, UnreadableError

_FIRST_OWN = 3
_TAGS = 3
_MOST_FRAMES = 100_000
#: Bytes of an instruction of the interpreter.
_UNIT = 2
_LAST = (1 << 64) - 1
_Known = Mapping[tuple[int, int], tuple[int, ...]]
#: Numbers of instructions by release series, and of what they become when they have run often.
#: `SEND`: waiting for another coroutine is no line of its own.
_SEND: _Known = {(3, 11): (123,), (3, 12): (123, 168), (3, 13): (104, 208), (3, 14): (106, 197)}
_YIELD_FROM: _Known = {(3, 9): (72,), (3, 10): (72,)}
_RERAISE: _Known = {
    (3, 10): (119,), (3, 11): (119,), (3, 12): (119,), (3, 13): (102,), (3, 14): (105,),
}  # fmt: skip
#: Jumps back, whether or not they let signals in.
_JUMP_BACK: _Known = {(3, 12): (140, 134)}


@dataclass(frozen=True)
class Executed:
    """A frame, and its instruction.

    Arguments:
        frame: address of it.
        code: what it executes.
        offset: of the instruction, in bytes from the first; below 0: none yet.
    """

    frame: int
    code: Code
    offset: int


def _bounded(read: Callable[[int, int], bytes]) -> Callable[[int, int], bytes]:
    """Reads nothing where no address is: pointers of a damaged interpreter lead anywhere."""

    def bounded(address: int, length: int) -> bytes:
        return read(address, length) if 0 <= address <= _LAST - length else b""

    return bounded


class ThreadState:
    """A thread of the interpreter, wherever the session stands.

    Arguments:
        read: memory there.
        layout: of the interpreter.
        address: of the thread's state.
        codes: code objects that have been taken apart.
    """

    def __init__(
        self,
        read: Callable[[int, int], bytes],
        layout: Layout,
        address: int,
        codes: KnownCode,
    ) -> None:
        self._read = _bounded(read)
        self._layout = layout
        self._address = address
        self._codes = codes
        #: Bytes of the word that tells a frame's instruction.
        self.width = 4 if layout.has_frame_objects else 8

    def word(self, address: int) -> int:
        """A pointer. Errors: `UnreadableError`."""
        found = self._read(address, 8)
        if len(found) < 8:
            raise UnreadableError(f"the program has no memory at {address:#x}")
        return int(struct.unpack("<Q", found)[0])

    @property
    def slots(self) -> list[int]:
        """Where pointers are that change when another frame becomes the innermost."""
        layout = self._layout
        if "thread.cframe" not in layout:
            return [self._address + layout["thread.current_frame"]]
        at = self._address + layout["thread.cframe"]
        held = self.word(at)
        return [at, held + layout["cframe.current_frame"]] if held else [at]

    @property
    def newest(self) -> int:
        """Address of the innermost frame of any kind; 0: there is none, or it cannot be told."""
        try:
            return self.word(self.slots[-1])
        except UnreadableError:
            return 0

    def slot(self, frame: int) -> int:
        """Where a frame has its instruction."""
        return frame + self._layout["frame.instruction"]

    def executed(self, frame: int) -> Executed | None:
        """What a frame executes; None: it is no frame of Python code."""
        layout = self._layout
        if not frame:
            return None
        try:
            if layout.version >= (3, 12):
                owner = self._read(frame + layout["frame.owner"], 1)
                if not owner or owner[0] >= _FIRST_OWN:
                    return None
            code = self.code_of(frame)
            return Executed(frame, code, self.offset(frame, code))
        except (UnreadableError, ValueError):
            return None

    @property
    def innermost(self) -> Executed | None:
        """What the innermost frame executes; None: it is no frame of Python code."""
        return self.executed(self.newest)

    def chain(self) -> Iterator[Executed]:
        """All frames, innermost first."""
        address = self.newest
        for _ in range(_MOST_FRAMES):
            if not address:
                return
            found = self.executed(address)
            if found is not None:
                yield found
            try:
                address = self.word(address + self._layout["frame.previous"])
            except UnreadableError:
                return

    def offset(self, frame: int, code: Code) -> int:
        """Offset of a frame's instruction, if it executes this code."""
        if self._layout.has_frame_objects:
            found = self._read(self.slot(frame), 4)
            if len(found) < 4:
                raise UnreadableError(f"the program has no memory at {frame:#x}")
            return code.unit * int(struct.unpack("<i", found)[0])
        return self.word(self.slot(frame)) - code.instructions

    def code_of(self, frame: int) -> Code:
        """The code a frame executes. Errors: `UnreadableError`, `ValueError` where it has none."""
        address = self.word(frame + self._layout["frame.code"])
        return self.code(address & ~_TAGS if self._layout.version >= (3, 14) else address)

    def code(self, address: int) -> Code:
        """A code object. Errors: `UnreadableError`, `ValueError` for what is none."""
        return self._codes.at(Objects(Reading(self._read), self._layout), address)

    def is_line(self, frame: int, code: Code, before: int | None, offset: int) -> bool:
        """Whether a line begins with an instruction: what `sys.settrace` calls a line.

        Arguments:
            frame: address of the frame.
            code: that it executes.
            before: offset of the instruction that the frame executed before; None: of none.
            offset: of the instruction.
        """
        line = code.line_at(offset) if offset > code.entry else None
        if line is None:
            return False
        if before is None or before <= code.entry:
            return True
        before = self._executed_before(frame, code, before, offset)
        if self._is_put_back(code, before, offset) or self._is_ahead(frame, code, before, offset):
            return False
        if self._layout.version < (3, 10):
            return offset < before or code.begins_stretch(offset)
        # Or back to the line's beginning, as in a loop of one line.
        is_back = offset < before and not self._is(code, offset, _SEND)
        return code.line_at(before) != line or is_back

    def _executed_before(self, frame: int, code: Code, before: int, offset: int) -> int:
        """What was executed before, where `_is_ahead` is what is noted."""
        is_noted = offset == before + _UNIT and self._is(code, before, _JUMP_BACK)
        return before - self._return_offset(frame) if is_noted else before

    def _is_put_back(self, code: Code, before: int, offset: int) -> bool:
        """Whether an instruction is only noted again, for who asks where an exception was raised,
        or for when a generator goes on; it is not executed.
        """
        if offset >= before:
            return False
        if self._is(code, before, _YIELD_FROM):
            return True
        return self._is(code, before, _RERAISE) and self._read_byte(code, before + 1) != 0

    def _is_ahead(self, frame: int, code: Code, before: int, offset: int) -> bool:
        """Whether the jump before the place to go on at is noted: a generator has ended (3.12)."""
        return self._is(code, offset, _JUMP_BACK) and (
            0 < offset - before == self._return_offset(frame)
        )

    def _return_offset(self, frame: int) -> int:
        """By how much a frame of 3.12 goes on further when what it has called returns, bytes."""
        return _UNIT * int.from_bytes(self._read(frame + 68, 2), "little")

    def _is(self, code: Code, offset: int, known: _Known) -> bool:
        return self._read_byte(code, offset) in known.get(self._layout.version, ())

    def _read_byte(self, code: Code, offset: int) -> int:
        return int.from_bytes(self._read(code.instructions + offset, 1), "little")
