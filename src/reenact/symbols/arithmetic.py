"""The arithmetic of C: promotions, conversions, and numbers that wrap. Pure."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Union

from reenact.errors import UsageError

_INT = 4
_OPERATIONS: dict[str, Callable[[Any, Any], Any]] = {
    "|": operator.or_, "^": operator.xor, "&": operator.and_, "+": operator.add,
    "-": operator.sub, "*": operator.mul,
}  # fmt: skip
_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, ">": operator.gt,
    "<=": operator.le, ">=": operator.ge,
}  # fmt: skip


@dataclass(frozen=True)
class Whole:
    """A whole number of a type: its bytes, and whether it has a sign."""

    value: int
    size: int = _INT
    is_signed: bool = True

    def wrapped(self, value: int) -> Whole:
        """Another value of this type: what does not fit is cut off."""
        width = 8 * self.size
        value &= (1 << width) - 1
        if self.is_signed and value >> (width - 1):
            value -= 1 << width
        return Whole(value, self.size, self.is_signed)


#: What is computed with.
Operand = Union[Whole, float]


def promoted(operand: Operand) -> Operand:
    """A number as C computes with it: what is smaller than an int becomes one."""
    if isinstance(operand, float) or operand.size >= _INT:
        return operand
    return Whole(operand.value)


def is_true(operand: Operand) -> bool:
    """Whether it is not zero."""
    return bool(operand if isinstance(operand, float) else operand.value)


def unary(sign: str, operand: Operand) -> Operand:
    """`-a`, `+a`, `~a`, `!a`. Errors: `UsageError` for the bits of a floating-point number."""
    if sign == "!":
        return Whole(int(not is_true(operand)))
    operand = promoted(operand)
    if isinstance(operand, float):
        if sign == "~":
            raise UsageError("a floating-point number has no bits to invert")
        return -operand if sign == "-" else operand
    value = {"-": -operand.value, "+": operand.value, "~": ~operand.value}[sign]
    return operand.wrapped(value)


def binary(sign: str, left: Operand, right: Operand) -> Operand:
    """Any operator with two operands but `&&` and `||`.

    Errors: `UsageError` for what means nothing: a division by zero, the bits of a floating-point
    number, a shift by more bits than there are.
    """
    left, right = promoted(left), promoted(right)
    if isinstance(left, float) or isinstance(right, float):
        return _real(sign, _as_real(left), _as_real(right))
    if sign in ("<<", ">>"):
        if not 0 <= right.value < 8 * left.size:
            raise UsageError(f"a shift by {right.value} bits means nothing")
        shift = operator.lshift if sign == "<<" else operator.rshift
        return left.wrapped(shift(left.value, right.value))
    kind = _common(left, right)
    one, other = kind.wrapped(left.value).value, kind.wrapped(right.value).value
    if sign in _COMPARISONS:
        return Whole(int(_COMPARISONS[sign](one, other)))
    if sign in _OPERATIONS:
        return kind.wrapped(_OPERATIONS[sign](one, other))
    if other == 0:
        raise UsageError("division by zero")
    # C rounds towards zero, and the rest has the sign of what is divided.
    quotient = abs(one) // abs(other) * (1 if (one < 0) == (other < 0) else -1)
    return kind.wrapped(quotient if sign == "/" else one - quotient * other)


def _common(left: Whole, right: Whole) -> Whole:
    """A number of the type that both are converted to."""
    size = max(left.size, right.size)
    is_signed = all(one.is_signed or one.size < size for one in (left, right))
    return Whole(0, size, is_signed)


def _as_real(operand: Operand) -> float:
    return operand if isinstance(operand, float) else float(operand.value)


def _real(sign: str, left: float, right: float) -> Operand:
    if sign in _COMPARISONS:
        return Whole(int(_COMPARISONS[sign](left, right)))
    if sign == "/":
        return left / right if right else _divided_by_zero(left, right)
    if sign in ("+", "-", "*"):
        return float(_OPERATIONS[sign](left, right))
    raise UsageError(f"floating-point numbers have no {sign}")


def _divided_by_zero(left: float, zero: float) -> float:
    """As the processor does it."""
    if left == 0 or math.isnan(left):
        return math.nan
    return math.copysign(math.inf, left) * math.copysign(1.0, zero)
