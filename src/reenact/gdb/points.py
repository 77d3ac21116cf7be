"""Breakpoints, watchpoints and catches as a debugger inserts and removes them."""

from __future__ import annotations

from reenact.errors import UsageError
from reenact.session.points import AgentCode, Point, Watchpoint
from reenact.session.session import Session

#: Kinds of watchpoint by the number of their packet (`Z2` to `Z4`).
WATCH_KINDS = {2: "write", 3: "read", 4: "access"}
_WATCH_NAMES = {"write": "watch", "read": "rwatch", "access": "awatch"}


class DebuggerPoints:
    """The points of one client.

    Arguments:
        session: where they are set.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._points: dict[tuple[int, int, int], Point] = {}
        self._calls: Point | None = None
        #: Conditions of watchpoints by address and size, which their packets do not have.
        self._watch_conditions: dict[tuple[int, int], tuple[bytes, ...]] = {}

    def set_watch_conditions(self, found: dict[tuple[int, int], tuple[bytes, ...]]) -> None:
        """All conditions of watchpoints by address and size; of each one has to hold."""
        self._watch_conditions = found
        for kind, address, size in list(self._points):
            if kind in WATCH_KINDS:
                self.insert(kind, address, size)

    def insert(
        self, kind: int, address: int, size: int, conditions: tuple[bytes, ...] = ()
    ) -> None:
        """Insert what packet `Z<kind>` asks for; a second time only the conditions are new.

        Arguments:
            kind: of breakpoint or watchpoint, the number of the packet.
            address: of the first byte.
            size: bytes.
            conditions: agent expressions, one of which has to hold.
        """
        key = (kind, address, size)
        if kind in WATCH_KINDS:
            conditions = conditions or self._watch_conditions.get((address, size), ())
        code = AgentCode({None: conditions}) if conditions else None
        known = self._points.get(key)
        if known is not None:
            if known.condition == code:
                return
            known.remove()
        if kind in WATCH_KINDS:
            self._points[key] = self._session.watch(address, size, WATCH_KINDS[kind], code)
        elif kind in (0, 1):
            self._points[key] = self._session.add_breakpoint(address, code)
        else:
            raise UsageError(f"there are no points of kind {kind}")

    def remove(self, kind: int, address: int, size: int) -> None:
        """Remove it again, if it is there."""
        point = self._points.pop((kind, address, size), None)
        if point is not None:
            point.remove()

    def catch_calls(self, numbers: list[int] | None) -> None:
        """Stop after system calls with these numbers; none: all; None: no more."""
        if self._calls is not None:
            self._calls.remove()
            self._calls = None
        if numbers is not None:
            self._calls = self._session.catch("syscall", numbers)

    def clear(self) -> None:
        """Remove everything: the client is gone."""
        for point in self._points.values():
            point.remove()
        self._points.clear()
        self._watch_conditions = {}
        self.catch_calls(None)

    def is_breakpoint(self, address: int) -> bool:
        """Whether one is inserted there."""
        return any(kind < 2 and place == address for kind, place, _ in self._points)

    def hides(self, touched: int) -> Watchpoint | None:
        """The watchpoint for changes at an address, if there were accesses it did not tell."""
        for (kind, address, size), point in self._points.items():
            is_it = WATCH_KINDS.get(kind) == "write" and address <= touched < address + size
            if is_it and isinstance(point, Watchpoint) and point.code is not None:
                return point
        return None

    def watch_name(self, touched: int) -> str:
        """How a stop reply calls the watchpoint that covers an address."""
        for kind, address, size in self._points:
            if kind in WATCH_KINDS and address <= touched < address + size:
                return _WATCH_NAMES[WATCH_KINDS[kind]]
        return "watch"
