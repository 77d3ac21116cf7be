"""Who bound a name, attribute or element: the write of the reference to what it is."""

from __future__ import annotations

import ast
from collections.abc import Callable

from reenact.cpython.evaluating import evaluate
from reenact.cpython.executing import ThreadState
from reenact.cpython.reading import UnreadableError
from reenact.cpython.stepping import Stepping
from reenact.cpython.values import Place, PythonFrame, PythonValue, value_at
from reenact.errors import UsageError
from reenact.session.movements import Movements
from reenact.session.points import Points
from reenact.session.values import Stop, StopReason

_WORD = 8
#: How often a container may have moved what it holds; a dict doubles each time.
_MOST_MOVES = 200


class LastBinding:
    """A reference that is followed back.

    Arguments:
        text: an expression that ends in a name, an attribute or an element.
        frame: in which it is meant.

    Errors: `UsageError` for what is no reference in memory.
    """

    def __init__(self, text: str, frame: PythonFrame) -> None:
        value = evaluate(text, frame)
        if not isinstance(value, PythonValue) or value.reference is None:
            raise UsageError(
                f"{text} is no name, attribute or element in memory", "name what holds it"
            )
        self._value = value
        self._again = _holder(text, frame)

    def go_back(
        self,
        movements: Movements,
        place: Callable[[], Place],
        thread: Callable[[], ThreadState | None],
    ) -> Stop:
        """To right before the write; to the start where there is none.

        Arguments:
            movements: of the session, which is moved.
            place: the interpreter's state where it stands.
            thread: the running thread there.
        """
        reference = self._value.reference
        for _ in range(_MOST_MOVES):
            point = Points().add_watch(reference or 0, _WORD, "write", None)
            stop = movements.backward([point], alone=True)
            if stop.reason != StopReason.WATCHPOINT:
                return stop
            # While a container moves what it holds it is neither here nor there: it is asked
            # before the instruction of Python that does it.
            state = thread()
            if state is not None and state.innermost is not None:
                Stepping(movements, state).instruction_begins()
            before = self._reference(place())
            if before is None or before == reference:
                return movements.goto((stop.position.event, stop.position.instructions))
            reference = before
        return stop

    def _reference(self, place: Place) -> int | None:
        """Where the reference was, if the same object was held already; None: it was not."""
        try:
            found = self._again(place)
        except (UnreadableError, UsageError, ValueError):
            # The container was not there yet.
            return None
        return found[0] if found is not None and found[1] == self._value.address else None


_Found = Callable[[Place], "tuple[int, int] | None"]


def _holder(text: str, frame: PythonFrame) -> _Found:
    """How the reference is found again in what holds it."""
    tree = ast.parse(text.strip(), mode="eval").body
    if isinstance(tree, ast.Attribute):
        held, name = evaluate(ast.unparse(tree.value), frame), tree.attr
        address = held.address if isinstance(held, PythonValue) else 0
        return lambda place: place.objects.attributes(address).get(name)
    if isinstance(tree, ast.Subscript):
        held, key = (
            evaluate(ast.unparse(tree.value), frame),
            evaluate(ast.unparse(tree.slice), frame),
        )
        address = held.address if isinstance(held, PythonValue) else 0
        wanted = key.plain if isinstance(key, PythonValue) else key
        return lambda place: _element(place, address, wanted)
    if isinstance(tree, ast.Name):
        name = tree.id
        where = frame.holder_of(name)
        return lambda place: where(place).get(name)
    raise UsageError(f"{text} is no name, attribute or element", "name what holds it")


def _element(place: Place, address: int, key: object) -> tuple[int, int] | None:
    found = value_at(place, address)[key]  # type: ignore[index]
    return None if found.reference is None else (found.reference, found.address)
