"""Expressions in the notation of C, taken apart. Pure: what names mean is another's business."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Union

from reenact.errors import UsageError
from reenact.symbols.floats import DOUBLE, EXTENDED, SINGLE, Exact, rounded
from reenact.symbols.tokens import is_name, shortened, tokens, wrong
from reenact.symbols.type_names import TypeName, type_name

#: More digits than any number of 64 bits has, in any notation.
_MOST_DIGITS = 80
#: Binary operators, those that bind weakest first.
_LEVELS = (
    ("||",), ("&&",), ("|",), ("^",), ("&",), ("==", "!="), ("<", ">", "<=", ">="), ("<<", ">>"),
    ("@",), ("+", "-"), ("*", "/", "%"), (".*", "->*"),
)  # fmt: skip
_UNARY = ("*", "&", "-", "+", "!", "~")
_ESCAPES = {"n": 10, "t": 9, "r": 13, "0": 0, "a": 7, "b": 8, "f": 12, "v": 11, "e": 27}


@dataclass(frozen=True)
class Number:
    """A whole number: its value, bytes of its type, and whether that has a sign.

    `is_character`: it was written as one.
    """

    value: int
    size: int
    is_signed: bool
    is_character: bool = False


@dataclass(frozen=True)
class Real:
    """A floating-point number, and bytes of its type."""

    value: Exact
    size: int


@dataclass(frozen=True)
class Name:
    """A variable, or what else a name may mean."""

    name: str


@dataclass(frozen=True)
class Register:
    """A register, without `$`."""

    name: str


@dataclass(frozen=True)
class Unary:
    """`sign operand`."""

    sign: str
    operand: Node


@dataclass(frozen=True)
class Binary:
    """`left sign right`."""

    sign: str
    left: Node
    right: Node


@dataclass(frozen=True)
class Conditional:
    """`condition ? chosen : otherwise`."""

    condition: Node
    chosen: Node
    otherwise: Node


@dataclass(frozen=True)
class Cast:
    """`(type)operand`."""

    type: TypeName
    operand: Node


@dataclass(frozen=True)
class SizeOf:
    """`sizeof` of a type or of a value."""

    of: Union[TypeName, Node]


@dataclass(frozen=True)
class Member:
    """`value.name` and `value->name`."""

    value: Node
    name: str
    through: bool = False


@dataclass(frozen=True)
class Index:
    """`value[index]`."""

    value: Node
    index: Node


Node = Union[Number, Real, Name, Register, Unary, Binary, Conditional, Cast, SizeOf, Member, Index]


def parse(text: str, is_variable: Callable[[str], bool], is_known: Callable[[str], bool]) -> Node:
    """Take an expression apart.

    Arguments:
        text: the expression.
        is_variable: decides whether `(a)` is a variable in parentheses or a type.
        is_known: whether a name with the arguments of a template means something.

    Errors: `UsageError` for what is no expression.
    """
    parser = _Parser(text, is_variable, is_known)
    try:
        found = parser.conditional()
    except RecursionError:
        raise UsageError(f"{shortened(text)} is nested too deeply") from None
    parser.expect_end()
    return found


class _Parser:
    """A recursive descent over the tokens."""

    def __init__(
        self, text: str, is_variable: Callable[[str], bool], is_known: Callable[[str], bool]
    ) -> None:
        self._text = text
        self._is_variable = is_variable
        self._tokens = tokens(text, is_known)
        self._next = 0

    def conditional(self) -> Node:
        condition = self._binary(0)
        if self._peek() != "?":
            return condition
        self._take()
        chosen = self.conditional()
        self._expect(":")
        return Conditional(condition, chosen, self.conditional())

    def expect_end(self) -> None:
        if self._next < len(self._tokens):
            raise self._wrong()

    def _binary(self, level: int) -> Node:
        if level == len(_LEVELS):
            return self._unary()
        left = self._binary(level + 1)
        while self._peek() in _LEVELS[level]:
            sign = self._take()
            left = Binary(sign, left, self._binary(level + 1))
        return left

    def _unary(self) -> Node:
        cast = self._cast()
        if cast is not None:
            return Cast(cast, self._unary())
        if self._peek() == "sizeof":
            self._take()
            of = self._cast(is_operand=False)
            return SizeOf(self._unary() if of is None else of)
        if self._peek() in _UNARY:
            return Unary(self._take(), self._unary())
        return self._postfix(self._primary())

    def _cast(self, *, is_operand: bool = True) -> TypeName | None:
        """The type in parentheses that comes next; None: something else comes."""
        if self._peek() != "(":
            return None
        found = type_name(self._tokens, self._next + 1)
        if found is None or self._peek(found.end - self._next) != ")":
            return None
        behind = self._peek(found.end - self._next + 1)
        if not found.is_certain:
            # `(a)` may be a variable: what follows it decides, and then what there is.
            follows = behind[:1] in tuple("$(_&*-+~!'.") or behind[:1].isalnum()
            if is_operand and (not behind or not follows or behind == "->"):
                return None
            is_sign = behind in ("&", "*", "-", "+", "(")
            if (is_sign or not is_operand) and self._is_variable(found.name):
                return None
        self._next = found.end + 1
        return found

    def _postfix(self, value: Node) -> Node:
        while self._peek() in (".", "->", "[", "("):
            sign = self._take()
            if sign == "(":
                raise UsageError(
                    f"{shortened(self._text)} calls a function, and none is called here",
                    "in gdb print calls functions; in Python: Session.branch and Session.call",
                )
            if sign == "[":
                value = Index(value, self.conditional())
                self._expect("]")
            else:
                value = Member(value, self._take(), through=sign == "->")
        return value

    def _primary(self) -> Node:
        token = self._take()
        if token in ("(",):
            value = self.conditional()
            self._expect(")")
            return value
        if token.endswith("'"):
            return _character(token)
        if token.startswith("'"):
            return Name(token)
        if token[0].isdigit() or (token[0] == "." and len(token) > 1):
            return _literal(token)
        if token.startswith("$"):
            return Register(token[1:])
        if not is_name(token):
            raise self._wrong()
        return Name(token)

    def _peek(self, ahead: int = 0) -> str:
        index = self._next + ahead
        return self._tokens[index] if index < len(self._tokens) else ""

    def _take(self) -> str:
        token = self._peek()
        if not token:
            raise self._wrong()
        self._next += 1
        return token

    def _expect(self, token: str) -> None:
        if self._take() != token:
            raise self._wrong()

    def _wrong(self) -> UsageError:
        return wrong(self._text)


def _literal(token: str) -> Number | Real:
    if len(token) > _MOST_DIGITS:
        # Python refuses to read thousands of digits.
        raise UsageError(f"{shortened(token)} does not fit in 64 bits")
    is_hexadecimal = token[:2] in ("0x", "0X")
    if not is_hexadecimal and re.search(r"[.eE]", token):
        form = {"f": SINGLE, "l": EXTENDED}.get(token[-1].lower(), DOUBLE)
        # Digits and exponent are few enough to be exact.
        exact = _fraction(token.rstrip("fFlL"))
        return Real(rounded(exact, form) if exact else 0.0, form.size)
    digits = token.rstrip("uUlL")
    suffix = token[len(digits) :].lower()
    is_octal = len(digits) > 1 and digits[0] == "0" and digits[1].isdigit()
    try:
        value = int(digits, 8) if is_octal else int(digits, 0)
    except ValueError:
        raise UsageError(f"{shortened(token)} is no number") from None
    is_plain = digits[0] != "0" or digits == "0"
    for size, is_signed in ((4, True), (4, False), (8, True), (8, False)):
        is_too_short = size == 4 and "l" in suffix
        # Only what is written in bits becomes unsigned by itself.
        is_other_sign = is_signed if "u" in suffix else not is_signed and is_plain and size == 4
        if not is_too_short and not is_other_sign and value < 1 << (8 * size - is_signed):
            return Number(value, size, is_signed)
    raise UsageError(f"{shortened(token)} does not fit in 64 bits")


def _fraction(text: str) -> Fraction:
    """A number as it is written. Errors: `UsageError` for an exponent that no number has."""
    mantissa, _, exponent = text.lower().partition("e")
    if len(exponent) > 5:
        raise UsageError(f"{shortened(text)} is larger or smaller than all numbers")
    return Fraction(mantissa) * Fraction(10) ** int(exponent or 0)


def _character(token: str) -> Number:
    prefix, content = token.split("'", 1)
    content = content[:-1]
    if not content.startswith("\\"):
        value = ord(content)
    elif content[1] == "x":
        value = int(content[2:], 16)
    elif content[1] in "01234567":
        value = int(content[1:], 8)
    else:
        value = _ESCAPES.get(content[1:], ord(content[1]))
    if prefix:
        return Number(value, 4, prefix == "L")
    # A plain one is a byte with a sign, whose value is an int's.
    return Number(value - 256 if 128 <= value < 256 else value, 4, is_signed=True)
