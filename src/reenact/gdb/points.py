"""Breakpoints, watchpoints and catches as a debugger inserts and removes them."""

from __future__ import annotations

from reenact.errors import UsageError
from reenact.session.points import Point
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

    def insert(self, kind: int, address: int, size: int) -> None:
        """Insert what packet `Z<kind>` asks for; a second time changes nothing."""
        key = (kind, address, size)
        if key in self._points:
            return
        if kind in WATCH_KINDS:
            self._points[key] = self._session.watch(address, size, WATCH_KINDS[kind])
        elif kind in (0, 1):
            self._points[key] = self._session.add_breakpoint(address)
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
        self.catch_calls(None)

    def is_breakpoint(self, address: int) -> bool:
        """Whether one is inserted there."""
        return any(kind < 2 and place == address for kind, place, _ in self._points)

    def watch_name(self, touched: int) -> str:
        """How a stop reply calls the watchpoint that covers an address."""
        for kind, address, size in self._points:
            if kind in WATCH_KINDS and address <= touched < address + size:
                return _WATCH_NAMES[WATCH_KINDS[kind]]
        return "watch"
