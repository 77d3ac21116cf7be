"""Values at all hits of a breakpoint, collected by the replayer on its way and written afterwards.

At the first hit of an address the client looks itself, and finds out how what it looks for is
collected there. From then on the replayer collects it, and tells of a hit only where it cannot: a
pointer leads nowhere, or an expression needs more than agent expressions can do. What an
expression means changes where files are mapped: there one looks again.
"""

from __future__ import annotations

import bisect
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from reenact import _native
from reenact.compiling.collecting import NotCollectedError, Plan, Written, plan
from reenact.compiling.expressions import condition
from reenact.compiling.instructions import NotCompilableError
from reenact.compiling.probing import ProbedFrame
from reenact.errors import ReplayError, UsageError
from reenact.session.interface import Collecting
from reenact.session.messages import BREAKPOINTS, NEVER
from reenact.session.movements import Movements
from reenact.session.points import AgentCode, Breakpoint
from reenact.session.positions import Key
from reenact.session.values import Stop
from reenact.session.view import View

#: Of a hit: event, instructions, address, thread, number of expressions.
_HIT = struct.Struct("<QQQII")
#: Of an expression: its value, bytes of the memory that was collected.
_VALUE = struct.Struct("<QI")
#: Instructions until what was collected is taken: few at first, so that something is seen soon.
_FIRST_STRETCH, _MOST_STRETCH, _GROWTH = 1 << 18, 1 << 26, 4


#: `const8 0; end`, for hits of which nothing but the place is wanted.
_NOTHING = Plan(bytes((0x22, 0, 0x27)), lambda _value, _pieces: ("", None, False))
#: What writing a value raises besides `UsageError`; the slow way says it.
_UNWRITTEN = (ArithmeticError, TypeError, ValueError, _native.SymbolError)


@dataclass(frozen=True)
class CollectedHit:
    """A hit that the session has passed.

    Arguments:
        key: where it is.
        thread: the thread that runs there.
        address: of the instruction that is next.
        values: what the expressions come to; None: they have to be asked for there.
    """

    key: Key
    thread: int
    address: int
    values: tuple[Written, ...] | None


class HitCollection:
    """A pass over a process that collects at the hits of a breakpoint.

    Arguments:
        movements: of the session, which is moved.
        view: knows what the program means.
        point: the breakpoint; its condition is this pass' own business.
        expressions: what is collected, in the notation of C.
        changes: the events that map files.
        only: an expression: hits where it is zero are passed over; None: none is.
    """

    def __init__(
        self,
        movements: Movements,
        view: View,
        point: Breakpoint,
        expressions: Sequence[str],
        *,
        changes: Sequence[int],
        only: str | None,
    ) -> None:
        self._movements = movements
        self._view = view
        self._changes = changes
        self._point = point
        self._expressions = tuple(expressions)
        self._only = only
        #: By address; none: it cannot be collected there.
        self._plans: dict[int, tuple[Plan, ...]] = {}
        self._conditions: dict[int | None, tuple[bytes, ...]] = {}
        self._known: set[int] = set()
        self._epoch = -1
        self._stretch = _FIRST_STRETCH
        self._leave_here = BREAKPOINTS

    def advance(self) -> tuple[list[CollectedHit], Stop | None]:
        """Some way on: the hits that were passed, and the stop where the session has to look.

        A stop at the breakpoint is a hit, too, whose values are to be asked for; so is whether it
        counts. Whoever has done that calls `learn`.
        """
        event = self._movements.here().position.event
        self._look_again(event)
        epoch = self._epoch
        codes = [(address, one.code) for address, all_ in self._plans.items() for one in all_]
        found, stop = self._movements.collect(
            Collecting(
                tuple(codes),
                self._changes[epoch] if epoch < len(self._changes) else NEVER,
                self._stretch,
                self._leave_here,
            )
        )
        self._stretch = min(self._stretch * _GROWTH, _MOST_STRETCH)
        self._leave_here = BREAKPOINTS if found.leave_here is None else found.leave_here
        hits = list(taken_apart(found.records, self._plans))
        self._point.hits += len(hits)
        return hits, stop

    def learn(self, address: int) -> None:
        """The session stands at a hit: find out how to collect there."""
        if address in self._known:
            return
        self._known.add(address)
        try:
            frame = ProbedFrame(self._view.space(), address, self._view.program)
            if self._only is not None:
                self._conditions[address] = (condition(self._only, frame),)
                self._point.replace_condition(AgentCode(dict(self._conditions)))
            plans = tuple(plan(expression, frame) for expression in self._expressions)
        except NotCompilableError:
            return
        # Without any expression it is the place alone that is wanted.
        self._plans[address] = plans or (_NOTHING,)

    def forget(self, address: int) -> None:
        """What was collected at an address was not enough: ask there from now on."""
        self._plans.pop(address, None)

    def _look_again(self, event: int) -> None:
        """Where files were mapped since, all may mean something else."""
        epoch = bisect.bisect_right(self._changes, event)
        if epoch == self._epoch:
            return
        self._epoch = epoch
        self._plans.clear()
        self._known.clear()
        if self._conditions:
            self._conditions.clear()
            self._point.replace_condition(None)


def taken_apart(records: bytes, plans: Mapping[int, tuple[Plan, ...]]) -> Iterator[CollectedHit]:
    """The hits of which records tell.

    Arguments:
        records: as the replayer sends them.
        plans: how the values were collected, by address.

    Errors: `ReplayError` for what are no such records.
    """
    at = 0
    while at < len(records):
        if len(records) - at < _HIT.size:
            raise _damaged()
        event, instructions, address, thread, count = _HIT.unpack_from(records, at)
        at += _HIT.size
        known = plans.get(address, ())
        if count == 0 or count != len(known):
            raise _damaged()
        values: list[Written] | None = []
        for one in known:
            if len(records) - at < _VALUE.size:
                raise _damaged()
            value, length = _VALUE.unpack_from(records, at)
            at += _VALUE.size + length
            if at > len(records):
                raise _damaged()
            if values is not None:
                values = _with(values, one, value, records[at - length : at])
        taken = None if values is None else tuple(values)
        yield CollectedHit((event, instructions), thread, address, taken)


def _with(values: list[Written], one: Plan, value: int, pieces: bytes) -> list[Written] | None:
    try:
        values.append(one.write(value, pieces))
    except (NotCollectedError, UsageError, *_UNWRITTEN):
        return None
    return values


def _damaged() -> ReplayError:
    return ReplayError("the replayer has sent something else than what was to be collected")
