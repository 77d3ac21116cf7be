"""Expressions compiled: each kind of node does what `reenact.symbols.expressions` does with it.

What is compiled has the value that the slow way finds, or has none where it is executed: then
whoever asked goes the slow way, and finds out why. So nothing here has to be complete, but all of
it has to be exact.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Union

from reenact.compiling.instructions import (
    ADD,
    DUP,
    NOT,
    Code,
    NotCompilableError,
    assembled,
    chosen,
    constant,
    extended,
    need,
    reference,
)
from reenact.compiling.numbers import Number, binary, unary
from reenact.compiling.probing import Content, FixedFrame, Place, ProbedFrame
from reenact.errors import UsageError
from reenact.symbols import syntax
from reenact.symbols.made_types import PointerTo
from reenact.symbols.syntax import Node, parse
from reenact.symbols.type_names import TypeName
from reenact.symbols.types import Member, Type

_LONG = 8
_INT = 4
_BYTES = (1, 2, 4, 8)
_NOT_OF_NUMBERS = ("@", ".*", "->*")
#: An index is less than this, in both directions: no address wraps on the way to an element.
_FARTHEST = 1 << 31

#: What gives names a meaning.
Names = Union[ProbedFrame, FixedFrame]
#: What an expression comes to.
Compiled = Union[Place, Content, Number]


def compiled(text: str, frame: Names) -> Compiled:
    """An expression in a frame.

    Errors: `NotCompilableError` for what only the slow way evaluates, or finds to be none.
    """
    try:
        return _Compilation(frame).value(parse(text, frame.is_variable, frame.is_known))
    except UsageError as error:
        raise NotCompilableError(error.message) from None
    except (RecursionError, OverflowError, ValueError) as error:
        raise NotCompilableError(str(error)) from None


def condition(text: str, frame: Names) -> bytes:
    """An agent expression whose value is not zero where an expression is true, as C has it.

    Errors: `NotCompilableError`.
    """
    return assembled(_truth(compiled(text, frame)))


class _Compilation:
    """Compiles the parts of one expression."""

    def __init__(self, frame: Names) -> None:
        self._frame = frame

    def value(self, node: Node) -> Compiled:
        """What a part comes to."""
        return self._KINDS[type(node)](self, node)

    def _literal(self, node: syntax.Number) -> Compiled:
        return Number(constant(node.value), node.size, node.is_signed)

    def _real(self, _node: syntax.Real) -> Compiled:
        raise NotCompilableError("floating-point numbers are not computed with")

    def _register(self, node: syntax.Register) -> Compiled:
        code, size, is_signed = self._frame.register(node.name)
        return Number((*code, *extended(size, is_signed=is_signed)), size, is_signed)

    def _variable(self, node: syntax.Name) -> Compiled:
        if node.name in ("true", "false"):
            return Number(constant(node.name == "true"), _INT, is_signed=True)
        return self._frame.find(node.name)

    def _member(self, node: syntax.Member) -> Compiled:
        value: Compiled = self._typed(node.value)
        while isinstance(value, (Place, Content)) and value.type.kind in ("pointer", "reference"):
            is_reference = value.type.kind == "reference"
            value = dereferenced(value)
            if not is_reference:
                break
        if not isinstance(value, Place) or value.type.kind not in ("structure", "union"):
            raise NotCompilableError(f"what has no members in memory has no {node.name}")
        for member in value.type.find_member(node.name):
            value = part(value, member)
        return value

    def _element(self, node: syntax.Index) -> Compiled:
        value, index = self.value(node.value), self.value(node.index)
        if isinstance(value, Number):
            value, index = index, value
        number = operand(index)
        if isinstance(value, Number):
            raise NotCompilableError("an index is of an array or a pointer")
        if value.type.kind == "reference":
            value = dereferenced(value)
        if value.type.kind not in ("array", "pointer"):
            raise NotCompilableError(f"{value.type} has no elements")
        target = value.type.target
        if value.type.kind == "array" and not isinstance(value, Place):
            raise NotCompilableError("an array that is in no memory")
        base = value.code if value.type.kind == "array" else bits_of(value)
        # The sum of number and limit, without a sign, is below the limit twice.
        low = (*DUP, *constant(_FARTHEST), *ADD)
        limit = need((*low, *constant(2 * _FARTHEST), ("less_unsigned", 0)))
        steps = (*number.code, *limit, *constant(target.size), ("mul", 0))
        return Place(target, (*base, *steps, *ADD))

    def _unary(self, node: syntax.Unary) -> Compiled:
        if node.sign == "*":
            value = self._typed(node.operand)
            if value.type.kind == "reference":
                # It is what it refers to.
                value = dereferenced(value)
            return element(value) if value.type.kind == "array" else dereferenced(value)
        if node.sign == "&":
            value = self._typed(node.operand)
            found = dereferenced(value) if value.type.kind == "reference" else value
            if not isinstance(found, Place) or found.bits is not None:
                raise NotCompilableError("what has no address")
            return Content(PointerTo(found.type), found.code)
        return unary(node.sign, self._number(node.operand))

    def _binary(self, node: syntax.Binary) -> Compiled:
        if node.sign in ("&&", "||"):
            left, right = (self._truth(side) for side in (node.left, node.right))
            code = (
                chosen(left, right, constant(0))
                if node.sign == "&&"
                else chosen(left, constant(1), right)
            )
            return Number(code, _INT, is_signed=True)
        if node.sign in _NOT_OF_NUMBERS:
            raise NotCompilableError(f"{node.sign} is about places")
        first, second = self.value(node.left), self.value(node.right)
        if node.sign in ("+", "-"):
            moved = _with_pointer(node.sign, first, second)
            if moved is not None:
                return moved
        return binary(node.sign, operand(first), operand(second))

    def _conditional(self, node: syntax.Conditional) -> Compiled:
        first, second = self.value(node.chosen), self.value(node.otherwise)
        if not isinstance(first, Number) or not isinstance(second, Number):
            raise NotCompilableError("values of the program that are chosen among")
        if (first.size, first.is_signed) != (second.size, second.is_signed):
            raise NotCompilableError("numbers of two types that are chosen among")
        code = chosen(self._truth(node.condition), first.code, second.code)
        return Number(code, first.size, first.is_signed)

    def _cast(self, node: syntax.Cast) -> Compiled:
        value, target = self.value(node.operand), self._frame.type_named(node.type)
        is_other = target.kind == "base" and not target.is_whole
        if target.kind not in ("base", "enumeration", "pointer") or is_other:
            raise NotCompilableError(f"a conversion to {target}")
        size = target.size
        if size not in _BYTES:
            raise NotCompilableError(f"a conversion to {size} bytes")
        code = bits_of(value) if _is_reference(value) else operand(value).code
        if target.is_boolean:
            return Content(target, (*code, *NOT, *NOT))
        return Content(target, (*code, *extended(size, is_signed=False)))

    def _size(self, node: syntax.SizeOf) -> Compiled:
        if isinstance(node.of, TypeName):
            size = self._frame.type_named(node.of).size
        else:
            found = self.value(node.of)
            size = found.size if isinstance(found, Number) else found.type.size
            if _is_reference(found) and not isinstance(found, Number):
                size = found.type.target.size
        return Number(constant(size), _LONG, is_signed=False)

    def _truth(self, node: Node) -> Code:
        return _truth(self.value(node))

    def _number(self, node: Node) -> Number:
        return operand(self.value(node))

    def _typed(self, node: Node) -> Place | Content:
        found = self.value(node)
        if isinstance(found, Number):
            raise NotCompilableError("a plain number that must have a type")
        return found

    #: Who compiles which kind of node.
    _KINDS: ClassVar[dict[type, Callable[[_Compilation, Any], Compiled]]] = {
        syntax.Number: _literal,
        syntax.Real: _real,
        syntax.Name: _variable,
        syntax.Register: _register,
        syntax.Unary: _unary,
        syntax.Binary: _binary,
        syntax.Conditional: _conditional,
        syntax.Cast: _cast,
        syntax.SizeOf: _size,
        syntax.Member: _member,
        syntax.Index: _element,
    }


def part(value: Place, member: Member) -> Place:
    """A member of a structure. Errors: `NotCompilableError` for a virtual base class."""
    if member.offset is None:
        raise NotCompilableError("a virtual base class")
    offset, bits = member.offset, member.bits
    if bits is not None:
        offset, bits = offset + bits[0] // 8, (bits[0] % 8, bits[1])
    code = (*value.code, *constant(offset), *ADD) if offset else value.code
    return Place(member.type, code, bits)


def element(value: Place | Content) -> Place:
    """The first element of an array. Errors: `NotCompilableError` for one in a register."""
    if not isinstance(value, Place):
        raise NotCompilableError("an array that is in no memory")
    return Place(value.type.target, value.code)


def dereferenced(value: Place | Content) -> Place:
    """What a pointer or a reference leads to. Errors: `NotCompilableError` for what is neither."""
    if value.type.kind not in ("pointer", "reference"):
        raise NotCompilableError(f"{value.type} is no pointer")
    if value.type.target.kind in ("void", "function"):
        raise NotCompilableError(f"{value.type} leads to no value")
    return Place(value.type.target, bits_of(value))


def bits_of(value: Compiled) -> Code:
    """The bytes of a number or a pointer as a number without a sign, as far as it has bytes."""
    if isinstance(value, Number):
        return (*value.code, *extended(value.size, is_signed=False))
    size = _size_of_number(value.type)
    if isinstance(value, Content):
        return (*value.code, *extended(size, is_signed=False))
    if value.bits is None:
        return (*value.code, *reference(size))
    first, width = value.bits
    shift = (*constant(first), ("rsh_unsigned", 0)) if first else ()
    held = (*value.code, *reference((first + width + 7) // 8), *shift)
    return held if width == 8 * _LONG else (*held, ("zero_ext", width))


def operand(value: Compiled) -> Number:
    """A number to compute with, as C makes it of a value.

    Errors: `NotCompilableError` for what is no whole number of 64 bits.
    """
    if isinstance(value, Number):
        return value
    if value.type.kind == "reference":
        value = dereferenced(value)
    kind = value.type.kind
    if kind == "array" and isinstance(value, Place):
        return Number(value.code, _LONG, is_signed=False)
    code, size, is_signed = bits_of(value), value.type.size, value.type.is_signed
    if kind == "pointer":
        return Number(code, _LONG, is_signed=False)
    if not isinstance(value, Place) or value.bits is None:
        return Number((*code, *extended(size, is_signed=is_signed)), size, is_signed)
    width = value.bits[1]
    if width >= 8 * _INT:
        # What type it becomes depends on its value.
        raise NotCompilableError(f"a bit field of {width} bits")
    return Number((*code, ("ext", width)) if is_signed else code, _INT, is_signed=True)


def _size_of_number(kind: Type) -> int:
    is_other = kind.kind == "base" and not kind.is_whole
    if kind.kind not in ("base", "enumeration", "pointer", "reference") or is_other:
        raise NotCompilableError(f"{kind} is no whole number")
    size = kind.size
    if size not in _BYTES:
        raise NotCompilableError(f"a number of {size} bytes")
    return size


def _truth(value: Compiled) -> Code:
    return (*operand(value).code, *NOT, *NOT)


def _is_reference(value: Compiled) -> bool:
    return not isinstance(value, Number) and value.type.kind == "reference"


def _is_pointer(value: Compiled) -> bool:
    return not isinstance(value, Number) and value.type.kind in ("pointer", "array")


def _with_pointer(sign: str, left: Compiled, right: Compiled) -> Compiled | None:
    """A pointer moved by elements, or the elements between two; None: it is about numbers."""
    if _is_pointer(right):
        if _is_pointer(left):
            return _distance(sign, left, right)
        left, right = right, left
        if sign == "-":
            raise NotCompilableError("a pointer cannot be subtracted from a number")
    if isinstance(left, Number) or not _is_pointer(left):
        return None
    target = left.type.target
    size = target.size if target.has_size else 1
    steps = (*operand(right).code, *constant(size), ("mul", 0))
    code: Code = (*operand(left).code, *steps, ("add" if sign == "+" else "sub", 0))
    return Content(PointerTo(target) if left.type.kind == "array" else left.type, code)


def _distance(sign: str, left: Compiled, right: Compiled) -> Compiled:
    """The elements between two pointers: of those below 2**63, and whole ones."""
    if sign == "+" or isinstance(left, Number):
        raise NotCompilableError("two pointers have no sum")
    size = max(left.type.target.size, 1)
    both = (("pick", 1), ("pick", 1), ("bit_or", 0))
    are_low = need((*both, *constant(-1), ("swap", 0), ("less_signed", 0)))
    difference = (*operand(left).code, *operand(right).code, *are_low, ("sub", 0))
    is_whole = need((*DUP, *constant(size), ("rem_signed", 0), *NOT))
    code: Code = (*difference, *is_whole, *constant(size), ("div_signed", 0))
    return Number(code, _LONG, is_signed=True)
