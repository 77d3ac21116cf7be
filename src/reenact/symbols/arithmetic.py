"""The arithmetic of C: promotions, conversions, and numbers that wrap. Pure."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Union

from reenact.errors import UsageError
from reenact.symbols.floats import DOUBLE, EXTENDED, SINGLE, Exact, as_float, rounded

_INT = 4
_FORMATS = {4: SINGLE, 8: DOUBLE, 16: EXTENDED}
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


@dataclass(frozen=True)
class Real:
    """A floating-point number of a type: 4, 8 or 16 bytes."""

    value: Exact
    size: int = DOUBLE.size


#: What is computed with.
Operand = Union[Whole, Real]


def promoted(operand: Operand) -> Operand:
    """A number as C computes with it: what is smaller than an int becomes one."""
    if isinstance(operand, Real) or operand.size >= _INT:
        return operand
    return Whole(operand.value)


def is_true(operand: Operand) -> bool:
    """Whether it is not zero."""
    return bool(operand.value)


def unary(sign: str, operand: Operand) -> Operand:
    """`-a`, `+a`, `~a`, `!a`. Errors: `UsageError` for the bits of a floating-point number."""
    if sign == "!":
        return Whole(int(not is_true(operand)))
    operand = promoted(operand)
    if isinstance(operand, Real):
        if sign == "~":
            raise UsageError("a floating-point number has no bits to invert")
        return Real(-operand.value, operand.size) if sign == "-" else operand
    value = {"-": -operand.value, "+": operand.value, "~": ~operand.value}[sign]
    return operand.wrapped(value)


def binary(sign: str, left: Operand, right: Operand) -> Operand:
    """Any operator with two operands but `&&` and `||`.

    Errors: `UsageError` for what means nothing: a division by zero, the bits of a floating-point
    number, a shift by more bits than there are.
    """
    left, right = promoted(left), promoted(right)
    if isinstance(left, Real) or isinstance(right, Real):
        sizes = [one.size for one in (left, right) if isinstance(one, Real)]
        return _real(sign, left, right, max(sizes))
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


def _real(sign: str, left: Operand, right: Operand, size: int) -> Operand:
    """In the larger of the types that have fractions."""
    one, other = (rounded(_exact(value.value), _FORMATS[size]) for value in (left, right))
    if sign in _COMPARISONS:
        return Whole(int(_COMPARISONS[sign](one, other)))
    if sign not in ("+", "-", "*", "/"):
        raise UsageError(f"floating-point numbers have no {sign}")
    return Real(rounded(_computed(sign, one, other), _FORMATS[size]), size)


def _exact(number: int | Exact) -> Exact:
    if not isinstance(number, int):
        return number
    return Fraction(number) if number else 0.0


def _computed(sign: str, one: Exact, other: Exact) -> Exact:
    """Exact where it can be, and as the processor does it else."""
    is_plain = isinstance(one, float) and isinstance(other, float)
    if is_plain or not (math.isfinite(as_float(one)) or isinstance(one, Fraction)):
        return _of_processor(sign, as_float(one), as_float(other))
    if not (isinstance(other, Fraction) or math.isfinite(other)):
        return _of_processor(sign, as_float(one), as_float(other))
    if sign == "/":
        if not other:
            return _divided_by_zero(as_float(one), as_float(other))
        return Fraction(one) / Fraction(other)
    found: Fraction = _OPERATIONS[sign](Fraction(one), Fraction(other))
    return found if found else 0.0


def _of_processor(sign: str, left: float, right: float) -> float:
    if sign == "/":
        return left / right if right else _divided_by_zero(left, right)
    return float(_OPERATIONS[sign](left, right))


def _divided_by_zero(left: float, zero: float) -> float:
    if left == 0 or math.isnan(left):
        return math.nan
    return math.copysign(math.inf, left) * math.copysign(1.0, zero)
