"""Values at every hit of a place in the program, in one pass: printf put in afterwards."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from reenact import _native
from reenact.errors import UsageError
from reenact.session.hit_collection import CollectedHit
from reenact.session.positions import Position
from reenact.session.session import Session
from reenact.session.values import StopReason
from reenact.symbols.rendering import render
from reenact.symbols.values import Plain, Value


@dataclass(frozen=True)
class Answer:
    """An expression's value at a hit.

    Arguments:
        text: as C would write it; "" where there is none.
        value: as Python's own; pointers are numbers.
        is_true: whether C takes it for true.
        problem: why there is no value; "" where there is one.
    """

    text: str
    value: Plain
    is_true: bool = False
    problem: str = ""


@dataclass(frozen=True)
class Hit:
    """The program at the place.

    Arguments:
        position: the moment before the place's instruction.
        thread: the thread that runs.
        function, file, line: what the address belongs to; None where nothing tells.
        answers: one for each expression.
    """

    position: Position
    thread: int
    function: str | None
    file: str | None
    line: int | None
    answers: tuple[Answer, ...]


class Tracing:
    """One pass over a process, from the session's position to the end.

    Arguments:
        session: moved by the pass; it should have no points of its own.
        place: a function, or `FILE:LINE`.
        expressions: to evaluate at each hit, in the notation of C.
        condition: an expression: hits where it is zero do not count; None: all count.

    Errors: `UsageError` for a place that no file of the process has, for what is no expression,
    and for names that mean nothing at the place.

    Example:
        >>> from reenact.session.tracing import Tracing
        >>> for hit in Tracing(session, "add", ["times", "counter"]).hits():
        ...     print(hit.function, [answer.text for answer in hit.answers])
        add ['10', '0']
        add ['1000', '45']
        add ['3', '499555']
    """

    def __init__(
        self,
        session: Session,
        place: str,
        expressions: Sequence[str],
        condition: str | None = None,
    ) -> None:
        self._session = session
        self._expressions = tuple(expressions)
        self._condition = condition
        self._point = session.add_breakpoint(place)
        try:
            for expression in (*expressions, *(() if condition is None else (condition,))):
                session.check_expression(expression, self._point.addresses)
        except UsageError as error:
            raise UsageError(f"at {place}: {error.message}", error.hint) from None
        #: Function, file and line of addresses where a hit was.
        self._places: dict[int, tuple[str | None, str | None, int | None]] = {}
        #: In what the replay departs from the recording, once the pass has ended there.
        self.divergence = ""
        #: Hits at which the condition had no value, which do not count, and why the first had none.
        self.undecided = 0
        self.problem = ""

    def hits(self) -> Iterator[Hit]:
        """Every hit that counts, in order. The session is already further on when one is given."""
        session, point = self._session, self._point
        collection = session.collection(point, self._expressions, self._condition)
        address = session.registers.rip
        if address in point.addresses:
            yield from self._asked(session.thread, address)
            collection.learn(address)
        while True:
            hits, stop = collection.advance()
            for hit in hits:
                if hit.values is None:
                    collection.forget(hit.address)
                    yield from self._asked_again(hit)
                else:
                    answers = tuple(
                        Answer(*value) for value in hit.values[: len(self._expressions)]
                    )
                    position = Position(session.process, *hit.key)
                    yield Hit(position, hit.thread, *self._places[hit.address], answers)
            if stop is None:
                continue
            if stop.reason != StopReason.BREAKPOINT:
                break
            address = session.registers.rip
            yield from self._asked(stop.thread, address)
            collection.learn(address)
        if stop.reason == StopReason.DIVERGENCE:
            self.divergence = stop.message or "the replay cannot go on"

    def _asked(self, thread: int, address: int) -> Iterator[Hit]:
        """The hit where the session stands, if it counts."""
        if address not in self._places:
            frame = self._session.frame()
            self._places[address] = (frame.function, frame.file, frame.line)
        if self._counts():
            yield self._hit(thread)

    def _asked_again(self, hit: CollectedHit) -> Iterator[Hit]:
        """A hit that was passed, and has to be asked for all the same: go there, and back."""
        end = self._session.position
        self._session.goto(Position(self._session.process, *hit.key))
        found = self._hit(hit.thread)
        self._session.goto(end)
        yield found

    def _counts(self) -> bool:
        """Whether the condition holds at the hit."""
        if self._condition is None:
            return True
        answer = self._answer(self._condition)
        if answer.problem:
            self.problem = self.problem or answer.problem
            self.undecided += 1
        return answer.is_true

    def _hit(self, thread: int) -> Hit:
        session = self._session
        return Hit(
            session.position,
            thread,
            *self._places[session.registers.rip],
            tuple(self._answer(expression) for expression in self._expressions),
        )

    def _answer(self, expression: str) -> Answer:
        try:
            found = self._session.evaluate(expression)
            if isinstance(found, Value):
                return Answer(render(found), found.plain(), bool(found))
            return Answer(str(found), found, bool(found))
        except UsageError as error:
            return Answer("", None, problem=error.message)
        except (ArithmeticError, TypeError, ValueError, _native.SymbolError) as error:
            return Answer("", None, problem=f"cannot be computed: {error}")
