"""Floating-point numbers of all sizes that programs have: from bytes, to bytes, as text. Pure.

Those that Python's own numbers cannot hold are exact fractions.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from decimal import Context, Decimal
from fractions import Fraction
from typing import Union

#: A number: exact where Python's own would not be.
Exact = Union[float, Fraction]


@dataclass(frozen=True)
class Format:
    """How a number is laid out: bits of the exponent, and of the fraction behind its first bit.

    `has_first_bit`: the first bit of the fraction is stored, too (x87).
    """

    size: int
    exponent: int
    fraction: int
    has_first_bit: bool = False

    @property
    def bias(self) -> int:
        """What is added to the exponent."""
        return (1 << (self.exponent - 1)) - 1


HALF = Format(2, 5, 10)
BRAIN = Format(2, 8, 7)
SINGLE = Format(4, 8, 23)
DOUBLE = Format(8, 11, 52)
#: `long double`: ten bytes of sixteen (Intel SDM 1, 4.2.2).
EXTENDED = Format(16, 15, 63, has_first_bit=True)
QUADRUPLE = Format(16, 15, 112)
#: Whole numbers below are written with all of their digits.
_LARGEST_WHOLE = 10**16
_NATIVE = {4: "<f", 8: "<d"}
_QUADRUPLE_NAMES = ("_Float128", "__float128", "f128", "std::float128_t")
_BRAIN_NAMES = ("__bf16", "bfloat16_t", "std::bfloat16_t")


def format_of(size: int, name: str) -> Format | None:
    """The format of a type; None: it is not known here."""
    if size == 16:
        return QUADRUPLE if any(known in name for known in _QUADRUPLE_NAMES) else EXTENDED
    if size == 2:
        return BRAIN if name in _BRAIN_NAMES else HALF
    return {4: SINGLE, 8: DOUBLE}.get(size)


def decoded(content: bytes, kind: Format) -> Exact:
    """The number that some bytes are."""
    if kind.size in _NATIVE:
        return float(struct.unpack(_NATIVE[kind.size], content[: kind.size])[0])
    bits = int.from_bytes(content[: kind.size], "little")
    stored = kind.fraction + kind.has_first_bit
    mantissa = bits & (1 << stored) - 1
    exponent = bits >> stored & (1 << kind.exponent) - 1
    sign = -1 if bits >> (stored + kind.exponent) & 1 else 1
    if exponent == (1 << kind.exponent) - 1:
        is_infinite = mantissa & (1 << kind.fraction) - 1 == 0
        return sign * math.inf if is_infinite else math.nan
    if not kind.has_first_bit and exponent:
        mantissa |= 1 << kind.fraction
    if mantissa == 0:
        return sign * 0.0
    power = max(exponent, 1) - kind.bias - kind.fraction
    return sign * mantissa * Fraction(2) ** power


def encoded(number: Exact, kind: Format) -> bytes:
    """The bytes of the number of a format that is nearest."""
    if kind.size in _NATIVE:
        try:
            return struct.pack(_NATIVE[kind.size], _as_float(number))
        except OverflowError:
            return struct.pack(_NATIVE[kind.size], math.copysign(math.inf, number))
    stored = kind.fraction + kind.has_first_bit
    top = (1 << kind.exponent) - 1
    first = 1 << kind.fraction if kind.has_first_bit else 0
    if isinstance(number, float) and not math.isfinite(number):
        quiet = 1 << (kind.fraction - 1) if math.isnan(number) else 0
        bits = top << stored | first | quiet
    elif number == 0:
        bits = 0
    else:
        mantissa, exponent = _split(abs(Fraction(number)), kind)
        is_normal = mantissa >> kind.fraction != 0
        field = exponent + kind.bias if is_normal else 0
        if field >= top:
            field, mantissa = top, 1 << kind.fraction
        if not kind.has_first_bit:
            mantissa &= (1 << kind.fraction) - 1
        bits = field << stored | mantissa
    is_negative = math.copysign(1.0, number) < 0 if isinstance(number, float) else number < 0
    if is_negative:
        bits |= 1 << (stored + kind.exponent)
    size = 10 if kind is EXTENDED else kind.size
    return bits.to_bytes(size, "little").ljust(kind.size, b"\0")


def rounded(number: Exact, kind: Format) -> Exact:
    """The nearest number of a format."""
    return decoded(encoded(number, kind), kind)


def text(number: Exact, kind: Format) -> str:
    """The shortest text that means this number and no other of its format."""
    if isinstance(number, float) and (kind is DOUBLE or not math.isfinite(number) or not number):
        return repr(number)
    exact = Fraction(number)
    if exact.denominator == 1 and abs(exact) < _LARGEST_WHOLE:
        return f"{exact.numerator}.0"
    for digits in range(1, 40):
        quotient = Context(prec=digits).divide(Decimal(exact.numerator), Decimal(exact.denominator))
        if rounded(Fraction(quotient), kind) == exact:
            return _written(quotient)
    raise AssertionError("36 digits tell all numbers of 113 bits")


def _written(number: Decimal) -> str:
    """As Python writes its own numbers."""
    exponent = number.adjusted()
    if -5 < exponent < 16:
        plain = format(number, "f")
        return plain if "." in plain else f"{plain}.0"
    sign, digits, _ = number.normalize().as_tuple()
    mantissa = "".join(map(str, digits))
    point = f".{mantissa[1:]}" if len(mantissa) > 1 else ""
    return f"{'-' * sign}{mantissa[0]}{point}e{exponent:+03d}"


def _split(number: Fraction, kind: Format) -> tuple[int, int]:
    """Mantissa and exponent of a positive number, rounded to even; of tiny ones it is shorter."""
    exponent = number.numerator.bit_length() - number.denominator.bit_length()
    if Fraction(2) ** exponent > number:
        exponent -= 1
    exponent = max(exponent, 1 - kind.bias)
    mantissa = round(number / Fraction(2) ** (exponent - kind.fraction))
    if mantissa >> (kind.fraction + 1):
        mantissa, exponent = mantissa >> 1, exponent + 1
    return mantissa, exponent


def _as_float(number: Exact) -> float:
    try:
        return float(number)
    except OverflowError:
        return math.inf if number > 0 else -math.inf


def as_float(number: Exact) -> float:
    """As Python's own number, infinite where it is too large for that."""
    return _as_float(number)
