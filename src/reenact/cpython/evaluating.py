"""Python expressions from recorded memory: names, attributes, items, arithmetic, comparisons."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Union

from reenact.cpython.values import PythonFrame, PythonValue
from reenact.errors import UsageError

#: What memory tells, or what was computed from it.
Result = Union[PythonValue, int, float, complex, str, bytes, bool, None, tuple["Result", ...]]

_LONGEST = 4096
#: Longest result of a repetition.
_MOST_REPEATED = 1 << 16

_OPERATORS: dict[type[ast.AST], Callable[..., object]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul,
    ast.Div: operator.truediv, ast.FloorDiv: operator.floordiv, ast.Mod: operator.mod,
    ast.BitAnd: operator.and_, ast.BitOr: operator.or_, ast.BitXor: operator.xor,
    ast.USub: operator.neg, ast.UAdd: operator.pos, ast.Invert: operator.invert,
    ast.Eq: operator.eq, ast.NotEq: operator.ne, ast.Lt: operator.lt, ast.LtE: operator.le,
    ast.Gt: operator.gt, ast.GtE: operator.ge,
}  # fmt: skip
_FUNCTIONS = ("len", "type", "id", "repr", "abs", "int", "float", "bool", "min", "max")


@dataclass
class _Evaluation(ast.NodeVisitor):
    """Evaluates an expression in a frame."""

    frame: PythonFrame

    def visit(self, node: ast.AST) -> Result:
        method = getattr(self, f"_{type(node).__name__.lower()}", None)
        if method is None:
            raise UsageError(
                "memory tells names, attributes, items, arithmetic and comparisons; "
                f"not {type(node).__name__}",
                "nothing of the program is run: calls and what needs them have no value",
            )
        result: Result = method(node)
        return result

    def _expression(self, node: ast.Expression) -> Result:
        return self.visit(node.body)

    def _constant(self, node: ast.Constant) -> Result:
        if node.value is Ellipsis:
            raise UsageError("... has no value here")
        found: Result = node.value
        return found

    def _name(self, node: ast.Name) -> Result:
        found = self.frame.find(node.id)
        if found is None:
            raise UsageError(f"the name {node.id} is not bound here")
        return found

    def _attribute(self, node: ast.Attribute) -> Result:
        return _object(self.visit(node.value)).attribute(node.attr)

    def _subscript(self, node: ast.Subscript) -> Result:
        inside, key = self.visit(node.value), plain(self.visit(node.slice))
        if isinstance(inside, PythonValue) and inside.type not in ("str", "bytes"):
            return inside[key]  # type: ignore[index]
        return _computed(operator.getitem, plain(inside), key)

    def _tuple(self, node: ast.Tuple) -> Result:
        return tuple(plain(self.visit(one)) for one in node.elts)  # type: ignore[misc]

    def _binop(self, node: ast.BinOp) -> Result:
        left, right = plain(self.visit(node.left)), plain(self.visit(node.right))
        function = _OPERATORS.get(type(node.op))
        if function is None:
            raise UsageError(f"{type(node.op).__name__} is not computed here")
        if isinstance(node.op, ast.Mult) and (_repeats(left, right) or _repeats(right, left)):
            raise UsageError("the result is too large")
        return _computed(function, left, right)

    def _unaryop(self, node: ast.UnaryOp) -> Result:
        if isinstance(node.op, ast.Not):
            return not truth(self.visit(node.operand))
        return _computed(_OPERATORS[type(node.op)], plain(self.visit(node.operand)))

    def _boolop(self, node: ast.BoolOp) -> Result:
        is_or, found = isinstance(node.op, ast.Or), self.visit(node.values[0])
        for one in node.values[1:]:
            if truth(found) == is_or:
                break
            found = self.visit(one)
        return found

    def _compare(self, node: ast.Compare) -> Result:
        left = self.visit(node.left)
        for kind, one in zip(node.ops, node.comparators):
            right = self.visit(one)
            if not _compared(kind, left, right):
                return False
            left = right
        return True

    def _call(self, node: ast.Call) -> Result:
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        if name not in _FUNCTIONS or node.keywords or not node.args:
            raise UsageError(
                "calls are not evaluated: nothing of the program is run",
                f"from memory there are {', '.join(_FUNCTIONS)}",
            )
        values = [self.visit(one) for one in node.args]
        first = values[0]
        if name == "type":
            return first.type if isinstance(first, PythonValue) else type(first).__name__
        if name == "id":
            return _object(first).address
        if name == "repr":
            return repr(first)
        if name == "len" and isinstance(first, PythonValue):
            return len(first)
        if name == "bool":
            return truth(first)
        import builtins

        return _computed(getattr(builtins, name), *(plain(value) for value in values))


def evaluate(text: str, frame: PythonFrame) -> Result:
    """The value of an expression in a frame, from memory.

    Errors: `UsageError` for what is no expression, what is not bound, and what memory alone does
    not tell, such as the result of a call.
    """
    tree = check(text)
    try:
        return _Evaluation(frame).visit(tree)
    except RecursionError:
        raise UsageError("the expression is nested too deep") from None


def check(text: str) -> ast.Expression:
    """The expression, taken apart. Errors: `UsageError` for what is none."""
    if len(text) > _LONGEST:
        raise UsageError("the expression is too long")
    try:
        return ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise UsageError(f"{text!r} is no Python expression: {error}") from None


def plain(value: Result) -> object:
    """A number, a text, or the like. Errors: `UsageError` for other objects."""
    return value.plain if isinstance(value, PythonValue) else value


def truth(value: Result) -> bool:
    """Whether a value counts as true. Errors: `UsageError` where its class decides."""
    if not isinstance(value, PythonValue):
        return bool(value)
    try:
        return bool(value.plain)
    except UsageError:
        return len(value) > 0


def _object(value: Result) -> PythonValue:
    if not isinstance(value, PythonValue):
        raise UsageError(f"{value!r} was computed: it has no attributes in memory")
    return value


def _compared(kind: ast.cmpop, left: Result, right: Result) -> bool:
    if isinstance(kind, (ast.Is, ast.IsNot)):
        if isinstance(left, PythonValue) and isinstance(right, PythonValue):
            is_same = left.address == right.address
        else:
            # None, True and False are one object each.
            is_same = plain(left) is plain(right)
        return is_same == isinstance(kind, ast.Is)
    if isinstance(kind, (ast.In, ast.NotIn)):
        if isinstance(right, PythonValue) and right.type not in ("str", "bytes"):
            is_in = any(_is_equal(one, left) for one in right)
        else:
            is_in = bool(_computed(operator.contains, plain(right), plain(left)))
        return is_in == isinstance(kind, ast.In)
    return bool(_computed(_OPERATORS[type(kind)], plain(left), plain(right)))


def _is_equal(one: PythonValue, other: Result) -> bool:
    if isinstance(other, PythonValue) and one.address == other.address:
        return True
    try:
        return bool(one.plain == plain(other))
    except UsageError:
        return False


def _repeats(one: object, times: object) -> bool:
    """Whether a text, repeated so often, is too long."""
    if not isinstance(one, (str, bytes, tuple)) or not isinstance(times, int):
        return False
    return len(one) * times > _MOST_REPEATED


def _computed(function: Callable[..., object], *values: object) -> Result:
    try:
        found: Result = function(*values)  # type: ignore[assignment]
    except (ArithmeticError, TypeError, ValueError, LookupError, MemoryError) as error:
        raise UsageError(f"{type(error).__name__}: {error}") from None
    return found
