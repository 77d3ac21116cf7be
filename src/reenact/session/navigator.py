"""Moving through the history of a process: which copy to start from, where to leave others.

The replay runs forwards only. Going back is: take the copy that waits nearest before the target,
let a copy of it run there. So that the next movement is short, copies are left on the way: one
every stage, and some shortly before the target.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable
from typing import Protocol, Union

from reenact.errors import UsageError
from reenact.session.history import Key
from reenact.session.messages import ACCESSES, BREAKPOINTS, NEVER, Place, Reason, Run, Stopped
from reenact.session.points import Point, Points
from reenact.session.server import Server
from reenact.session.stages import ENDS, STAGE, STAGE_EVENTS, Stages

#: Copies are also left so many instructions before a target that is known. Each step back runs
#: from the nearest, in a copy that has to translate again what lies between.
NEAR = (1 << 23, 1 << 18, 1 << 13, 1 << 9)

#: Going back, so many instructions are looked through first; with so many hits in them …
_SAMPLE = 1 << 20
_MANY_HITS = 256
#: … the last one is looked for near the end: in so many instructions, in more if it is not there.
_NEAR_END = 1 << 20

_HITS = (Reason.BREAKPOINT, Reason.WATCH, Reason.CATCH)

#: Decides whether the session stops at a place where the replayer has stopped.
Judge = Callable[[Place], Union[Point, None]]


class Visitor(Protocol):
    """Looks at each hit of a stretch of the replay, in order."""

    @property
    def found(self) -> Place | None:
        """Where to go to, once the stretch is over; None: not in this one."""

    def visit(self, place: Place | None) -> None:
        """The present is at a hit; None: at the end of the stretch."""


class Navigator(Stages):
    """Moves the present: to places, by steps, to hits, forwards and backwards."""

    def goto(self, key: Key) -> Stopped:
        """Move the present to a place. Errors: `UsageError` when there is no such place."""
        self._interrupted.clear()
        self.history.learn(self.live)
        if key < self.history.start or (self.history.knows(key) and not self.history.has(key)):
            raise _outside(key)
        origin = self.key
        waiting = self.checkpoints.latest(key)
        if key < origin or waiting.place.key > origin:
            self._replace(waiting.fork())
        stopped = self._advance(key)
        if stopped.place.reason not in (Reason.TARGET, Reason.INTERRUPTED):
            self.history.learn(self.live)
            self._note_end(stopped)
            self.goto(origin)
            raise _outside(key)
        return stopped

    def step(self, steps: int, points: Points | None = None) -> Stopped:
        """Go so many steps forward; with `points`, which of them was hit last is remembered."""
        self._interrupted.clear()
        if points is not None:
            self._tell(self.live, points)
        while True:
            begin = self.live.place
            stopped = self._run(
                self.live,
                Run(
                    steps=steps,
                    most_total=begin.total + STAGE,
                    most_event=begin.event + STAGE_EVENTS,
                    # Points do not count.
                    remember=True,
                ),
            )
            if stopped.place.reason != Reason.LIMIT:
                return self._settled(stopped)
            self._leave_copy(self.live)
            self.history.learn(self.live)
            steps -= self._steps_between(begin.key, stopped.place.key)
            if steps <= 0:
                return stopped

    def next_access(self, points: Points) -> Place | None:
        """The access to watched memory that the next step makes, if it makes one."""
        probe = self.live.fork()
        try:
            self._tell(probe, points)
            found = self._run(probe, Run(steps=1, remember=True, leave_here=BREAKPOINTS)).remembered
        finally:
            probe.close()
        return found if found is not None and found.reason == Reason.WATCH else None

    def forward(
        self,
        points: Points,
        judge: Judge,
        ceiling: Key | None = None,
        steps: int | None = None,
    ) -> tuple[Stopped, Point | None]:
        """Run to the next hit, or to the end.

        Arguments:
            points: what may be hit.
            judge: decides about each.
            ceiling: the place to stop at without a hit; None: the end.
            steps: the most steps, fewer than a stage has; None: no limit.
        """
        self._interrupted.clear()
        # A watchpoint is told after the access: one that comes next is still to be told.
        leave_here = BREAKPOINTS
        while True:
            self._tell(self.live, points)
            stopped = self._stage(
                self.live,
                points,
                (NEVER, 0) if ceiling is None else ceiling,
                leave_here=leave_here,
                remember=False,
                steps=NEVER if steps is None else steps,
            )
            if stopped.place.reason == Reason.LIMIT:
                self._leave_copy(self.live)
                leave_here = 0
            elif stopped.place.reason in _HITS:
                point = judge(stopped.place)
                if point is not None:
                    return stopped, point
                if steps is not None and stopped.place.reason == Reason.CATCH:
                    # The event was the step.
                    place = dataclasses.replace(stopped.place, reason=Reason.STEPS)
                    return dataclasses.replace(stopped, place=place), None
                leave_here = _beyond(stopped.place)
            else:
                return self._settled(stopped), None

    def backward(
        self, points: Points, judge: Judge, floor: Key | None = None
    ) -> tuple[Place | None, Point | None]:
        """Move to the last hit before the present, or to the start: then there is no point.

        With a floor: hits before it do not count, and without one the present moves there. The
        place is None when somebody interrupts; the present stays where it was.
        """
        self._interrupted.clear()
        self.history.learn(self.live)
        lowest = self.history.start if floor is None else floor
        end, near = self.key, _NEAR_END
        while end > lowest:
            waiting = self.checkpoints.latest(end, before=True)
            with contextlib.ExitStack() as stack:
                if self._has_many_hits(waiting, end, near, points):
                    waiting = waiting.fork()
                    stack.callback(waiting.close)
                    self._skip_to(waiting, self.history.total(end) - near)
                    near *= 4
                scanning = waiting.fork()
                stack.callback(scanning.close)
                found = self._last_hit(scanning, end, points, judge)
                if self._interrupted.is_set():
                    return None, None
                found = found or self._hit_where(waiting, points, judge)
                begin = waiting.place.key
            if found is not None and found[0].key >= lowest:
                self.goto(found[0].key)
                return found
            end = begin
        return self.goto(lowest).place, None

    def backward_along(
        self, points: Points, visitor: Callable[[], Visitor], floor: Key
    ) -> bool | None:
        """Move to where a visitor says, which looks at all hits of a stretch, the latest first.

        Arguments:
            points: what is hit; without conditions.
            visitor: makes one for each stretch.
            floor: how far back to go.

        True: it said where. False: it did not, and the present is at the floor. None: somebody
        interrupted, and the present stayed where it was.
        """
        self._interrupted.clear()
        end = self.key
        while end > floor:
            waiting = self.checkpoints.latest(end, before=True)
            scanning = waiting.fork()
            one = visitor()
            try:
                self._visit(scanning, end, points, one)
            finally:
                scanning.close()
            if self._interrupted.is_set():
                return None
            if one.found is not None and one.found.key >= floor:
                self.goto(one.found.key)
                return True
            end = waiting.place.key
        self.goto(floor)
        return False

    def _visit(self, server: Server, end: Key, points: Points, visitor: Visitor) -> None:
        self._tell(server, points)
        leave_here = 0
        present, self.live = self.live, server
        try:
            while True:
                stopped = self._stage(server, points, end, leave_here=leave_here, remember=False)
                leave_here = 0
                if stopped.place.reason == Reason.LIMIT:
                    self._leave_copy(server)
                elif stopped.place.reason in _HITS:
                    visitor.visit(stopped.place)
                    leave_here = _beyond(stopped.place)
                else:
                    visitor.visit(None)
                    return
        finally:
            self.live = present

    def find_end(self) -> Place:
        """Where the process ends; the present stays where it is. Replays all of it once."""
        known = self.end
        if known is not None:
            return known
        self.history.learn(self.live)
        origin = self.key
        while True:
            stopped = self._stage(self.live, None, leave_here=0, remember=True)
            self._note_end(stopped)
            if stopped.place.reason != Reason.LIMIT:
                break
            self._leave_copy(self.live)
        self._leave_copy(self.live)
        # Interrupted: as far as it has come.
        found = self.end or self.live.place
        self.history.learn(self.live)
        self.goto(origin)
        return found

    def _has_many_hits(self, server: Server, end: Key, near: int, points: Points) -> bool:
        """Whether it pays to look for the last hit near the end first.

        Each hit costs as much as many instructions.
        """
        if self.history.total(end) - server.place.total < 2 * (near + _SAMPLE):
            return False
        probe = server.fork()
        try:
            self._tell(probe, points)
            stopped = self._stage(
                probe, points, end, leave_here=0, remember=True, instructions=_SAMPLE
            )
        finally:
            probe.close()
        return stopped.hits >= _MANY_HITS

    def _skip_to(self, server: Server, total: int) -> None:
        """Run a server on to where so many instructions have been executed."""
        self._clear(server)
        reason = Reason.LIMIT
        while server.place.total < total and reason == Reason.LIMIT:
            rest = min(total - server.place.total, STAGE)
            stopped = self._stage(server, None, leave_here=0, remember=True, instructions=rest)
            reason = stopped.place.reason
            self._leave_copy(server)

    def _last_hit(
        self, server: Server, end: Key, points: Points, judge: Judge
    ) -> tuple[Place, Point | None] | None:
        """The last hit on the way of a server to a place."""
        self._tell(server, points)
        plain = points.are_plain
        found: tuple[Place, Point | None] | None = None
        leave_here = 0
        while True:
            stopped = self._stage(server, points, end, leave_here=leave_here, remember=plain)
            if stopped.remembered is not None:
                found = (stopped.remembered, self._judged(server, stopped.remembered, judge))
            leave_here = 0
            if stopped.place.reason == Reason.LIMIT:
                self._leave_copy(server)
            elif stopped.place.reason in _HITS:
                point = self._judged(server, stopped.place, judge)
                if point is not None:
                    found = (stopped.place, point)
                leave_here = _beyond(stopped.place)
            else:
                return found

    def _hit_where(
        self, waiting: Server, points: Points, judge: Judge
    ) -> tuple[Place, Point | None] | None:
        """The hit at the place where a copy waits itself: whoever starts there is behind it.

        An event there has taken effect, and a breakpoint at which the copy has come to a stop is
        not told again.
        """
        place = waiting.place
        hits = []
        address = waiting.registers().rip
        if address in points.addresses():
            hits.append(dataclasses.replace(place, reason=Reason.BREAKPOINT, detail=(address, 0)))
        self.history.learn(waiting)
        if place.instructions == 0 and place.event > self.history.start[0]:
            kind, code = self.history.kind_and_code(place.event)
            if points.catch_mask() >> kind & 1:
                hits.append(dataclasses.replace(place, reason=Reason.CATCH, detail=(kind, code)))
        for hit in hits:
            point = self._judged(waiting, hit, judge)
            if point is not None:
                return hit, point
        return None

    def _judged(self, server: Server, place: Place, judge: Judge) -> Point | None:
        """Ask with the present where the server stands."""
        present, self.live = self.live, server
        try:
            return judge(place)
        finally:
            self.live = present

    def _advance(self, key: Key) -> Stopped:
        """Run the present forward to a place."""
        self._clear(self.live)
        near = []
        if self.history.knows(key):
            total = self.history.total(key)
            near = [total - distance for distance in NEAR]
        while True:
            now = self.live.place
            # Not where the copy would be as far from the target as from here.
            ahead = (limit for limit, far in zip(near, NEAR) if limit - now.total > far)
            stopped = self._run(
                self.live,
                Run(
                    target=key,
                    most_total=min([now.total + STAGE, *ahead]),
                    most_event=now.event + STAGE_EVENTS,
                ),
            )
            if stopped.place.reason != Reason.LIMIT:
                return stopped
            self._leave_copy(self.live)

    def _settled(self, stopped: Stopped) -> Stopped:
        """At the end of a process that a fault killed: the place before that event.

        The state is the same, but the flags are known there: code that is about to overwrite them
        need not have kept them when it faults.
        """
        self._note_end(stopped)
        if stopped.place.reason not in ENDS or self.end is None or self.key == self.end.key:
            return stopped
        self.goto(self.end.key)
        return dataclasses.replace(stopped, place=self.end)


def _beyond(place: Place) -> int:
    """What does not count where a run goes on: what has been told there (breakpoints first)."""
    return BREAKPOINTS | (ACCESSES if place.reason == Reason.WATCH else 0)


def _outside(key: Key) -> UsageError:
    event, instructions = key
    return UsageError(
        f"there is no position {instructions} instructions after event {event} of this process",
        "see what there is: reenact info TRACE, and Session.start and Session.end",
    )
