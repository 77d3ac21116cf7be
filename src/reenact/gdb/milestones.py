"""Where a process forks and where it runs another program: what a debugger wants to be told."""

from __future__ import annotations

import bisect
from collections.abc import Collection
from dataclasses import dataclass

from reenact import _native
from reenact.gdb.image import Image
from reenact.session.positions import Position


@dataclass(frozen=True)
class Milestone:
    """Something that concerns more than one program.

    Arguments:
        position: where it has just taken effect.
        kind: "fork", "vfork" (told when the parent goes on) or "exec".
        child: pid of the new process; None for "exec".
    """

    position: Position
    kind: str
    child: int | None = None


class Milestones:
    """Those of one process, in order.

    Arguments:
        trace: the trace.
        process: number of the process.
        images: the programs it runs.
    """

    def __init__(self, trace: _native.Trace, process: int, images: list[Image]) -> None:
        found = []
        for child in trace.processes():
            if child.parent != process or child.parent_event is None:
                continue
            if child.start == "fork":
                place = Position(process, child.parent_event)
                found.append(Milestone(place, "fork", child.pid))
            else:
                event = _next(trace, process, child.parent_event, "vfork-return")
                if event is not None:
                    found.append(Milestone(Position(process, event), "vfork", child.pid))
        # The first image is where the process begins.
        for image in images[1:]:
            event = _next(trace, process, image.event, "image-ready")
            if event is not None:
                found.append(Milestone(Position(process, event), "exec"))
        self._all = sorted(found, key=lambda milestone: milestone.position)
        self._positions = [milestone.position for milestone in self._all]

    def at(self, position: Position) -> Milestone | None:
        """The one that takes effect right there."""
        return next((known for known in self._all if known.position == position), None)

    def after(self, position: Position, kinds: Collection[str]) -> Milestone | None:
        """The next one of some kinds behind a position."""
        first = bisect.bisect_right(self._positions, position)
        return next((known for known in self._all[first:] if known.kind in kinds), None)

    def before(self, position: Position, kinds: Collection[str]) -> Milestone | None:
        """The last one of some kinds before a position."""
        end = bisect.bisect_left(self._positions, position)
        return next((known for known in reversed(self._all[:end]) if known.kind in kinds), None)


def _next(trace: _native.Trace, process: int, first: int, kind: str) -> int | None:
    """Index of the first event of a kind from an event on."""
    for event in trace.events(process, first, None):
        if event.kind == kind:
            return event.index
    return None
