"""Expressions in the notation of C: `a->b.c[3]`, `*p`, `&x`, `n + 1 == m`, `(node *)p`, `$rax`.

A part of C, without assignments and calls: what one asks of a moment in a recording. Numbers are
C's, too: they have types, and wrap.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, ClassVar, Union

from reenact.errors import UsageError
from reenact.symbols import syntax
from reenact.symbols.arithmetic import Operand, Real, Whole, binary, is_true, unary
from reenact.symbols.floats import as_float
from reenact.symbols.made_types import ArrayOf, PointerTo
from reenact.symbols.member_pointers import pointed_member, pointer_to_member, pointer_to_virtual
from reenact.symbols.syntax import Node, parse
from reenact.symbols.tokens import shortened
from reenact.symbols.type_names import TypeName
from reenact.symbols.types import Type
from reenact.symbols.values import Value, converted
from reenact.symbols.variables import FrameVariables

#: What an expression comes to: a value of the program, or a number.
Result = Union[Value, int, float]
#: The same on the way, where numbers have types.
_Found = Union[Value, Whole, Real]

_POINTERS = ("pointer", "array")
_LONG = 8
_VECTOR = re.compile(r"xmm([0-9]|1[0-5])")


def evaluate(expression: str, variables: FrameVariables) -> Result:
    """The value of an expression in a frame.

    Errors: `UsageError` for a name that cannot be seen, a value that is optimized out, memory
    that cannot be read, or what is no such expression.
    """
    return evaluate_node(expression, taken_apart(expression, variables), variables)


def taken_apart(expression: str, variables: FrameVariables) -> Node:
    """The parts of an expression, as they are meant in a frame.

    Errors: `UsageError` for what is no expression.
    """

    def is_variable(name: str) -> bool:
        try:
            found = variables.find(name)
        except UsageError:
            return False
        # A constructor is called as its class is.
        is_function = found is not None and found.type.kind == "function"
        return not (is_function and _is_type(name, variables))

    def is_known(name: str) -> bool:
        return is_variable(name) or _is_type(name, variables)

    return parse(expression, is_variable, is_known)


def _is_type(name: str, variables: FrameVariables) -> bool:
    try:
        variables.type_named(name)
    except UsageError:
        return False
    return True


def evaluate_node(text: str, node: Node, variables: FrameVariables) -> Result:
    """The value of an expression that was taken apart, or of a part of it.

    Arguments:
        text: all of the expression.
        node: what is evaluated.
        variables: what can be seen from the frame.

    Errors: as `evaluate`.
    """
    try:
        found = _Evaluation(text, variables).value(node)
    except RecursionError:
        raise UsageError(f"{shortened(text)} is nested too deeply") from None
    except (OverflowError, ValueError) as error:
        raise UsageError(f"{shortened(text)} cannot be computed: {error}") from None
    if not isinstance(found, Real):
        return found.value if isinstance(found, Whole) else found
    if found.size > _LONG:
        return converted(found.value, variables.language_type("long double"), variables.read)
    return as_float(found.value)


class _Evaluation:
    """Evaluates the parts of one expression."""

    def __init__(self, text: str, variables: FrameVariables) -> None:
        self._text = text
        self._variables = variables

    def value(self, node: Node) -> _Found:
        """What a part comes to."""
        return self._KINDS[type(node)](self, node)

    def _literal(self, node: syntax.Number) -> _Found:
        return Whole(node.value, node.size, node.is_signed)

    def _real(self, node: syntax.Real) -> _Found:
        return Real(node.value, node.size)

    def _register(self, node: syntax.Register) -> _Found:
        if _VECTOR.fullmatch(node.name):
            return self._variables.vector(node.name)
        if node.name == "eflags":
            return self._variables.flags()
        return Whole(*self._variables.register(node.name))

    def _conditional(self, node: syntax.Conditional) -> _Found:
        return self.value(node.chosen if self._is_true(node.condition) else node.otherwise)

    def _member(self, node: syntax.Member) -> _Found:
        value = self._typed(node.value)
        if node.through and value.type.kind == "array":
            value = value.dereference()
        return value.member(node.name)

    def _element(self, node: syntax.Index) -> _Found:
        value, index = self.value(node.value), self.value(node.index)
        if not isinstance(value, Value) and isinstance(index, Value):
            # `3[array]` is the same.
            value, index = index, value
        number = _operand(index)
        if not isinstance(value, Value) or isinstance(number, Real):
            raise UsageError("an index is a whole number, of an array or a pointer")
        found = value.dereference() if value.type.kind == "reference" else value
        return found.index(number.value)

    def _variable(self, node: syntax.Name) -> _Found:
        name = node.name
        if name in ("true", "false"):
            return Whole(int(name == "true"))
        found = self._variables.find(name)
        if found is None:
            raise UsageError(f"{name} is optimized out here")
        return found

    def _unary(self, node: syntax.Unary) -> _Found:
        if node.sign == "*":
            behind = self._typed(node.operand)
            # A reference is what it refers to.
            is_reference = behind.type.kind == "reference"
            return (behind.dereference() if is_reference else behind).dereference()
        if node.sign == "&":
            if isinstance(node.operand, syntax.Unary) and node.operand.sign == "*":
                # C: neither is evaluated.
                inner = self.value(node.operand.operand)
                if isinstance(inner, Value) and inner.type.kind == "pointer":
                    return inner
            member = self._member_pointer(node.operand)
            if member is not None:
                return member
            found = self._typed(node.operand)
            found = found.dereference() if found.type.kind == "reference" else found
            if found.address is None:
                raise UsageError("what is in a register has no address")
            if found.is_bit_field:
                raise UsageError("a bit field has no address")
            address = found.address.to_bytes(_LONG, "little")
            return Value(PointerTo(found.type), found.read, None, address)
        return unary(node.sign, self._number(node.operand))

    def _binary(self, node: syntax.Binary) -> _Found:
        if node.sign == "&&":
            return Whole(int(self._is_true(node.left) and self._is_true(node.right)))
        if node.sign == "||":
            return Whole(int(self._is_true(node.left) or self._is_true(node.right)))
        if node.sign == "@":
            return self._several(node)
        left, right = self.value(node.left), self.value(node.right)
        if node.sign in (".*", "->*"):
            return pointed_member(left, right)
        if node.sign in ("+", "-"):
            moved = _with_pointer(node.sign, left, right)
            if moved is not None:
                return moved
        return binary(node.sign, _operand(left), _operand(right))

    def _is_true(self, node: Node) -> bool:
        return is_true(self._number(node))

    def _cast(self, node: syntax.Cast) -> _Found:
        operand, target = self.value(node.operand), node.type.find(self._variables)
        if isinstance(operand, Value):
            return operand.cast(target)
        return converted(operand.value, target, self._variables.read)

    def _several(self, node: syntax.Binary) -> _Found:
        """`first@count`: an array of what begins there."""
        first, count = self._typed(node.left), _operand(self.value(node.right))
        if isinstance(count, Real) or count.value < 1:
            raise UsageError("@ needs a number of elements")
        if first.address is None or first.is_bit_field:
            raise UsageError("only what is in memory is followed by more of it")
        return Value(ArrayOf(first.type, count.value), first.read, first.address)

    def _member_pointer(self, node: Node) -> _Found | None:
        """`&class::member`; None: it is the address of something."""
        if not isinstance(node, syntax.Name) or "::" not in node.name:
            return None
        holder, _, name = node.name.rpartition("::")
        try:
            found = self._variables.type_named(holder)
        except UsageError:
            return None
        try:
            way = found.find_member(name)
        except UsageError:
            return pointer_to_virtual(found, name, self._variables.read)
        return pointer_to_member(found, way, self._variables.read)

    def _size(self, node: syntax.SizeOf) -> _Found:
        if isinstance(node.of, TypeName):
            size = _size_of(node.of.find(self._variables))
        elif self._is_behind_nothing(node.of):
            size = 1
        else:
            found = self.value(node.of)
            size = found.size if isinstance(found, (Whole, Real)) else _size_of(found.type)
        return Whole(size, _LONG, is_signed=False)

    def _is_behind_nothing(self, node: Node) -> bool:
        """Whether it is `*pointer` of one to nothing, which has no value but a size in GNU C."""
        if not isinstance(node, syntax.Unary) or node.sign != "*":
            return False
        pointer = self.value(node.operand)
        return (
            isinstance(pointer, Value)
            and pointer.type.kind == "pointer"
            and pointer.type.target.kind == "void"
        )

    def _number(self, node: Node) -> Operand:
        return _operand(self.value(node))

    def _typed(self, node: Node) -> Value:
        found = self.value(node)
        if isinstance(found, Value):
            return found
        raise UsageError(
            f"in {shortened(self._text)} something is a plain number that must have a type",
            "cast it: (struct node *)",
        )

    #: Who evaluates which kind of node.
    _KINDS: ClassVar[dict[type, Callable[[_Evaluation, Any], _Found]]] = {
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


def _size_of(kind: Type) -> int:
    """`sizeof`; of functions and nothing as GNU C has it."""
    if kind.kind == "reference":
        kind = kind.target
    return 1 if kind.kind in ("void", "function") else kind.size


def _with_pointer(sign: str, left: _Found, right: _Found) -> _Found | None:
    """A pointer moved by elements, or the elements between two; None: it is about numbers."""
    if isinstance(right, Value) and _is_pointer(right):
        if isinstance(left, Value) and _is_pointer(left):
            if sign == "+":
                raise UsageError("two pointers have no sum")
            size = _size_of(left.type.target) or 1
            return Whole((int(left) - int(right)) // size, _LONG)
        if sign == "-":
            raise UsageError("a pointer cannot be subtracted from a number")
        left, right = right, left
    if not isinstance(left, Value) or not _is_pointer(left):
        return None
    steps = _operand(right)
    if isinstance(steps, Real):
        raise UsageError("a pointer is moved by whole numbers")
    size = _size_of(left.type.target)
    return _moved(left, (steps.value if sign == "+" else -steps.value) * size)


def _moved(pointer: Value, distance: int) -> Value:
    address = (int(pointer) + distance) % 2**64
    kind = PointerTo(pointer.type.target) if pointer.type.kind == "array" else pointer.type
    return Value(kind, pointer.read, None, address.to_bytes(8, "little"))


def _is_pointer(operand: Value) -> bool:
    return operand.type.kind in _POINTERS


def _operand(found: _Found) -> Operand:
    """A number to compute with."""
    if not isinstance(found, Value):
        return found
    if found.type.kind == "reference":
        found = found.dereference()
    if found.type.is_float:
        return Real(found.exact, found.type.size)
    if found.type.is_complex:
        raise UsageError("complex numbers are not computed with here", "gdb does it")
    if found.type.kind in _POINTERS or found.type.kind == "function":
        return Whole(int(found), _LONG, is_signed=False)
    number = int(found)
    if found.is_bit_field:
        # It becomes an int, where that has all of its values.
        is_wide = found.type.size > 4 and not -(1 << 31) <= number < 1 << 31
        return Whole(number, _LONG if is_wide else 4, found.type.is_signed or not is_wide)
    return Whole(number, found.type.size, found.type.is_signed)
