"""When the value of an expression changed: what it depends on is watched, and looked at.

An expression such as `list->head->next` depends on several pieces of memory, and on others once a
pointer in it changes. The names in it are bound where one asks: a local variable means the one
of that call.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Union

from reenact import _native
from reenact.errors import UsageError
from reenact.session.interface import ReplayedProcess, Visitor
from reenact.session.messages import StopState
from reenact.session.movements import Movements
from reenact.session.points import Point, Points
from reenact.session.values import Stop, StopReason
from reenact.session.view import View
from reenact.symbols.expressions import evaluate
from reenact.symbols.frames import Read
from reenact.symbols.types import Type
from reenact.symbols.values import Value
from reenact.symbols.variables import FrameVariables

#: Memory an expression depends on: address and number of bytes of each piece.
Ranges = tuple[tuple[int, int], ...]
#: A value that can be compared; None: there is none, as behind a null pointer.
State = Union[bytes, int, float, None]

_MOST_BYTES = 1 << 16


class _BoundVariables(FrameVariables):
    """Variables that stay where they were when they were first found."""

    def __init__(self, variables: FrameVariables) -> None:
        self._variables = variables
        self._found: dict[str, tuple[Type, int]] = {}
        #: Whether one of them belongs to the call that was asked about.
        self.has_locals = False
        self.ranges: list[tuple[int, int]] = []

    @property
    def read(self) -> Read:
        return self._noted

    def find(self, name: str) -> Value | None:
        if name not in self._found:
            value = self._variables.find(name)
            if value is None:
                return None
            if (
                value.type.kind == "enumeration"
                and value.address is None
                and name not in (self._variables.names)
            ):
                # A constant.
                return value
            if value.address is None:
                raise UsageError(
                    f"{name} is in a register here, so that its changes cannot be watched",
                    "ask in a frame where it is in memory, or compile with -O0",
                )
            self._found[name] = (value.type, value.address)
            self.has_locals = self.has_locals or self._variables.is_local(name)
        kind, address = self._found[name]
        return Value(kind, self._noted, address)

    def type_named(self, name: str) -> Type:
        return self._variables.type_named(name)

    def void(self) -> Type:
        return self._variables.void()

    def language_type(self, name: str) -> Type:
        return self._variables.language_type(name)

    def vector(self, name: str) -> Value:
        self.register(name)
        raise AssertionError("no register can be watched")

    def register(self, name: str) -> tuple[int, int, bool]:
        raise UsageError(
            f"${name} is a register, so that its changes cannot be watched",
            "name what is in memory",
        )

    def _noted(self, address: int, length: int) -> bytes:
        self.ranges.append((address, length))
        return self._variables.read(address, length)


class WatchedExpression:
    """An expression, and its value wherever the session stands.

    Arguments:
        text: the expression.
        variables: what can be seen where one asks.

    Errors: `UsageError` when it has no value there, or is not in memory.
    """

    def __init__(self, text: str, variables: FrameVariables) -> None:
        self._text = text
        self._variables = _BoundVariables(variables)
        found = evaluate(text, self._variables)
        if isinstance(found, Value) and (not found.type.has_size or found.size > _MOST_BYTES):
            raise UsageError(
                f"{text} has no value of up to {_MOST_BYTES:,} bytes", "name a part of it"
            )
        self.state()
        if not self._variables.ranges:
            raise UsageError(f"{text} does not depend on memory", "name a variable")

    @property
    def has_locals(self) -> bool:
        """Whether it means variables of one call."""
        return self._variables.has_locals

    def state(self) -> tuple[State, Ranges]:
        """Its value now, and what that depends on."""
        self._variables.ranges.clear()
        state: State
        try:
            found = evaluate(self._text, self._variables)
            state = found.content if isinstance(found, Value) else found
        except (UsageError, ArithmeticError, _native.SymbolError):
            state = None
        return state, tuple(dict.fromkeys(r for r in self._variables.ranges if r[1] > 0))


class _LastChange:
    """Follows a stretch of the replay forwards; knows the last change in it at its end."""

    def __init__(self, expression: WatchedExpression, ranges: Ranges) -> None:
        self._expression = expression
        self._ranges = ranges
        self._before: tuple[StopState, State, Ranges] | None = None
        #: Where it is about to change, or to depend on other memory.
        self.found: StopState | None = None
        self.is_change = False

    def visit(self, stop: StopState | None) -> None:
        """At each write, before it; None: at the end of the stretch."""
        state, ranges = self._expression.state()
        if self._before is not None:
            where, earlier, watched = self._before
            if earlier != state or watched != self._ranges:
                self.found, self.is_change = where, earlier != state
        self._before = None if stop is None else (stop, state, ranges)


class Changes:
    """Moves a session to changes of expressions; its own points do not count.

    Arguments:
        movements: moves it by points.
        process: is moved along the writes.
        view: where it stands.
    """

    def __init__(self, movements: Movements, process: ReplayedProcess, view: View) -> None:
        self._movements = movements
        self._process = process
        self._view = view

    def last(self, text: str, level: int, thread: int | None) -> Stop:
        """Back to right before the last change; to where its call or the process began else."""
        expression = WatchedExpression(text, self._view.variables(level, thread))
        floor = self._process.history.start
        if expression.has_locals:
            frame = self._view.frame(level, thread)[0]
            if frame.frame_address is not None:
                origin = self._process.key
                call = Points().add_watch(frame.frame_address - 8, 8, "write", None)
                self._movements.backward([call], alone=True)
                floor = self._process.key
                self._movements.goto(origin)
        while True:
            _, ranges = expression.state()
            points = Points().joined(_watches(ranges))
            seen: list[_LastChange] = []

            def followed(ranges: Ranges = ranges, seen: list[_LastChange] = seen) -> Visitor:
                seen.append(_LastChange(expression, ranges))
                return seen[-1]

            if not self._process.backward_along(points, followed, floor):
                is_start = floor == self._process.history.start
                return self._movements.here(StopReason.START if is_start else StopReason.POSITION)
            if seen[-1].is_change:
                return self._movements.here(StopReason.WATCHPOINT)

    def next(self, text: str, level: int, thread: int | None) -> Stop:
        """On to right after the next change, or to the end."""
        expression = WatchedExpression(text, self._view.variables(level, thread))
        before, ranges = expression.state()
        while True:
            stop = self._movements.forward(_watches(ranges), alone=True)
            now, ranges = expression.state()
            if stop.reason != StopReason.WATCHPOINT or now != before:
                return stop


def _watches(ranges: Sequence[tuple[int, int]]) -> list[Point]:
    own = Points()
    return [own.add_watch(address, size, "write", None) for address, size in ranges]
