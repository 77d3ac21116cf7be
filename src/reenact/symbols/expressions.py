"""Expressions in the notation of C: `a->b.c[3]`, `*p`, `&x`, `n + 1 == m`, `(node *)p`, `$rax`.

A small part of C, without assignments and calls: what one asks of a moment in a recording.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from typing import Any, Union

from reenact.errors import UsageError
from reenact.symbols.type_names import TypeName, type_name
from reenact.symbols.values import Value, converted
from reenact.symbols.variables import FrameVariables

#: What an expression comes to: a value of the program, or a number.
Result = Union[Value, int, float]

_TOKEN = re.compile(
    r"\s*(?:(?P<number>0[xX][0-9a-fA-F]+|\d+)|(?P<name>\$?[A-Za-z_][\w]*(?:::\w+)*)"
    r"|(?P<sign>->|==|!=|<=|>=|&&|\|\||<<|>>|[-+*/%&|^<>!~.()\[\]]))"
)
#: More digits than any number of 64 bits has, in any notation; more bits than it can be shifted by.
_MOST_DIGITS, _MOST_SHIFT = 80, 64
#: Characters of an expression that a message shows.
_SHOWN = 60
#: Binary operators, those that bind weakest first.
_LEVELS: tuple[dict[str, Callable[[int, int], int]], ...] = (
    {"||": lambda a, b: int(bool(a or b))},
    {"&&": lambda a, b: int(bool(a and b))},
    {"|": operator.or_},
    {"^": operator.xor},
    {"&": operator.and_},
    {"==": operator.eq, "!=": operator.ne},
    {"<": operator.lt, ">": operator.gt, "<=": operator.le, ">=": operator.ge},
    {"<<": operator.lshift, ">>": operator.rshift},
    {"+": operator.add, "-": operator.sub},
    {"*": operator.mul, "/": operator.floordiv, "%": operator.mod},
)


def evaluate(expression: str, variables: FrameVariables) -> Result:
    """The value of an expression in a frame.

    Errors: `UsageError` for a name that cannot be seen, a value that is optimized out, memory
    that cannot be read, or what is no such expression.
    """
    parser = _Parser(expression, variables)
    try:
        found = parser.binary(0)
    except RecursionError:
        raise UsageError(f"{_short(expression)} is nested too deeply") from None
    except (OverflowError, ValueError) as error:
        raise UsageError(f"{_short(expression)} cannot be computed: {error}") from None
    parser.expect_end()
    return found


class _Parser:
    """A recursive descent over the tokens, evaluating as it goes."""

    def __init__(self, text: str, variables: FrameVariables) -> None:
        self._text = text
        self._variables = variables
        self._tokens = _tokens(text)
        self._next = 0

    def binary(self, level: int) -> Result:
        if level == len(_LEVELS):
            return self._unary()
        left = self.binary(level + 1)
        while self._peek() in _LEVELS[level]:
            sign = self._take()
            left = _combined(sign, _LEVELS[level][sign], left, self.binary(level + 1))
        return left

    def expect_end(self) -> None:
        if self._next < len(self._tokens):
            raise self._wrong()

    def _unary(self) -> Result:
        cast = self._cast()
        if cast is not None:
            operand, target = self._unary(), cast.find(self._variables)
            if isinstance(operand, Value):
                return operand.cast(target)
            return converted(operand, target, self._variables.read)
        if self._peek() not in ("*", "&", "-", "!", "~"):
            return self._postfix(self._primary())
        return self._signed(self._take(), self._unary())

    def _signed(self, sign: str, operand: Result) -> Result:
        if sign == "*":
            return self._value(operand).dereference()
        if sign == "&":
            address = self._value(operand).address
            if address is None:
                raise UsageError("what is in a register has no address")
            return address
        if sign == "-":
            negated: int | float = -_number(operand)
            return negated
        return int(not _number(operand)) if sign == "!" else ~_whole(operand)

    def _cast(self) -> TypeName | None:
        """The type of a cast that comes next; None: something else comes."""
        if self._peek() != "(":
            return None
        found = type_name(self._tokens, self._next + 1)
        if found is None or self._peek(found.end - self._next) != ")":
            return None
        behind = self._peek(found.end - self._next + 1)
        if not found.is_certain:
            # `(a)` may be a variable: what follows it decides, and then what there is.
            if not behind or (behind[0] not in "$(_&*-~!" and not behind[0].isalnum()):
                return None
            if behind in ("&", "*", "-", "(") and self._is_variable(found.name):
                return None
        self._next = found.end + 1
        return found

    def _is_variable(self, name: str) -> bool:
        try:
            self._variables.find(name)
        except UsageError:
            return False
        return True

    def _postfix(self, value: Result) -> Result:
        while self._peek() in (".", "->", "["):
            if self._take() == "[":
                index = _whole(self.binary(0))
                self._expect("]")
                value = self._value(value).index(index)
            else:
                value = self._value(value).member(self._take())
        return value

    def _primary(self) -> Result:
        token = self._take()
        if token.startswith("("):
            value = self.binary(0)
            self._expect(")")
            return value
        if token[0].isdigit():
            return _literal(token)
        if token.startswith("$"):
            return self._variables.register(token[1:])
        if not (token[0].isalpha() or token[0] == "_"):
            raise self._wrong()
        found = self._variables.find(token)
        if found is None:
            raise UsageError(f"{token} is optimized out here")
        return found

    def _value(self, operand: Result) -> Value:
        if isinstance(operand, Value):
            return operand
        raise UsageError(f"in {self._text!r} something is a plain number that must have a type")

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
        return UsageError(
            f"{self._text!r} is not an expression that is understood here",
            "names, numbers, $registers, . -> [] * &, casts and the operators of C",
        )


def _tokens(text: str) -> list[str]:
    found: list[str] = []
    position = 0
    end = len(text.rstrip())
    while position < end:
        match = _TOKEN.match(text, position)
        if match is None:
            raise UsageError(
                f"{text!r} is not an expression that is understood here",
                f"the trouble begins at {text[position:]!r}",
            )
        found.append(match.group().strip())
        position = match.end()
    if not found:
        raise UsageError("an empty expression has no value")
    return found


def _combined(
    sign: str, operation: Callable[[int, int], int], left: Result, right: Result
) -> Result:
    if isinstance(left, Value) and _is_pointer(left) and sign in "+-" and not _is_pointer(right):
        steps = _whole(right) if sign == "+" else -_whole(right)
        return _moved(left, steps * left.type.target.size)
    one, other = _number(left), _number(right)
    if sign in ("<<", ">>") and not 0 <= other < _MOST_SHIFT:
        raise UsageError(f"a shift by {other} bits means nothing")
    if sign in ("/", "%") and other == 0:
        raise UsageError("division by zero")
    if sign == "/" and not isinstance(one, float) and not isinstance(other, float):
        # C rounds towards zero.
        return int(abs(one) // abs(other)) * (1 if (one < 0) == (other < 0) else -1)
    if sign == "%":
        return int(abs(one) % abs(other)) * (-1 if one < 0 else 1)
    result: int | float = operation(one, other)
    return int(result) if isinstance(result, bool) else result


def _literal(token: str) -> int:
    # Python refuses to read thousands of digits.
    number = int(token, 16) if token[:2].lower() == "0x" else int(token[:_MOST_DIGITS])
    if number >= 1 << 64 or len(token) > _MOST_DIGITS:
        raise UsageError(f"{_short(token)} does not fit in 64 bits")
    return number


def _short(text: str) -> str:
    return repr(text if len(text) <= _SHOWN else text[:_SHOWN] + "…")


def _moved(pointer: Value, distance: int) -> Value:
    address = (int(pointer) + distance) % 2**64
    if pointer.type.kind == "array":
        return Value(pointer.type, pointer.read, address)
    return Value(pointer.type, pointer.read, None, address.to_bytes(8, "little"))


def _is_pointer(operand: Result) -> bool:
    return isinstance(operand, Value) and operand.type.kind in ("pointer", "array")


def _number(operand: Result) -> Any:
    """An int or a float: both go through the same operators."""
    if isinstance(operand, Value):
        return float(operand) if operand.type.is_float else int(operand)
    return operand


def _whole(operand: Result) -> int:
    return int(operand)
