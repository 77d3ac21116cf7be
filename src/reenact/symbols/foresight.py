"""Whether an expression can mean something at a place, before the program has come there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import fields

from reenact.errors import UnknownNameError, UsageError
from reenact.symbols.expressions import evaluate_node, taken_apart
from reenact.symbols.frames import DWARF_REGISTERS, Frame
from reenact.symbols.space import AddressSpace
from reenact.symbols.syntax import Binary, Cast, Conditional, Index, Member, Node, SizeOf, Unary
from reenact.symbols.variables import FrameVariables

#: Bytes of memory that are made up at once, at most.
_MOST_READ = 1 << 16
_WITH_PARTS = (Unary, Binary, Conditional, Cast, SizeOf, Member, Index)


def check(expression: str, space: AddressSpace, addresses: Iterable[int]) -> None:
    """Refuse an expression that cannot have a value at any of some places, whatever happens there.

    Arguments:
        expression: in the notation of C.
        space: all that the process ever loads.
        addresses: the instructions before which it will be asked.

    Errors: `UsageError` for what is no expression, and for names of variables, members and
    registers that mean nothing at all of the places.
    """
    failure: UnknownNameError | None = None
    for address in addresses:
        try:
            _check_at(expression, _made_up(space, address))
        except UnknownNameError as error:
            failure = error
        else:
            return
    if failure is not None:
        raise failure


def _check_at(text: str, variables: FrameVariables) -> None:
    for part in _parts(taken_apart(text, variables)):
        try:
            evaluate_node(text, part, variables)
        except UnknownNameError:
            raise
        except (UsageError, ArithmeticError, TypeError, ValueError, RecursionError):
            # It depends on what will be in memory and registers.
            continue


def _parts(node: Node) -> Iterator[Node]:
    """A node and all below it: an operator may leave some of them alone."""
    for field in fields(node):
        part = getattr(node, field.name)
        if isinstance(part, _WITH_PARTS):
            yield from _parts(part)
    yield node


def _made_up(space: AddressSpace, address: int) -> FrameVariables:
    """A frame at an address in which every register and all memory is zero."""
    frame = Frame(
        level=0,
        address=address,
        function=None,
        file=None,
        line=None,
        is_inlined=False,
        registers=(0,) * len(DWARF_REGISTERS),
        frame_address=0,
        lookup_address=address,
    )
    zeros = (bytes(16),) * 16
    return FrameVariables(
        space, frame, lambda _address, length: bytes(min(length, _MOST_READ)), zeros
    )
