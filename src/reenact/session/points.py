"""Breakpoints, watchpoints and catchpoints of a session."""

from __future__ import annotations

import abc
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, Union

from reenact.errors import UsageError
from reenact.events import KINDS
from reenact.session.messages import (
    BREAKPOINT,
    READ,
    WATCH,
    WRITE,
    PointCondition,
    Reason,
    StopState,
)


@dataclass(frozen=True)
class AgentCode:
    """A condition that the replayer asks itself, at every hit: agent expressions, one has to hold.

    Arguments:
        by_address: for each address of a breakpoint; `None` stands for all other places.
    """

    by_address: Mapping[int | None, tuple[bytes, ...]]

    def at(self, address: int | None) -> tuple[bytes, ...]:
        """Those of one place; none: each hit there counts."""
        return self.by_address.get(address, self.by_address.get(None, ()))


@dataclass(frozen=True)
class TextCondition:
    """A condition in the notation of C. Where it has no value it holds: somebody should look.

    Arguments:
        text: the expression.
        code: what the replayer asks; None: it is asked at each hit.
    """

    text: str
    code: AgentCode | None

    def holds(self, session: Any) -> bool:
        """Whether it holds where a session stands."""
        try:
            return bool(session.evaluate(self.text))
        except UsageError:
            return True


#: Called at a hit with the session standing there (`reenact.session.session` has its exact type),
#: or asked by the replayer.
Condition = Union[Callable[[Any], object], AgentCode, TextCondition]
#: Evaluates an agent expression where the hit is; None: it has no value there.
Evaluate = Callable[[bytes], Union[int, None]]

#: Catchpoints by what people call them: kinds of events.
CATCHES = {
    "syscall": ("syscall",),
    "signal": ("signal",),
    "exec": ("image-ready",),
    "fault": ("fault",),
    "exit": ("exit",),
    "instruction": ("instruction",),
}

#: `fork`, `vfork`, `clone`, `clone3`.
_FORKS = frozenset({56, 57, 58, 435})
_NAMES = (*CATCHES, "fork")


class Point(abc.ABC):
    """Something to stop at; switched off by `is_enabled = False`."""

    def __init__(self, condition: Condition | None, owner: Points) -> None:
        self.condition = condition
        self.hits = 0
        self._is_enabled = True
        self._owner = owner

    @property
    def is_enabled(self) -> bool:
        """Whether it stops at all."""
        return self._is_enabled

    @is_enabled.setter
    def is_enabled(self, value: bool) -> None:
        self._is_enabled = value
        self._owner.changed()

    def replace_condition(self, condition: Condition | None) -> None:
        """Have it stop under another condition."""
        self.condition = condition
        self._owner.changed()

    def remove(self) -> None:
        """Take it away for good."""
        self._owner.remove(self)

    @property
    def _told(self) -> str:
        """The end of what `repr` says."""
        hits = f", {self.hits} hit{'' if self.hits == 1 else 's'}"
        return hits + ("" if self._is_enabled else ", disabled")

    @abc.abstractmethod
    def matches(self, state: StopState) -> bool:
        """Whether a stop of the replayer is this point's."""

    @property
    def code(self) -> AgentCode | None:
        """What the replayer asks itself; None: it stops each time."""
        if isinstance(self.condition, TextCondition):
            return self.condition.code
        return self.condition if isinstance(self.condition, AgentCode) else None

    def holds(self, state: StopState, session: object, evaluate: Evaluate | None) -> bool:
        """Whether a stop that is this point's counts."""
        if self.condition is None:
            return True
        if isinstance(self.condition, TextCondition):
            if self.condition.code is not None and evaluate is None:
                return True
            return self.condition.holds(session)
        if not isinstance(self.condition, AgentCode):
            return bool(self.condition(session))
        # Without an evaluator the replayer has told it from elsewhere, and has asked by itself.
        programs = self.condition.at(state.detail[0] if state.reason == Reason.BREAKPOINT else None)
        return not evaluate or not programs or any(evaluate(code) != 0 for code in programs)


