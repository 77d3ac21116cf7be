"""Movements of a session as stops: what the navigator does, in the terms of a person.

The session's own methods and the rooms that move by lines are made of these.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from reenact.session.history import Key
from reenact.session.messages import Place, Reason
from reenact.session.navigator import Navigator
from reenact.session.points import Point, Points, Watchpoint
from reenact.session.positions import Position
from reenact.session.schedule import Schedule
from reenact.session.values import Stop, StopReason

if TYPE_CHECKING:
    from reenact.session.session import Session

_REASONS = {
    Reason.TARGET: StopReason.POSITION,
    Reason.STEPS: StopReason.POSITION,
    Reason.LIMIT: StopReason.POSITION,
    Reason.START: StopReason.START,
    Reason.BREAKPOINT: StopReason.BREAKPOINT,
    Reason.WATCH: StopReason.WATCHPOINT,
    Reason.CATCH: StopReason.CATCH,
    Reason.INTERRUPTED: StopReason.INTERRUPTED,
    Reason.END: StopReason.END,
    Reason.FAILED: StopReason.DIVERGENCE,
}


class Movements:
    """Moves the present of one process.

    Arguments:
        process: number of the process.
        navigator: moves it.
        schedule: the threads.
        points: the session's own points.
        session: gives what conditions are asked with.
    """

    def __init__(
        self,
        process: int,
        navigator: Navigator,
        schedule: Schedule,
        points: Points,
        session: Callable[[], Session],
    ) -> None:
        self._process = process
        self._navigator = navigator
        self._schedule = schedule
        self._session = session
        self.points = points

    def here(self, reason: StopReason = StopReason.POSITION) -> Stop:
        """Where the session stands."""
        return self._stop(self._navigator.live.place, reason)

    def goto(self, key: Key) -> Stop:
        """To a place; points do not count."""
        place = self._navigator.goto(key).place
        if place.reason == Reason.INTERRUPTED:
            return self._stop(place)
        reason = StopReason.POSITION
        if key == self._navigator.history.start:
            reason = StopReason.START
        elif self._navigator.end is not None and key == self._navigator.end.key:
            reason = _REASONS[self._navigator.end.reason]
        return self._stop(place, reason)

    def step(self, count: int) -> Stop:
        """So many steps of whatever thread runs."""
        stopped = self._navigator.step(count)
        return self._stop(stopped.place, message=stopped.message)

    def back(self, count: int) -> Stop:
        """So many steps back, of whatever thread ran."""
        navigator = self._navigator
        navigator.history.learn(navigator.live)
        key = navigator.history.back(navigator.key, count)
        if key is None:
            return self._stop(navigator.goto(navigator.history.start).place, StopReason.START)
        return self._stop(navigator.goto(key).place)

    def step_thread(self, count: int, thread: int) -> Stop:
        """So many steps of one thread."""
        return self._count_steps(count, thread, self._one_forward)

    def back_thread(self, count: int, thread: int) -> Stop:
        """So many steps of one thread back."""
        return self._count_steps(count, thread, self._one_back)

    def one(self, thread: int) -> Stop:
        """One step of a thread, or less where one of the session's points stops it."""
        points = self.points
        if not any(points.enabled()):
            return self._one_forward(thread)[0]
        stop = self._forward(points, steps=1)
        if stop.reason != StopReason.POSITION:
            return stop
        if stop.thread != thread:
            ceiling = self.turn_of(thread)
            stop = self._forward(points) if ceiling is None else self._forward(points, ceiling)
        # A run that begins at a breakpoint passes it over.
        return self._at_breakpoint() or stop

    def step_watched(self, *, backward: bool) -> Stop:
        """One step; of the session's points watchpoints count."""
        points = self.points
        if not points.watches():
            return self.back(1) if backward else self.step(1)
        if backward:
            stop = self.back(1)
            touched = self._navigator.next_access(points)
        else:
            stopped = self._navigator.step(1, points)
            stop, touched = self._stop(stopped.place, message=stopped.message), stopped.remembered
        if touched is None or touched.reason != Reason.WATCH:
            return stop
        if points.hit(touched, self._session()) is None:
            return stop
        return dataclasses.replace(stop, reason=StopReason.WATCHPOINT, address=touched.detail[0])

    def turn_of(self, thread: int, *, backward: bool = False) -> Key | None:
        """The nearest later (or earlier) place at which a thread runs; None: it never does."""
        now = event = self._navigator.key[0]
        if backward:
            last = self._schedule.event_until(now, thread)
            self._navigator.history.learn(self._navigator.live)
            return None if last is None else self._navigator.history.right_before(last)
        while True:
            # A thread runs before each of its events: the place behind the event before that.
            following = self._schedule.event_after(event, thread)
            if following is None:
                return None
            before, event = self._schedule.event_before(following), following
            # Not where it runs at the moment.
            if before is not None and before > now:
                return (before, 0)

    def forward(
        self, extra: Sequence[Point] = (), *, alone: bool = False, ceiling: Key | None = None
    ) -> Stop:
        """To the next hit of the session's points and some more, or with `alone` only of these.

        Without a hit to `ceiling`, or to the end.
        """
        points = Points() if alone else self.points
        return self._forward(points.joined(extra) if extra else points, ceiling)

    def backward(
        self, extra: Sequence[Point] = (), *, alone: bool = False, floor: Key | None = None
    ) -> Stop:
        """Back to the last hit, not before `floor`; without one to the floor, or to the start."""
        points = Points() if alone else self.points
        points = points.joined(extra) if extra else points
        place, point = self._navigator.backward(
            points, lambda place: points.hit(place, self._session()), floor
        )
        if place is None:
            return self._stop(self._navigator.live.place, StopReason.INTERRUPTED)
        if point is None:
            is_start = place.key == self._navigator.history.start
            return self._stop(place, StopReason.START if is_start else StopReason.POSITION)
        point.hits += 1
        return self._stop(place)

    # Inside

    def _forward(
        self, points: Points, ceiling: Key | None = None, steps: int | None = None
    ) -> Stop:
        stopped, point = self._navigator.forward(
            points, lambda place: points.hit(place, self._session()), ceiling, steps
        )
        if point is not None:
            point.hits += 1
        if not isinstance(point, Watchpoint):
            return self._stop(stopped.place, message=stopped.message)
        touched = stopped.place.detail[0]
        after = self._navigator.step(1)
        return dataclasses.replace(self._stop(after.place, StopReason.WATCHPOINT), address=touched)

    def _at_breakpoint(self) -> Stop | None:
        """The stop of a breakpoint right here; None: there is none that counts."""
        address = self._navigator.live.registers().rip
        if address not in self.points.addresses():
            return None
        place = dataclasses.replace(
            self._navigator.live.place, reason=Reason.BREAKPOINT, detail=(address, 0)
        )
        point = self.points.hit(place, self._session())
        if point is None:
            return None
        point.hits += 1
        return self._stop(place)

    def _count_steps(
        self, count: int, thread: int, step: Callable[[int], tuple[Stop, bool]]
    ) -> Stop:
        stop = self.here()
        for _ in range(count):
            before = self._navigator.live.registers(thread)
            is_done = False
            while not is_done:
                stop, was_other = step(thread)
                if stop.reason != StopReason.POSITION:
                    return stop
                # To hand over, and to wait, is nothing that a thread does itself.
                now = self._navigator.live.registers()
                is_done = not was_other or now.general != before.general
        return stop

    def _one_forward(self, thread: int) -> tuple[Stop, bool]:
        """A step, and on to where the thread runs; whether another one ran in between."""
        stop = self.step(1)
        if stop.reason != StopReason.POSITION or stop.thread == thread:
            return stop, False
        turn = self.turn_of(thread)
        if turn is None:
            return self._forward(Points()), True
        return self._stop(self._navigator.goto(turn).place), True

    def _one_back(self, thread: int) -> tuple[Stop, bool]:
        """A step back, and back to where the thread ran."""
        stop = self.back(1)
        if stop.reason != StopReason.POSITION or stop.thread == thread:
            return stop, False
        turn = self.turn_of(thread, backward=True)
        navigator = self._navigator
        if turn is None:
            return self._stop(navigator.goto(navigator.history.start).place, StopReason.START), True
        return self._stop(navigator.goto(turn).place), True

    def _stop(self, place: Place, reason: StopReason | None = None, message: str = "") -> Stop:
        reason = reason or _REASONS[place.reason]
        caught = None
        if reason == StopReason.CATCH:
            self._navigator.history.learn(self._navigator.live)
            caught = self._navigator.history.event(place.event)
        return Stop(
            reason=reason,
            position=Position(self._process, *place.key),
            thread=place.tid,
            address=place.detail[0] if place.reason in (Reason.BREAKPOINT, Reason.WATCH) else None,
            event=caught,
            message=message if reason == StopReason.DIVERGENCE else "",
        )
