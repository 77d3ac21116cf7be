"""Where a thread stands in the source: function, line and call frame, as steps compare them."""

from __future__ import annotations

from dataclasses import dataclass

from reenact.session.view import View
from reenact.symbols.frames import RSP, Frame

#: A line of a source: file and number.
Line = tuple[str, int]


@dataclass(frozen=True)
class Standing:
    """The innermost call frame of the running thread.

    Arguments:
        thread: its tid.
        address, stack: instruction and stack pointer.
        frame: canonical frame address, which no other living call has; None where not known.
        function: address of the function's first instruction; None where nothing tells.
        body: of its first instruction behind the prologue.
        lines: of the function, then of each call inlined into it, outermost first; None for one
            without debug information.
        names: of the functions, in the same order.
    """

    thread: int
    address: int
    stack: int
    frame: int | None
    function: int | None
    body: int | None
    lines: tuple[Line | None, ...]
    names: tuple[str | None, ...]

    @property
    def has_line(self) -> bool:
        """Whether debug information knows the line."""
        return self.lines[-1] is not None

    @property
    def is_in_prologue(self) -> bool:
        """Whether the function is entered, but its own code has not begun."""
        if self.function is None or self.body is None:
            return False
        return self.function <= self.address < self.body

    def is_same_call(self, other: Standing) -> bool:
        """Whether both are in one call of one function."""
        if self.thread != other.thread:
            return False
        # A compiler may have cut the function in two: then only its name is the same.
        is_named_alike = self.names[0] is not None and self.names[0] == other.names[0]
        if self.function != other.function and not is_named_alike:
            return False
        if self.frame is None or other.frame is None:
            return self.stack == other.stack
        return self.frame == other.frame


def standing(view: View, thread: int) -> Standing:
    """Where the running thread stands."""
    registers = view.registers(None)
    frames = []
    for frame in view.unwind(registers):
        frames.append(frame)
        if not frame.is_inlined:
            break
    innermost = frames[0]
    code = view.space().function_at(innermost.address)
    return Standing(
        thread=thread,
        address=innermost.address,
        stack=registers.rsp,
        frame=innermost.frame_address,
        function=None if code is None else code[0],
        body=None if code is None else code[1],
        lines=tuple(_line(frame) for frame in reversed(frames)),
        names=tuple(frame.function for frame in reversed(frames)),
    )


def calls(view: View) -> list[Frame]:
    """The call frames of the running thread, innermost first, each once."""
    return [frame for frame in view.unwind(view.registers(None)) if not frame.is_inlined]


def call_inside(frames: list[Frame], frame_address: int | None) -> int | None:
    """The number of the frame that was called by the one with a frame address, directly or not.

    None: the one with this address is not among them, or is the innermost.
    """
    for number, frame in enumerate(frames):
        if number > 0 and frame_address is not None and frame.frame_address == frame_address:
            return number - 1
    return None


def was_interrupted(frames: list[Frame], number: int) -> bool:
    """Whether a frame was interrupted by a signal, and has not made a call."""
    return number > 0 and frames[number].lookup_address == frames[number].address


def stack_of(frame: Frame) -> int | None:
    """The stack pointer a frame has when what it called returns."""
    return frame.registers[RSP]


def _line(frame: Frame) -> Line | None:
    return (frame.file, frame.line) if frame.file is not None and frame.line else None


def line_code(view: View, now: Standing) -> tuple[int, int] | None:
    """The code of the line where a thread stands; as long as it runs, one call does.

    None: not known, or the call of a function could begin in it, or of one that was inlined.
    """
    if len(now.lines) != 1 or not now.has_line:
        return None
    code = view.space().statement(now.address)
    if code is None or not code[0] <= now.address < code[1]:
        return None
    is_entered = now.function is None or code[0] <= now.function < code[1]
    return None if is_entered else code