class Breakpoint(Point):
    """Stops before the instructions at `addresses`.

    Arguments:
        addresses: one, or of a name all that it may mean in the course of the process.
        name: what was asked for.
    """

    def __init__(
        self, addresses: tuple[int, ...], name: str, condition: Condition | None, owner: Points
    ) -> None:
        super().__init__(condition, owner)
        self.addresses = addresses
        self.name = name

    def __repr__(self) -> str:
        return f"Breakpoint({self.name}{self._told})"

    def matches(self, state: StopState) -> bool:
        """Whether a stop of the replayer is this point's."""
        return state.reason == Reason.BREAKPOINT and state.detail[0] in self.addresses


#: Watchpoints by what people call them.
ACCESSES = {"write": WRITE, "read": READ, "access": READ | WRITE}


class Watchpoint(Point):
    """Stops when any of `size` bytes from `address` on is accessed; `kind` is one of `ACCESSES`."""

    def __init__(
        self, address: int, size: int, kind: str, condition: Condition | None, owner: Points
    ) -> None:
        super().__init__(condition, owner)
        self.address, self.size, self.kind = address, size, kind

    def __repr__(self) -> str:
        return f"Watchpoint({self.kind} of {self.size} bytes at {self.address:#x}{self._told})"

    def matches(self, state: StopState) -> bool:
        """Whether a stop of the replayer is this point's."""
        touched, accesses = state.detail
        is_inside = self.address <= touched < self.address + self.size
        is_access = state.reason in (Reason.WATCH, Reason.WATCHED)
        return is_access and is_inside and bool(accesses & ACCESSES[self.kind])


class Catchpoint(Point):
    """Stops after an event of some kind; `codes`: only system calls or signals with these."""

    def __init__(
        self,
        what: str,
        kinds: tuple[str, ...],
        codes: frozenset[int],
        condition: Condition | None,
        owner: Points,
    ) -> None:
        super().__init__(condition, owner)
        self.what = what
        self.codes = codes
        self.numbers = frozenset(KINDS.index(kind) + 1 for kind in kinds)

    def __repr__(self) -> str:
        codes = f" {sorted(self.codes)}" if self.codes else ""
        return f"Catchpoint({self.what}{codes}{self._told})"

    def matches(self, state: StopState) -> bool:
        """Whether a stop of the replayer is this point's."""
        kind, code = state.detail
        if state.reason != Reason.CATCH or kind not in self.numbers:
            return False
        return not self.codes or code in self.codes


_P = TypeVar("_P", bound=Point)

_versions = itertools.count(1)

#: Places all points of a session may have: the replayer is told in one message.
MOST_PLACES = 4000


