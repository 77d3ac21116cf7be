"""Expressions in the notation of C, taken apart. Pure: what names mean is another's business."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Union

from reenact.errors import UsageError
from reenact.symbols.type_names import TypeName, type_name

_TOKEN = re.compile(
    r"\s*(?:(?P<float>(?:\d+\.\d*|\.\d+)(?:[eE][-+]?\d+)?[fFlL]?|\d+[eE][-+]?\d+[fFlL]?)"
    r"|(?P<number>0[xX][0-9a-fA-F]+[uUlL]*|0[bB][01]+[uUlL]*|\d+[uUlL]*)"
    r"|(?P<character>[LuU]?'(?:[^'\\]|\\.[^']*)')"
    r"|(?P<name>(?:::)?\$?[A-Za-z_][\w]*(?:::~?\w+)*)"
    r"|(?P<sign>->|==|!=|<=|>=|&&|\|\||<<|>>|[-+*/%&|^<>!~.()\[\]?:,]))"
)
#: More digits than any number of 64 bits has, in any notation.
_MOST_DIGITS = 80
#: Characters of an expression that a message shows.
_SHOWN = 60
#: Binary operators, those that bind weakest first.
_LEVELS = (
    ("||",), ("&&",), ("|",), ("^",), ("&",), ("==", "!="), ("<", ">", "<=", ">="), ("<<", ">>"),
    ("+", "-"), ("*", "/", "%"),
)  # fmt: skip
_UNARY = ("*", "&", "-", "+", "!", "~")
_ESCAPES = {"n": 10, "t": 9, "r": 13, "0": 0, "a": 7, "b": 8, "f": 12, "v": 11, "e": 27}
_ASSIGNMENT = re.compile(r"(?<![=!<>])=(?!=)|\+\+|--")


@dataclass(frozen=True)
class Number:
    """A whole number: its value, bytes of its type, and whether that has a sign."""

    value: int
    size: int
    is_signed: bool


@dataclass(frozen=True)
class Real:
    """A floating-point number."""

    value: float


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


@dataclass(frozen=True)
class Index:
    """`value[index]`."""

    value: Node
    index: Node


Node = Union[Number, Real, Name, Register, Unary, Binary, Conditional, Cast, SizeOf, Member, Index]


def parse(text: str, is_variable: Callable[[str], bool]) -> Node:
    """Take an expression apart.

    Arguments:
        text: the expression.
        is_variable: decides whether `(a)` is a variable in parentheses or a type.

    Errors: `UsageError` for what is no expression.
    """
    parser = _Parser(text, is_variable)
    try:
        found = parser.conditional()
    except RecursionError:
        raise UsageError(f"{shortened(text)} is nested too deeply") from None
    parser.expect_end()
    return found


class _Parser:
    """A recursive descent over the tokens."""

    def __init__(self, text: str, is_variable: Callable[[str], bool]) -> None:
        self._text = text
        self._is_variable = is_variable
        self._tokens = _tokens(text)
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
                value = Member(value, self._take())
        return value

    def _primary(self) -> Node:
        token = self._take()
        if token.startswith("("):
            value = self.conditional()
            self._expect(")")
            return value
        if token.endswith("'"):
            return _character(token)
        if token[0].isdigit() or (token[0] == "." and len(token) > 1):
            return _literal(token)
        if token.startswith("$"):
            return Register(token[1:])
        name = token.removeprefix("::")
        if not (name[:1].isalpha() or name[:1] == "_"):
            raise self._wrong()
        return Name(name)

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
        if _ASSIGNMENT.search(self._text):
            return _assignment(self._text)
        return UsageError(
            f"{shortened(self._text)} is not an expression that is understood here",
            "names, numbers, $registers, . -> [] * &, sizeof, casts and the operators of C",
        )


def shortened(text: str) -> str:
    """A text as a message shows it."""
    return repr(text if len(text) <= _SHOWN else text[:_SHOWN] + "…")


def _tokens(text: str) -> list[str]:
    found: list[str] = []
    position = 0
    end = len(text.rstrip())
    while position < end:
        match = _TOKEN.match(text, position)
        if match is None:
            raise _unknown(text, position)
        found.append(match.group().strip())
        position = match.end()
    if not found:
        raise UsageError("an empty expression has no value")
    return found


def _unknown(text: str, position: int) -> UsageError:
    rest = text[position:].strip()
    if _ASSIGNMENT.match(rest):
        return _assignment(text)
    if rest.startswith('"'):
        return UsageError(f"{shortened(text)} has a text, which has no address here")
    return UsageError(
        f"{shortened(text)} is not an expression that is understood here",
        f"the trouble begins at {shortened(rest)}",
    )


def _assignment(text: str) -> UsageError:
    return UsageError(
        f"{shortened(text)} changes something, and a recording cannot be changed",
        "compare with ==; in gdb set var changes a copy that is thrown away",
    )


def _literal(token: str) -> Number | Real:
    if len(token) > _MOST_DIGITS:
        # Python refuses to read thousands of digits.
        raise UsageError(f"{shortened(token)} does not fit in 64 bits")
    is_hexadecimal = token[:2] in ("0x", "0X")
    if not is_hexadecimal and re.search(r"[.eE]", token):
        return Real(float(token.rstrip("fFlL")))
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
