"""When a register of a call frame got its value: the instruction of that function that changed it.

What functions that it calls do with the register does not count, as long as they restore it. The
replayer asks at each instruction of the function, in frames of that depth, whether the register
has another value; going back, the last of these places is right before the change.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from reenact.errors import UsageError
from reenact.session.movements import Movements
from reenact.session.points import AgentCode, Breakpoint, Point, Points
from reenact.session.values import Stop, StopReason
from reenact.session.view import View
from reenact.symbols.frames import DWARF_REGISTERS, RSP, Frame

#: Addresses that are asked about at once: the replayer is told in one message.
_MOST_AT_ONCE = 1500
#: Longest function that is looked through, bytes.
_LONGEST = 1 << 16
#: Callers that are looked at: a value may have been handed down.
_MOST_CALLERS = 64
#: Instructions of a called function, before its return, that are looked through.
_MOST_INSIDE = 4000
_WORD = 8
#: gdb's numbers, which agent expressions have, by the order of DWARF_REGISTERS.
_AGENT_NUMBERS = (0, 3, 2, 1, 4, 5, 6, 7, *range(8, 16))
#: Instructions of agent expressions ("Bytecode Descriptions" in gdb's manual, appendix F).
_LOG_NOT, _AND, _EQUAL, _LESS, _CONSTANT, _REGISTER, _END = 0x0E, 0x0F, 0x13, 0x15, 0x25, 0x26, 0x27


@dataclass(frozen=True)
class _Call:
    """A call frame and a register in it.

    Arguments:
        code: the function's addresses.
        stack, base: where the stack pointer of the call is: from `stack` on, below `base`.
        value: of the register.
    """

    code: range
    stack: int
    base: int
    value: int


class RegisterChanges:
    """Moves a session to changes of a register; its own points do not count.

    Arguments:
        movements: moves it by points.
        view: where it stands.
        number: the register, by DWARF's number.

    Errors: `UsageError` for a register whose changes cannot be followed.
    """

    def __init__(self, movements: Movements, view: View, number: int) -> None:
        if not 0 <= number < len(_AGENT_NUMBERS):
            raise UsageError(
                "changes of this register cannot be followed",
                "they can be of general registers; step over the line, and look at it again",
            )
        if number == RSP:
            raise UsageError("rsp changes with every call", "name another register")
        self._movements = movements
        self._view = view
        self._number = number

    def last(self, level: int, thread: int | None) -> Stop:
        """Back to right before the register got its value; else to the start."""
        call = self._call(self._view.frame(level, thread)[0])
        for _ in range(_MOST_CALLERS):
            stop = self._last_in(call)
            if stop.reason == StopReason.BREAKPOINT:
                return self._changed(self._inside(stop, call.value))
            if stop.reason != StopReason.WATCHPOINT or self._value() != call.value:
                return stop
            # The caller has handed it down.
            call = self._call(self._view.frame(0, None)[0])
        return self._movements.here()

    def next(self, level: int, thread: int | None) -> Stop:
        """On to right after the register changes, at most to where the function returns."""
        frame = self._view.frame(level, thread)[0]
        call = self._call(frame)
        address = int.from_bytes(self._view.read(call.base - _WORD, _WORD), "little")
        back = _point([address], _is_between(call.base, call.base + 1))
        best: Stop | None = None
        origin = self._movements.here().position
        for part in _parts(call.code):
            self._movements.goto((origin.event, origin.instructions))
            ceiling = None if best is None else (best.position.event, best.position.instructions)
            stop = self._movements.forward(
                [_point(part, self._is_other(call)), back], alone=True, ceiling=ceiling
            )
            if best is None or stop.position < best.position:
                best = stop
        if best is None:
            return self._movements.here()
        self._movements.goto((best.position.event, best.position.instructions))
        if best.reason == StopReason.BREAKPOINT and best.address != address:
            return self._changed(best)
        return self._movements.here() if best.reason == StopReason.BREAKPOINT else best

    # Inside

    def _call(self, frame: Frame) -> _Call:
        name = DWARF_REGISTERS[self._number]
        value, stack, base = (
            frame.registers[self._number],
            frame.registers[RSP],
            frame.frame_address,
        )
        if value is None:
            raise UsageError(
                f"the value of {name} in this frame is no longer known",
                "ask for it in the innermost frame",
            )
        code = self._view.space().code_of(frame.lookup_address)
        if stack is None or base is None or code is None:
            raise UsageError(f"nothing tells which function frame {frame.level} is of")
        if len(code) > _LONGEST:
            raise UsageError(
                f"{frame.function} is too long to look for changes of {name} in it",
                "step over its lines, and look at it again",
            )
        return _Call(code, stack, base, value)

    def _value(self) -> int:
        return self._view.registers(None)[DWARF_REGISTERS[self._number]]

    def _is_other(self, call: _Call) -> bytes:
        """Whether the register has another value, in this call."""
        number = _AGENT_NUMBERS[self._number]
        differs = _register(number) + _constant(call.value) + bytes((_EQUAL, _LOG_NOT))
        return differs + _is_between(call.stack, call.base) + bytes((_AND,))

    def _last_in(self, call: _Call) -> Stop:
        """Back to the change in a call, or to where it was made."""
        origin = self._movements.here().position
        entry: Point = Points().add_watch(call.base - _WORD, _WORD, "write", None)
        found: Stop | None = None
        for part in _parts(call.code):
            self._movements.goto((origin.event, origin.instructions))
            floor = None if found is None else (found.position.event, found.position.instructions)
            points = [_point(part, self._is_other(call)), entry]
            stop = self._movements.backward(points, alone=True, floor=floor)
            if found is None or stop.position > found.position:
                found = stop
        if found is None:
            return self._movements.here()
        self._movements.goto((found.position.event, found.position.instructions))
        return found

    def _inside(self, stop: Stop, value: int) -> Stop:
        """Where a call made the change: the last instruction in it that did, if it is near."""
        self._movements.step(1)
        if self._value() == value:
            return self._movements.goto((stop.position.event, stop.position.instructions))
        registers = self._view.registers(None)
        address = int.from_bytes(self._view.read(registers.rsp, _WORD), "little")
        back = _point([address], _is_between(registers.rsp + _WORD, registers.rsp + _WORD + 1))
        if self._movements.forward([back], alone=True).reason == StopReason.BREAKPOINT:
            for _ in range(_MOST_INSIDE):
                before = self._movements.back(1)
                if before.position <= stop.position:
                    break
                if self._value() != value and before.thread == stop.thread:
                    return before
        return self._movements.goto((stop.position.event, stop.position.instructions))

    def _changed(self, stop: Stop) -> Stop:
        here = self._movements.here(StopReason.WATCHPOINT)
        return here if stop.position == here.position else stop


def _parts(code: range) -> Iterator[list[int]]:
    # Where no instruction begins the replay never comes to.
    for start in range(code.start, code.stop, _MOST_AT_ONCE):
        yield list(range(start, min(start + _MOST_AT_ONCE, code.stop)))


def _point(addresses: list[int], code: bytes) -> Breakpoint:
    condition = AgentCode({None: (code + bytes((_END,)),)})
    return Points().add_breakpoint(tuple(addresses), "a change", condition)


def _is_between(low: int, high: int) -> bytes:
    """Whether the stack pointer is from `low` on and below `high`."""
    stack = _register(_AGENT_NUMBERS[RSP])
    is_from = stack + _constant(low) + bytes((_LESS, _LOG_NOT))
    return is_from + stack + _constant(high) + bytes((_LESS, _AND))


def _register(number: int) -> bytes:
    return bytes((_REGISTER,)) + number.to_bytes(2, "big")


def _constant(value: int) -> bytes:
    return bytes((_CONSTANT,)) + value.to_bytes(8, "big")