class Points:
    """All points of a session."""

    def __init__(self) -> None:
        self._points: list[Point] = []
        #: Another one after every change, so that servers can be told; no two sets share one.
        self.version = next(_versions)

    def add_breakpoint(
        self, addresses: tuple[int, ...], name: str, condition: Condition | None
    ) -> Breakpoint:
        """A new breakpoint. Errors: `UsageError` for what is no address."""
        for address in addresses:
            if not 0 <= address < 1 << 64:
                raise UsageError(f"{address:#x} is no address", "addresses have 64 bits")
        return self._add(Breakpoint(addresses, name, condition, self))

    def add_catch(self, what: str, codes: frozenset[int], condition: Condition | None) -> Point:
        """A new catchpoint. Errors: `UsageError` for what cannot be caught."""
        if what not in _NAMES:
            raise UsageError(f"cannot catch {what!r}", f"catch one of {', '.join(_NAMES)}")
        if what == "fork":
            return self._add(Catchpoint(what, CATCHES["syscall"], _FORKS, condition, self))
        return self._add(Catchpoint(what, CATCHES[what], codes, condition, self))

    def add_watch(
        self, address: int, size: int, kind: str, condition: Condition | None
    ) -> Watchpoint:
        """A new watchpoint. Errors: `UsageError` for what cannot be watched."""
        if kind not in ACCESSES:
            raise UsageError(f"cannot watch for {kind!r}", f"watch for {', '.join(ACCESSES)}")
        if size <= 0 or address < 0 or address + size > 1 << 64:
            raise UsageError(
                f"cannot watch {size} bytes at {address:#x}", "give an address and a size above 0"
            )
        return self._add(Watchpoint(address, size, kind, condition, self))

    def remove(self, point: Point) -> None:
        """Take a point away."""
        if point in self._points:
            self._points.remove(point)
            self.changed()

    def changed(self) -> None:
        """Something is different: servers have to be told."""
        self.version = next(_versions)

    def _add(self, point: _P) -> _P:
        added = len(point.addresses) if isinstance(point, Breakpoint) else 1
        if self._places + added > MOST_PLACES:
            raise UsageError(
                f"too many points: they would be at more than {MOST_PLACES:,} places",
                "remove some, or give one a condition",
            )
        self._points.append(point)
        self.changed()
        return point

    @property
    def _places(self) -> int:
        """Places of all points: a name may mean several addresses."""
        return sum(
            len(point.addresses) if isinstance(point, Breakpoint) else 1 for point in self._points
        )

    def all(self) -> tuple[Point, ...]:
        """All points, in the order in which they were set."""
        return tuple(self._points)

    def joined(self, extra: Iterable[Point]) -> Points:
        """These points and some more, as a set of its own: the points are the same."""
        both = Points()
        both._points = [*self._points, *extra]
        return both

    def enabled(self) -> Iterator[Point]:
        """The points that count."""
        return (point for point in self._points if point.is_enabled)

    def addresses(self) -> list[int]:
        """Where the replayer has to stop."""
        points = (point for point in self.enabled() if isinstance(point, Breakpoint))
        return sorted({address for point in points for address in point.addresses})

    def watches(self) -> list[tuple[int, int, int]]:
        """What the replayer has to watch: address, size, accesses."""
        return [(point.address, point.size, ACCESSES[point.kind]) for point in self._watchpoints()]

    def conditions(self) -> list[PointCondition]:
        """Those that the replayer asks itself: of a place where a point has none, none."""
        found: list[PointCondition] = []
        at: dict[int, list[tuple[bytes, ...]]] = {}
        for point in self.enabled():
            if isinstance(point, Breakpoint):
                for address in point.addresses:
                    programs = point.code.at(address) if point.code is not None else ()
                    at.setdefault(address, []).append(programs)
        for address, all_of_it in at.items():
            if all(all_of_it):
                found += [(BREAKPOINT, address, code) for each in all_of_it for code in each]
        for number, watch in enumerate(self._watchpoints()):
            if watch.code is not None:
                found += [(WATCH, number, code) for code in watch.code.at(None)]
        return found

    def _watchpoints(self) -> list[Watchpoint]:
        """Those that count, as the replayer numbers them."""
        points = [point for point in self.enabled() if isinstance(point, Watchpoint)]
        return sorted(points, key=lambda point: (point.address, point.size, point.kind))

    def catch_mask(self) -> int:
        """Kinds of events the replayer has to stop after, as bits."""
        points = (point for point in self.enabled() if isinstance(point, Catchpoint))
        return sum(1 << number for number in {n for point in points for n in point.numbers})

    @property
    def are_plain(self) -> bool:
        """Whether the replayer alone can say what is a hit: no conditions, no single calls."""
        return not any(
            (point.condition and point.code is None)
            or (isinstance(point, Catchpoint) and point.codes)
            for point in self.enabled()
        )

    @property
    def are_native(self) -> bool:
        """Whether hits can be noticed while the program's own code runs, where it has them told.

        Its stores are seen when they are done, and only reads of what is written, too.
        """
        watches = list(self._watchpoints())
        return not any(point.condition or point.code or point.kind == "read" for point in watches)

    def hit(
        self, state: StopState, session: object, evaluate: Evaluate | None = None
    ) -> Point | None:
        """The point that says to stop at this stop of the replayer, if there is one.

        Arguments:
            state: the stop.
            session: what conditions look at.
            evaluate: evaluates agent expressions where the stop is; None: nothing stands there.
        """
        for point in list(self.enabled()):
            if point.matches(state) and point.holds(state, session, evaluate):
                return point
        return None
