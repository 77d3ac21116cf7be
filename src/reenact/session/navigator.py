"""A replayed process that goes forwards and backwards: copies of it wait at earlier positions.

The replay runs forwards only. Going back is: take the copy that waits nearest before the target,
let a copy of it run there. So that the next movement is short, copies are left on the way: one
every stage, and some shortly before the target.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator

from reenact.session.backward_search import BackwardSearch, beyond
from reenact.session.connection import ReplayerConnection
from reenact.session.copies import ENDS, HITS, STAGE, STAGE_EVENTS, Copies
from reenact.session.history import History
from reenact.session.interface import (
    Collected,
    Collecting,
    Judge,
    MovementInterrupted,
    StoppedProcess,
    Visitor,
)
from reenact.session.jumps import Jumps
from reenact.session.messages import (
    BREAKPOINTS,
    NEVER,
    CodeRange,
    Reason,
    Run,
    RunResult,
    StopState,
)
from reenact.session.points import Point, Points
from reenact.session.positions import Key, outside
from reenact.session.values import Mapping

#: Copies are also left so many instructions before a target. Each step back runs
#: from the nearest, in a copy that has to translate again what lies between.
NEAR = (1 << 23, 1 << 18, 1 << 13, 1 << 9)
#: So many instructions are looked through translated before the program's own code runs.
_NEAR = 1 << 22


class Navigator:
    """Implements `reenact.session.interface.ReplayedProcess`, where all of it is described.

    Arguments:
        first: stands at the first position of the process.
        budget: memory for waiting copies, bytes.
        jumps: where a replay can begin in the middle of the process; None: nowhere.
    """

    def __init__(self, first: ReplayerConnection, budget: int, jumps: Jumps | None = None) -> None:
        self._copies = Copies(first, budget, jumps)
        self._search = BackwardSearch(self._copies)

    @property
    def present(self) -> StoppedProcess:
        """What stands at the present, or is asked in its place."""
        return self._copies.asked

    @property
    def key(self) -> Key:
        """Where `present` stands."""
        return self._copies.state.key

    @property
    def state(self) -> StopState:
        """How `present` stands there."""
        return self._copies.state

    @property
    def history(self) -> History:
        """The events behind."""
        return self._copies.history

    @property
    def end(self) -> StopState | None:
        """The last position, once it is known."""
        return self._copies.end

    def mappings_at_start(self) -> list[Mapping]:
        """All mappings at the first position."""
        return self._copies.checkpoints.latest(self.history.start).mappings()

    def find_end(self) -> StopState:
        """The last position; the present stays where it is. Replays all of it once."""
        copies = self._copies
        if copies.end is not None:
            return copies.end
        with self.movement():
            origin = self.key
            last = copies.nearest((NEVER, 0), at_hand=origin)
            if last.state.key > origin:
                copies.replace_present(last.fork())
            with contextlib.suppress(MovementInterrupted):
                reason = Reason.LIMIT
                while reason == Reason.LIMIT:
                    result = copies.run_stage(
                        copies.present, None, leave_here=0, remember=True, natively=True
                    )
                    reason = result.state.reason
                    copies.note_end(result)
                    copies.leave(copies.present)
            # Interrupted: as far as it has come.
            found = copies.present.state if self.end is None else self.end
            self.return_to(origin)
        return found

    def movement(self) -> contextlib.AbstractContextManager[None]:
        """Movements that `interrupt` ends as one."""
        return self._copies.movement()

    def interrupt(self) -> None:
        """Have the movement that another thread waits for end soon."""
        self._copies.interrupt()

    def return_to(self, key: Key) -> None:
        """Go back to where a movement began that was interrupted."""
        with self._copies.shielded():
            self.goto(key)

    def goto(self, key: Key) -> RunResult:
        """Move the present to a position. Errors: `UsageError` when there is no such one."""
        copies = self._copies
        with self.movement():
            history, origin = self.history, self.key
            if key < history.start or (history.knows(key) and not history.has(key)):
                raise outside(key)
            nearest = copies.nearest(key, at_hand=origin)
            waiting = self._search.trail.nearest(key, nearest)
            if key < origin or waiting.state.key > origin:
                copies.replace_present(waiting.fork())
            result = self._advance(key)
            if result.state.reason != Reason.TARGET:
                copies.note_end(result)
                self.goto(origin)
                raise outside(key)
        return result

    def step(self, steps: int, points: Points | None = None) -> RunResult:
        """Go so many steps forward; with `points`, which of them was hit last is remembered."""
        copies = self._copies
        with self.movement():
            if points is not None:
                copies.set_points(copies.present, points)
            while True:
                begin = copies.present.state
                run = Run(
                    steps=steps,
                    most_work=begin.work + STAGE,
                    most_event=begin.event + STAGE_EVENTS,
                    # Points do not count.
                    remember=True,
                )
                result = copies.run(copies.present, run)
                if result.state.reason != Reason.LIMIT:
                    return self._settled(result)
                copies.leave(copies.present)
                steps -= self.history.steps(begin.key, result.state.key)
                if steps <= 0:
                    return result

    def next_access(self, points: Points) -> StopState | None:
        """The access to watched memory that the next step makes, if it makes one."""
        copies = self._copies
        with self.movement(), contextlib.closing(copies.present.fork()) as probe:
            copies.set_points(probe, points)
            run = Run(steps=1, remember=True, leave_here=BREAKPOINTS)
            found = copies.run(probe, run).remembered
        return found if found is not None and found.reason == Reason.WATCH else None

    def forward(
        self,
        points: Points,
        judge: Judge,
        ceiling: Key | None = None,
        steps: int | None = None,
        within: CodeRange | None = None,
    ) -> tuple[RunResult, Point | None]:
        """Run to the next hit, or to the end.

        Arguments:
            points: what may be hit.
            judge: decides about each.
            ceiling: the position to stop at without a hit; None: the end.
            steps: the most steps, fewer than a stage has; None: no limit.
            within: code that the run ends behind; None: any code.
        """
        copies = self._copies
        # A watchpoint is told after the access: one that comes next is still to be told.
        leave_here = BREAKPOINTS
        # What is near is found at once; far away the program's own code comes first.
        is_far, may_run = False, steps is None and within is None and points.are_native
        with self.movement():
            while True:
                copies.set_points(copies.present, points)
                result = copies.run_stage(
                    copies.present,
                    points,
                    (NEVER, 0) if ceiling is None else ceiling,
                    leave_here=leave_here,
                    remember=False,
                    steps=NEVER if steps is None else steps,
                    asks_behind=True,
                    within=within,
                    instructions=STAGE if is_far or not may_run else _NEAR,
                    natively=is_far and may_run,
                )
                if result.state.reason == Reason.LIMIT:
                    copies.leave(copies.present)
                    leave_here, is_far = 0, True
                elif result.state.reason in HITS:
                    point = judge(result.state)
                    if point is not None:
                        return result, point
                    if steps is not None and result.state.reason == Reason.CATCH:
                        # The event was the step.
                        state = dataclasses.replace(result.state, reason=Reason.STEPS)
                        return dataclasses.replace(result, state=state), None
                    leave_here = beyond(result.state)
                    # Many may be told in vain, and each would be come to twice.
                    is_far = False
                else:
                    return self._settled(result), None

    def collect(self, points: Points, judge: Judge, wanted: Collecting) -> Collected:
        """Some way forward, collecting at hits.

        Arguments:
            points: what may be hit.
            judge: decides about what is not collected.
            wanted: what is collected, and how far.
        """
        copies, present = self._copies, self._copies.present
        with self.movement():
            copies.set_points(present, points)
            copies.set_collection(present, wanted.codes)
            try:
                result = copies.run_stage(
                    present,
                    points,
                    leave_here=wanted.leave_here,
                    remember=False,
                    asks_behind=True,
                    collects=True,
                    last_event=wanted.last_event,
                    instructions=wanted.instructions,
                )
            except MovementInterrupted:
                stopped = dataclasses.replace(present.state, reason=Reason.INTERRUPTED)
                result = dataclasses.replace(present.last, state=stopped)
                return Collected(present.collected(), result, None, None)
            records = present.collected()
            reason = result.state.reason
            if reason in HITS:
                return Collected(records, result, judge(result.state), beyond(result.state))
            if reason == Reason.COLLECTED:
                return Collected(records, result, None, BREAKPOINTS)
            if reason == Reason.LIMIT:
                if wanted.instructions >= STAGE:
                    copies.leave(present)
                return Collected(records, result, None, 0)
            return Collected(records, self._settled(result), None, None)

    def last_outside(self, within: CodeRange, floor: Key) -> StopState | None:
        """The last place of a thread before the present in other code; None: none since `floor`."""
        with self.movement():
            return self._search.last_outside(within, floor)

    def backward(
        self, points: Points, judge: Judge, floor: Key | None = None
    ) -> tuple[StopState, Point | None]:
        """Move to the last hit before the present, or to the start: then there is no point.

        With a floor: hits before it do not count, and without one the present moves there.
        """
        with self.movement():
            start = self.history.start
            lowest = start if floor is None else max(floor, start)
            was_known = self._search.trail.before(points, self.key) is not None
            found = self._search.last_hit(points, judge, lowest)
            if found is None:
                return self.goto(lowest).state, None
            if was_known and points.are_plain:
                # Somebody goes from hit to hit, and may not look at each.
                self._copies.put_off(found[0], lambda: self._search.copy_at(found[0]))
            else:
                self.goto(found[0].key)
            return found

    def backward_along(self, points: Points, visitor: Callable[[], Visitor], floor: Key) -> bool:
        """Move to where a visitor says, which looks at all hits of a stretch, the latest first.

        Arguments:
            points: what is hit; without conditions.
            visitor: makes one for each stretch.
            floor: how far back to go.

        Whether it said where; if not, the present is at the floor.
        """
        with self.movement():
            found = self._search.visited(points, visitor, floor)
            self.goto(floor if found is None else found.key)
        return found is not None

    def judging(self) -> contextlib.AbstractContextManager[None]:
        """While something decides about a hit: movements are refused."""
        return self._copies.judging()

    @contextlib.contextmanager
    def branch(self) -> Iterator[None]:
        """`present` is a copy that may be changed, and is thrown away at the end."""
        with contextlib.closing(self._copies.asked.fork()) as copy:
            # Points are for the recording.
            self._copies.clear_points(copy)
            with self._copies.asking(copy):
                yield

    def close(self) -> None:
        """End all copies."""
        self._search.trail.clear()
        self._copies.close()

    def _advance(self, key: Key) -> RunResult:
        """Run the present forward to a position."""
        return self._copies.travel(self._copies.present, key, NEAR)

    def _settled(self, result: RunResult) -> RunResult:
        """At the end of a process that a fault killed: the position before that event.

        The state is the same, but the flags are known there: code that is about to overwrite them
        need not have kept them when it faults.
        """
        copies = self._copies
        copies.note_end(result)
        end = copies.end
        if result.state.reason not in ENDS or end is None or self.key == end.key:
            return result
        self.goto(end.key)
        return dataclasses.replace(result, state=end)
