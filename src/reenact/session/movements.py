"""Movements of a session as stops: what a replayed process does, in the terms of a person.

The session's own methods and the steps by line are made of these. An interrupt ends each of them
by `MovementInterrupted`; the session tells it as a stop.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

from reenact.events import KINDS
from reenact.session.death import Death
from reenact.session.interface import Collected, Collecting, ReplayedProcess
from reenact.session.messages import CodeRange, Reason, StopState
from reenact.session.points import Point, Points, Watchpoint
from reenact.session.positions import Key, Position
from reenact.session.schedule import Schedule
from reenact.session.values import EventInfo, Stop, StopReason

#: By what a process dies, as kinds of events.
_DEADLY = tuple(KINDS.index(kind) + 1 for kind in ("signal", "fault"))

_REASONS = {
    Reason.TARGET: StopReason.POSITION,
    Reason.STEPS: StopReason.POSITION,
    Reason.LIMIT: StopReason.POSITION,
    Reason.START: StopReason.START,
    Reason.BREAKPOINT: StopReason.BREAKPOINT,
    Reason.WATCH: StopReason.WATCHPOINT,
    Reason.WATCHED: StopReason.WATCHPOINT,
    Reason.CATCH: StopReason.CATCH,
    Reason.END: StopReason.END,
    Reason.FAILED: StopReason.DIVERGENCE,
}
#: Stops that tell an address.
_ADDRESSED = (Reason.BREAKPOINT, Reason.WATCH, Reason.WATCHED)


class Movements:
    """Moves one replayed process.

    Arguments:
        number: the process' number in the trace.
        process: what is moved.
        schedule: the threads.
        points: the session's own points.
        death: the signal that ended the process.
        beginning: why nothing is before the first position; empty: the process begins there.
        session: gives what conditions are asked with.
    """

    def __init__(
        self,
        number: int,
        process: ReplayedProcess,
        schedule: Schedule,
        points: Points,
        *,
        death: Death | None,
        beginning: str,
        session: Callable[[], object],
    ) -> None:
        self._number = number
        self._process = process
        self._schedule = schedule
        self._death = death
        self._beginning = beginning
        self._session = session
        self.points = points
        #: What was told last where the process died: its death (`CATCH`), or that nothing follows
        #: (`END`). Both are one position.
        self._told_at_end: StopReason | None = None

    def here(self, reason: StopReason = StopReason.POSITION) -> Stop:
        """Where the session stands."""
        return self._stop(self._process.state, reason)

    def goto(self, key: Key) -> Stop:
        """To a place; points do not count."""
        state = self._process.goto(key).state
        self._told_at_end = None
        reason = StopReason.POSITION
        if key == self._process.history.start:
            reason = StopReason.START
        elif self._process.end is not None and key == self._process.end.key:
            reason = _REASONS[self._process.end.reason]
        return self._stop(state, reason)

    def step(self, count: int) -> Stop:
        """So many steps of whatever thread runs."""
        result = self._process.step(count)
        return self._stop(result.state, message=result.message)

    def back(self, count: int) -> Stop:
        """So many steps back, of whatever thread ran."""
        process = self._process
        key = process.history.back(process.key, count)
        return self._to_start() if key is None else self._stop(process.goto(key).state)

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
            stop = self.until_runs(thread)
        # A run that begins at a breakpoint passes it over.
        return self._at_breakpoint() or stop

    def until_runs(self, thread: int) -> Stop:
        """On to where a thread runs, which others do at the moment; the session's points stop."""
        ceiling = self.turn_of(thread)
        return (
            self._forward(self.points) if ceiling is None else self._forward(self.points, ceiling)
        )

    def step_watched(self, *, backward: bool) -> Stop:
        """One step; of the session's points watchpoints count."""
        points = self.points
        if not points.watches():
            return self.back(1) if backward else self.step(1)
        if backward:
            stop = self.back(1)
            touched = self._process.next_access(points)
        else:
            result = self._process.step(1, points)
            stop, touched = self._stop(result.state, message=result.message), result.remembered
        if touched is None or touched.reason != Reason.WATCH:
            return stop
        if self._hit(points, touched) is None:
            return stop
        return dataclasses.replace(stop, reason=StopReason.WATCHPOINT, address=touched.detail[0])

    def turn_of(self, thread: int, *, backward: bool = False) -> Key | None:
        """The nearest later (or earlier) place at which a thread runs; None: it never does."""
        now = event = self._process.key[0]
        if backward:
            last = self._schedule.event_until(now, thread)
            return None if last is None else self._process.history.right_before(last)
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

    def collect(self, wanted: Collecting) -> tuple[Collected, Stop | None]:
        """Some way forward, collecting at hits of the session's points; and the stop, if any."""
        found = self._process.collect(
            self.points, lambda state: self._hit(self.points, state), wanted
        )
        if found.leave_here is not None and found.point is None:
            return found, None
        if found.point is not None:
            found.point.hits += 1
        reason = None
        if found.result.state.reason == Reason.INTERRUPTED:
            reason = StopReason.INTERRUPTED
        return found, self._stop(found.result.state, reason, found.result.message)

    def through(self, start: int, end: int, ceiling: Key | None = None) -> Stop:
        """On to where the running thread executes other code, or another thread runs.

        The session's points stop it, and a position does.
        """
        within = CodeRange(start, end, self._process.state.tid)
        return self._forward(self.points, ceiling, within=within)

    def back_through(self, start: int, end: int) -> Stop:
        """Back to the first place since which the running thread executes code within a range.

        No further than to the last event; the session's points stop it. Where the thread has just
        come into the range, or an event has just taken effect, the session stays.
        """
        process, origin = self._process, self._process.key
        thread = process.state.tid
        floor = max((origin[0], 0), process.history.start)
        outside = process.last_outside(CodeRange(start, end, thread), floor)
        if outside is None:
            process.goto(floor)
        else:
            process.goto(outside.key)
            process.step(1)
        first, present = process.key, process.present
        is_inside = present.state.tid == thread and start <= present.registers().rip < end
        process.goto(origin)
        if not is_inside or not floor <= first < origin:
            return self.here()
        return self.backward(floor=first)

    def backward(
        self, extra: Sequence[Point] = (), *, alone: bool = False, floor: Key | None = None
    ) -> Stop:
        """Back to the last hit, not before `floor`; without one to the floor, or to the start."""
        points = Points() if alone else self.points
        points = points.joined(extra) if extra else points
        if self.is_at_death and self._told_at_end != StopReason.CATCH and self._is_caught(points):
            # From behind it.
            return self._died(self._process.state)
        state, point = self._process.backward(points, lambda state: self._hit(points, state), floor)
        if point is None:
            is_start = state.key == self._process.history.start
            return self._stop(state, StopReason.START if is_start else StopReason.POSITION)
        point.hits += 1
        return self._stop(state)

    # Inside

    def _forward(
        self,
        points: Points,
        ceiling: Key | None = None,
        steps: int | None = None,
        within: CodeRange | None = None,
    ) -> Stop:
        result, point = self._process.forward(
            points, lambda state: self._hit(points, state), ceiling, steps, within
        )
        if result.state.reason == Reason.END:
            if self._told_at_end is None and self._is_caught(points):
                return self._died(result.state)
            stop = self._stop(result.state)
            self._told_at_end = StopReason.END
            return stop
        if point is not None:
            point.hits += 1
        if not isinstance(point, Watchpoint) or result.state.reason == Reason.WATCHED:
            return self._stop(result.state, message=result.message)
        touched = result.state.detail[0]
        after = self._process.step(1)
        return dataclasses.replace(self._stop(after.state, StopReason.WATCHPOINT), address=touched)

    @property
    def is_at_death(self) -> bool:
        """Whether the process stands where a signal ended it, and is known to."""
        end = self._process.end
        if end is None or end.reason != Reason.END:
            return False
        if self._death is None or not self._death.is_last:
            return False
        return self._process.history.canonical(self._process.key) == end.key

    def _died(self, state: StopState) -> Stop:
        """The stop where a signal ends the process."""
        self._told_at_end = StopReason.CATCH
        stop = self._stop(state, StopReason.END)
        return dataclasses.replace(stop, reason=StopReason.CATCH)

    def _is_caught(self, points: Points) -> bool:
        """Whether a catchpoint stops at the signal that ended the process."""
        if self._death is None or not self._death.is_last:
            return False
        state = dataclasses.replace(self._process.state, reason=Reason.CATCH)
        for kind in _DEADLY:
            one = dataclasses.replace(state, detail=(kind, self._death.signal))
            point = self._asked(points, one)
            if point is not None:
                point.hits += 1
                return True
        return False

    def _is_death(self, state: StopState) -> bool:
        """Whether a stop of the replayer is at the event that ends the process."""
        death = self._death
        if death is None or not (death.is_logged and death.is_last):
            return False
        if state.reason != Reason.CATCH:
            return False
        return state.event == death.event.index and state.detail[0] in _DEADLY

    def _hit(self, points: Points, state: StopState) -> Point | None:
        """The point that says to stop; of the signal that ends the process that is told at the end.

        There all of its state is known.
        """
        return None if self._is_death(state) else self._asked(points, state)

    def _asked(self, points: Points, state: StopState) -> Point | None:
        """The point that says to stop; conditions may look at the session, but not move it."""
        with self._process.judging():
            # The last of many hits is told where the stretch ends.
            is_there = self._process.state.key == state.key
            evaluate = self._evaluate_here if is_there else None
            return points.hit(state, self._session(), evaluate)

    def _evaluate_here(self, code: bytes) -> int | None:
        return self._process.present.evaluate(code)

    def _at_breakpoint(self) -> Stop | None:
        """The stop of a breakpoint right here; None: there is none that counts."""
        address = self._process.present.registers().rip
        if address not in self.points.addresses():
            return None
        state = dataclasses.replace(
            self._process.state, reason=Reason.BREAKPOINT, detail=(address, 0)
        )
        point = self._hit(self.points, state)
        if point is None:
            return None
        point.hits += 1
        return self._stop(state)

    def _count_steps(
        self, count: int, thread: int, step: Callable[[int], tuple[Stop, bool]]
    ) -> Stop:
        stop = self.here()
        for _ in range(count):
            before = self._process.present.registers(thread)
            is_done = False
            while not is_done:
                stop, was_other = step(thread)
                if stop.reason != StopReason.POSITION:
                    return stop
                # To hand over, and to wait, is nothing that a thread does itself.
                now = self._process.present.registers()
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
        return self._stop(self._process.goto(turn).state), True

    def _one_back(self, thread: int) -> tuple[Stop, bool]:
        """A step back, and back to where the thread ran."""
        stop = self.back(1)
        if stop.reason != StopReason.POSITION or stop.thread == thread:
            return stop, False
        turn = self.turn_of(thread, backward=True)
        if turn is None:
            return self._to_start(), True
        return self._stop(self._process.goto(turn).state), True

    def _to_start(self) -> Stop:
        process = self._process
        return self._stop(process.goto(process.history.start).state, StopReason.START)

    def _stop(self, state: StopState, reason: StopReason | None = None, message: str = "") -> Stop:
        reason = reason or _REASONS[state.reason]
        end = self._process.end
        if end is None or state.key != end.key:
            self._told_at_end = None
        caught: EventInfo | None = None
        if reason == StopReason.CATCH:
            caught = self._process.history.event(state.event)
        elif reason == StopReason.END and self._death is not None:
            caught = self._death.event
        return Stop(
            reason=reason,
            position=Position(self._number, *state.key),
            thread=state.tid,
            address=state.detail[0] if state.reason in _ADDRESSED else None,
            event=caught,
            message=self._message(reason, message),
        )

    def _message(self, reason: StopReason, failure: str) -> str:
        if reason == StopReason.START:
            return self._beginning
        return failure if reason == StopReason.DIVERGENCE else ""
