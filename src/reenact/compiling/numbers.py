"""The arithmetic of C compiled: what `reenact.symbols.arithmetic` does with whole numbers. Pure.

A number on the stack has 64 bits: those of its type, and above them its sign, or zeros where it has
none.
"""

from __future__ import annotations

from dataclasses import dataclass

from reenact.compiling.instructions import (
    DUP,
    NOT,
    Code,
    NotCompilableError,
    constant,
    extended,
    need,
)

_INT = 4
_PLAIN = {"|": "bit_or", "^": "bit_xor", "&": "bit_and", "+": "add", "-": "sub", "*": "mul"}
#: Of each comparison: which instruction, whether the sides change, whether the answer is turned.
_COMPARISONS = {
    "==": ("equal", False, False), "!=": ("equal", False, True), "<": ("less", False, False),
    ">": ("less", True, False), "<=": ("less", True, True), ">=": ("less", False, True),
}  # fmt: skip
_DIVISIONS = {"/": "div", "%": "rem"}


@dataclass(frozen=True)
class Number:
    """A whole number of a type: the code that leaves it, its bytes, whether it has a sign."""

    code: Code
    size: int
    is_signed: bool


def whole(code: Code, size: int, *, is_signed: bool) -> Number:
    """A number of a type, of which code leaves the low bits."""
    return Number((*code, *extended(size, is_signed=is_signed)), size, is_signed)


def promoted(operand: Number) -> Number:
    """A number as C computes with it: what is smaller than an int becomes one."""
    return operand if operand.size >= _INT else Number(operand.code, _INT, is_signed=True)


def unary(sign: str, operand: Number) -> Number:
    """`-a`, `+a`, `~a`, `!a`."""
    if sign == "!":
        return Number((*operand.code, *NOT), _INT, is_signed=True)
    operand = promoted(operand)
    code = {
        "-": (*constant(0), *operand.code, ("sub", 0)),
        "+": operand.code,
        "~": (*operand.code, ("bit_not", 0)),
    }[sign]
    return whole(code, operand.size, is_signed=operand.is_signed)


def binary(sign: str, left: Number, right: Number) -> Number:
    """Any operator with two operands but `&&` and `||`."""
    left, right = promoted(left), promoted(right)
    if sign in ("<<", ">>"):
        return _shifted(sign, left, right)
    size = max(left.size, right.size)
    is_signed = all(one.is_signed or one.size < size for one in (left, right))
    first, second = (
        (*one.code, *extended(size, is_signed=is_signed))
        if (one.size, one.is_signed) != (size, is_signed)
        else one.code
        for one in (left, right)
    )
    kind = "signed" if is_signed else "unsigned"
    if sign in _COMPARISONS:
        name, is_swapped, is_turned = _COMPARISONS[sign]
        sides = (*second, *first) if is_swapped else (*first, *second)
        name = name if name == "equal" else f"{name}_{kind}"
        code: Code = (*sides, (name, 0), *(NOT if is_turned else ()))
        return Number(code, _INT, is_signed=True)
    if sign in _PLAIN:
        return whole((*first, *second, (_PLAIN[sign], 0)), size, is_signed=is_signed)
    if sign not in _DIVISIONS:
        raise NotCompilableError(f"an operator {sign}")
    code = (*first, *second, (f"{_DIVISIONS[sign]}_{kind}", 0))
    return whole(code, size, is_signed=is_signed)


def _shifted(sign: str, left: Number, right: Number) -> Number:
    """A shift has the type of what is shifted; one by more bits than there are means nothing."""
    is_possible = need((*DUP, *constant(8 * left.size), ("less_unsigned", 0)))
    name = "lsh" if sign == "<<" else "rsh_signed" if left.is_signed else "rsh_unsigned"
    code = (*left.code, *right.code, *is_possible, (name, 0))
    return whole(code, left.size, is_signed=left.is_signed)
