"""Looking for hits before the present: stretches between waiting copies are replayed forwards.

The last stretch comes first; what is found in it last is the nearest. The present stays where it
is until something was found.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable
from typing import Union

from reenact.session.connection import ReplayerConnection
from reenact.session.copies import HITS, STAGE, Copies
from reenact.session.hit_trail import HitTrail
from reenact.session.interface import Judge, Visitor
from reenact.session.messages import ACCESSES, BREAKPOINTS, CodeRange, Reason, Run, StopState
from reenact.session.points import Point, Points
from reenact.session.positions import Key

#: So many instructions are looked through first; with so many hits in them …
_SAMPLE = 1 << 20
_MANY_HITS = 256
#: … the last one is looked for near the end: in so many instructions, in more if it is not there.
_NEAR_END = 1 << 20

#: Where every instruction counts so many are looked through first.
_FEW = 1 << 12

#: Work between two copies that are left while the program's own code is scanned: behind each the
#: scanning copy gets its memory anew, page by page, and few of them are ever wanted.
_STAGE_OF_SCAN = 4 * STAGE

#: A hit, and the point that says to stop there; None: one that stands for none.
Hit = tuple[StopState, Union[Point, None]]
#: The last hit of a stretch, and the last ones, as far as they are listed.
Scanned = tuple[Union[Hit, None], list[StopState]]


def beyond(state: StopState) -> int:
    """What does not count where a run goes on: what has been told there (breakpoints first)."""
    if state.reason == Reason.WATCHED:
        # It is behind the access: what is here has not been told.
        return 0
    return BREAKPOINTS | (ACCESSES if state.reason == Reason.WATCH else 0)


class BackwardSearch:
    """Searches the past of a process.

    Arguments:
        copies: those of the process.
    """

    def __init__(self, copies: Copies) -> None:
        self._copies = copies
        self.trail = HitTrail(copies)

    def last_hit(self, points: Points, judge: Judge, floor: Key) -> Hit | None:
        """The last hit before the present; None: there is none since `floor`."""
        copies = self._copies
        end, near, reach = copies.state.key, _NEAR_END, 0
        known = self.trail.before(points, end) if points.are_plain else None
        if known is not None:
            return (known, judge(known)) if known.key >= floor else None
        while end > floor:
            copies.nearest(end, before=True)
            waiting = copies.checkpoints.earlier(end, reach)
            # To copy the process for each short stretch takes longer than the stretch itself.
            reach = min(max(2 * reach, _NEAR_END), STAGE)
            with contextlib.ExitStack() as stack:
                # On the way others are left, and this one may be given up.
                stack.enter_context(copies.checkpoints.used(waiting))
                may_be_many = copies.history.is_far(waiting.state.key, end, 2 * (near + _SAMPLE))
                scanned = self._scanned(waiting, end, points, judge, gives_up=may_be_many)
                if scanned is None:
                    waiting = waiting.fork()
                    stack.callback(waiting.close)
                    self._go_near(waiting, end, near)
                    near *= 4
                    scanned = self._scanned(waiting, end, points, judge, gives_up=False)
                found, listed = scanned or (None, [])
                if len(listed) > 1:
                    self.trail.replace(points, listed, end, waiting.fork())
                found = found or self._hit_where(waiting, points, judge)
                begin = waiting.state.key
            if found is not None and found[0].key >= floor:
                return found
            end = begin
        return None

    def visited(
        self, points: Points, visitor: Callable[[], Visitor], floor: Key
    ) -> StopState | None:
        """Where a visitor says to go, the latest stretch first; None: none says it."""
        end = self._copies.state.key
        while end > floor:
            waiting = self._copies.nearest(end, before=True)
            one = visitor()
            with contextlib.closing(waiting.fork()) as scanning:
                self._visit(scanning, end, points, one)
            if one.found is not None and one.found.key >= floor:
                return one.found
            end = waiting.state.key
        return None

    def last_outside(self, within: CodeRange, floor: Key) -> StopState | None:
        """The last place before the present where a thread executes other code.

        All instructions are looked at, so some are first, and then ever more.
        """
        copies = self._copies
        end, near = copies.state.key, _FEW
        while end > floor:
            waiting = copies.nearest(end, before=True)
            with contextlib.ExitStack() as stack:
                scanning = waiting.fork()
                stack.callback(scanning.close)
                self._go_near(scanning, end, near)
                near *= 4
                begin = scanning.state.key
                found = None
                copies.clear_points(scanning)
                reason = Reason.LIMIT
                while reason == Reason.LIMIT:
                    result = copies.run_stage(
                        scanning, None, end, leave_here=0, remember=True, within=within, seeks=True
                    )
                    found, reason = result.remembered or found, result.state.reason
            if found is not None:
                return found if found.key >= floor else None
            if begin >= end:
                return None
            end = begin
        return None

    def copy_at(self, hit: StopState) -> ReplayerConnection:
        """A copy that stands at a hit."""
        copy = self.trail.copy_at(hit)
        if copy is None:
            copy = self._copies.nearest(hit.key).fork()
            self._copies.clear_points(copy)
            self._copies.run(copy, Run(target=hit.key))
        return copy

    def _visit(self, copy: ReplayerConnection, end: Key, points: Points, visitor: Visitor) -> None:
        copies = self._copies
        copies.set_points(copy, points)
        leave_here = 0
        while True:
            result = copies.run_stage(copy, points, end, leave_here=leave_here, remember=False)
            leave_here = 0
            if result.state.reason == Reason.LIMIT:
                copies.leave(copy)
                continue
            is_hit = result.state.reason in HITS
            with copies.judging(copy):
                visitor.visit(result.state if is_hit else None)
            if not is_hit:
                return
            leave_here = beyond(result.state)

    def _scanned(
        self, waiting: ReplayerConnection, end: Key, points: Points, judge: Judge, *, gives_up: bool
    ) -> Scanned | None:
        """What a stretch has; None, where one gives up: there are many hits.

        Each hit costs as much as many instructions: the last one is looked for near the end first.
        """
        if gives_up and not points.are_plain and self._has_many_hits(waiting, end, points):
            return None
        with contextlib.closing(waiting.fork()) as scanning:
            return self._last_of(scanning, end, points, judge, gives_up=gives_up)

    def _has_many_hits(self, copy: ReplayerConnection, end: Key, points: Points) -> bool:
        """The same where somebody has to be asked about each."""
        with contextlib.closing(copy.fork()) as probe:
            self._copies.set_points(probe, points)
            result = self._copies.run_stage(
                probe, points, end, leave_here=0, remember=True, instructions=_SAMPLE
            )
        return result.hits >= _MANY_HITS

    def _go_near(self, copy: ReplayerConnection, end: Key, near: int) -> None:
        """Let a copy run on to where about so many instructions are left, if it is not there."""
        key = self._copies.history.earlier(end, near)
        if key > copy.state.key:
            self._copies.travel(copy, key)
            self._copies.leave(copy)

    def _last_of(
        self, copy: ReplayerConnection, end: Key, points: Points, judge: Judge, *, gives_up: bool
    ) -> Scanned | None:
        """What a copy comes to on its way to a position; None, where one gives up: to many hits."""
        copies = self._copies
        copies.set_points(copy, points)
        plain = points.are_plain
        far = plain and points.are_native
        far = far and copies.history.is_far(copy.state.key, end, _NEAR_END)
        found: Hit | None = None
        listed: list[StopState] = []
        leave_here = 0
        while True:
            result = copies.run_stage(
                copy,
                points,
                end,
                leave_here=leave_here,
                remember=plain,
                lists=plain,
                natively=far,
                instructions=_STAGE_OF_SCAN if far else STAGE,
                ends_at_many=plain and gives_up,
            )
            if result.state.reason == Reason.MANY:
                return None
            gives_up = False
            if result.remembered is not None:
                found = (result.remembered, self._judged(copy, result.remembered, judge))
                now = copy.listed()
                # Some of a stage may be missing: then those before it are of no use.
                listed = now if len(now) < result.hits else listed + now
            leave_here = 0
            if result.state.reason == Reason.LIMIT:
                copies.leave(copy)
            elif result.state.reason in HITS:
                point = self._judged(copy, result.state, judge)
                if point is not None:
                    found = (result.state, point)
                leave_here = beyond(result.state)
            else:
                return found, listed

    def _hit_where(self, waiting: ReplayerConnection, points: Points, judge: Judge) -> Hit | None:
        """The hit where a copy waits itself: whoever starts there is behind it.

        An event there has taken effect, and a breakpoint at which the copy has come to a stop is
        not told again.
        """
        state = waiting.state
        hits = []
        address = waiting.registers().rip
        if address in points.addresses():
            hits.append(dataclasses.replace(state, reason=Reason.BREAKPOINT, detail=(address, 0)))
        history = self._copies.history
        if state.instructions == 0 and state.event > history.start[0]:
            kind, code = history.kind_and_code(state.event)
            if points.catch_mask() >> kind & 1:
                hits.append(dataclasses.replace(state, reason=Reason.CATCH, detail=(kind, code)))
        for hit in hits:
            point = self._judged(waiting, hit, judge)
            if point is not None:
                return hit, point
        return None

    def _judged(self, copy: ReplayerConnection, state: StopState, judge: Judge) -> Point | None:
        """Ask with the session looking at the copy."""
        with self._copies.asking(copy):
            return judge(state)
