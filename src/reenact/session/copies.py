"""The copies of a replayed process: the one at the present, those that wait, one that is asked.

This knows how one run is asked for, who waits where, and how a run is interrupted. What runs where
is decided by the navigator and the search backwards.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Sequence

from reenact.errors import UsageError
from reenact.session.checkpoints import Checkpoints
from reenact.session.connection import ReplayerConnection
from reenact.session.deferral import deferred
from reenact.session.history import History
from reenact.session.interface import MovementInterrupted
from reenact.session.jumps import Jumps
from reenact.session.messages import (
    NEVER,
    UNCOUNTED,
    CodeRange,
    Codes,
    Reason,
    Run,
    RunResult,
    StopState,
)
from reenact.session.points import Points
from reenact.session.positions import Key

#: Instructions between two copies left on the way: some hundredths of a second.
STAGE = 1 << 26
#: Events between two copies left on the way.
STAGE_EVENTS = 50_000
#: Copies are also left so many events before a target.
NEAR_EVENTS = (4096, 256, 16, 1)

#: Nothing follows these.
ENDS = (Reason.END, Reason.FAILED)
#: Stops that are hits of points.
HITS = (Reason.BREAKPOINT, Reason.WATCH, Reason.WATCHED, Reason.CATCH)


class Copies:
    """All copies of one replayed process.

    Arguments:
        first: stands at the first position of the process.
        budget: memory for waiting copies, bytes.
        jumps: where a replay can begin in the middle; None: nowhere.
    """

    def __init__(self, first: ReplayerConnection, budget: int, jumps: Jumps | None = None) -> None:
        self._jumps = jumps
        self._history = History(self._count)
        self.learn(first)
        self._history.begin_at(first.state.event)
        self.checkpoints = Checkpoints(budget)
        self._present = first.fork()
        #: Where the present is, and what brings a copy there; None: the copy above stands there.
        self._due: tuple[StopState, Callable[[], ReplayerConnection]] | None = None
        self.checkpoints.add(first, 0)
        #: State at the end, once it is known.
        self.end: StopState | None = None
        #: Copies that are asked in the place of the present, the innermost last.
        self._asked: list[ReplayerConnection] = []
        self._is_judging = False
        self._running: ReplayerConnection | None = None
        self._movements = 0
        # A plain value: it is set by handlers of signals, too, which must not wait for a lock.
        self._is_interrupted = False
        self._is_shielded = False
        #: The program's own code has not failed yet.
        self._is_native = True

    # Looking

    @property
    def present(self) -> ReplayerConnection:
        """The copy that stands at the present."""
        if self._due is not None:
            with deferred(lambda: None), self.shielded():
                self.replace_present(self._due[1](), keep=False)
        return self._present

    @property
    def state(self) -> StopState:
        """Where the copy stands that questions are for; at the present none needs to be."""
        if self._asked:
            return self._asked[-1].state
        return self._present.state if self._due is None else self._due[0]

    @property
    def asked(self) -> ReplayerConnection:
        """The copy that questions about the process are for."""
        return self._asked[-1] if self._asked else self.present

    @contextlib.contextmanager
    def asking(self, copy: ReplayerConnection) -> Iterator[None]:
        """Have questions answered by another copy than the present."""
        self._asked.append(copy)
        try:
            yield
        finally:
            self._asked.pop()

    @contextlib.contextmanager
    def judging(self, copy: ReplayerConnection | None = None) -> Iterator[None]:
        """While something decides about a hit: it may look, at this copy if any, but not move."""
        was_judging, self._is_judging = self._is_judging, True
        try:
            with contextlib.nullcontext() if copy is None else self.asking(copy):
                yield
        finally:
            self._is_judging = was_judging

    @property
    def history(self) -> History:
        """The events behind, up to the copy that is asked."""
        if self._asked or self._due is None:
            # What is put off is in the past.
            self.learn(self.asked)
        return self._history

    def learn(self, copy: ReplayerConnection) -> None:
        """Take over the events a copy has passed."""
        with deferred(lambda: None):
            self._history.learn(copy.state.event, copy.history)

    # Interrupts

    @contextlib.contextmanager
    def movement(self) -> Iterator[None]:
        """Movements that an interrupt ends as one."""
        if self._is_judging:
            raise UsageError(
                "a condition cannot move the session", "look at registers, memory, frames, values"
            )
        if self._movements > 0:
            self._movements += 1
            try:
                yield
            finally:
                self._movements -= 1
            return
        with deferred(self.interrupt):
            self._is_interrupted = False
            self._movements = 1
            try:
                yield
            finally:
                self._movements = 0

    @contextlib.contextmanager
    def shielded(self) -> Iterator[None]:
        """Runs that an interrupt does not end."""
        was_shielded, self._is_shielded = self._is_shielded, True
        try:
            yield
        finally:
            self._is_shielded = was_shielded

    def interrupt(self) -> None:
        """Have the movement that another thread waits for end soon."""
        self._is_interrupted = True
        running = self._running
        if running is not None and not self._is_shielded:
            running.interrupt()

    # Running

    def run(self, copy: ReplayerConnection, run: Run) -> RunResult:
        """Let a copy run. Errors: `MovementInterrupted`."""
        run = dataclasses.replace(run, natively=run.natively and self._is_native)
        if copy.state.instructions == UNCOUNTED:
            # Somebody has broken off right when it had stopped at a hit.
            self._stand_at(copy, (copy.state.event, 0))
        origin = copy.state
        while True:
            result: RunResult | None = None
            self._running = copy
            try:
                # It may have come while nothing ran.
                self._check_interrupted()
                result = copy.run(run, self._interrupt_again)
            finally:
                self._running = None
                self.checkpoints.let_go()
                is_hit = result is not None and result.state.reason in (*HITS, Reason.MANY)
                if copy.last.state.instructions == UNCOUNTED and not is_hit:
                    self._stand_at(copy, max(origin.key, (copy.state.event, 0)))
            if run.natively and result.state.reason == Reason.FAILED:
                # Nobody knows whose fault it is until all of it has been translated.
                self._is_native = False
                self.checkpoints.keep_first()
                if self._jumps is not None:
                    self._jumps.give_up()
                self._stand_at(copy, origin.key)
                run = dataclasses.replace(run, natively=False)
                continue
            if run.natively:
                result = self._exactly(copy, run, origin.key, result)
            else:
                self._take_counts(origin, copy)
            if result.state.reason != Reason.INTERRUPTED:
                return result
            if not self._is_shielded:
                # Also where it was meant for the movement before: what the run has counted and
                # remembered is of a part of its way.
                raise MovementInterrupted
            # One that was on its way before the shield. How far to run has not changed: there
            # are targets only.

    def nearest(
        self, key: Key, *, before: bool = False, at_hand: Key | None = None
    ) -> ReplayerConnection:
        """The last copy at a place, or before it; where a snapshot is nearer, one begins there.

        Arguments:
            key: the place.
            before: strictly before it.
            at_hand: where another copy is that could go there, too.
        """
        waiting = self.checkpoints.latest(key, before=before)
        if self._jumps is None:
            return waiting
        begin = waiting.state.key
        if at_hand is not None and begin < at_hand <= key:
            begin = at_hand
        with deferred(lambda: None), self.shielded():
            jumped = self._jumps.between(begin, key, before=before)
            if jumped is None:
                return waiting
            self.learn(jumped)
            self.checkpoints.add(jumped, self.state.work)
        return jumped

    def travel(self, copy: ReplayerConnection, key: Key, near: Sequence[int] = ()) -> RunResult:
        """Let a copy run to a place, and leave others on the way; points do not count.

        Arguments:
            copy: stands before it.
            key: the place.
            near: others are left so many instructions before it, too.
        """
        self.clear_points(copy)
        while True:
            now = copy.state
            is_before = now.event < key[0]
            last = now.event + STAGE_EVENTS
            most = STAGE
            if is_before and near:
                ahead = (key[0] - far for far in NEAR_EVENTS if key[0] - now.event > 2 * far)
                last = min([last, *ahead])
            elif near:
                # Not where the copy would be as far from the target as from here.
                left = key[1] - now.instructions
                most = min([most, *(left - far for far in near if left > 2 * far)])
            run = Run(
                target=(key[0], 0) if is_before else key,
                most_work=now.work + most,
                most_event=last,
                natively=is_before,
            )
            result = self.run(copy, run)
            is_there = copy.state.key == key
            if is_there or result.state.reason not in (Reason.LIMIT, Reason.TARGET):
                return result
            self.leave(copy)

    def _stand_at(self, copy: ReplayerConnection, key: Key) -> None:
        """Have a copy stand at a place again that it has come past, without points."""
        new = self.checkpoints.latest(key).fork()
        with self.shielded():
            self.travel(new, key)
        if copy.points is not None:
            self.set_points(new, copy.points)
        copy.become(new)

    def _exactly(
        self, copy: ReplayerConnection, run: Run, origin: Key, result: RunResult
    ) -> RunResult:
        """What a run by the program's own code has come to, where it knows no more than the event.

        The stretch behind that event is replayed once more, translated.
        """
        if result.state.reason == Reason.MANY:
            # They are looked for otherwise, by another copy.
            return result
        if result.state.reason in HITS and result.state.instructions == UNCOUNTED:
            return self._again(copy, run, max(origin, (result.state.event, 0)), origin)
        last = result.remembered
        if last is None:
            return result
        if last.instructions != UNCOUNTED:
            return self._listed_exactly(copy, result) if run.lists else result
        begin = max(origin, (last.event, 0))
        found: list[StopState] = []
        with contextlib.closing(self.checkpoints.latest(begin).fork()) as looking:
            self.travel(looking, begin)
            # Somebody will go there.
            self.leave(looking)
            if copy.points is not None:
                self.set_points(looking, copy.points)
            while looking.state.event <= last.event:
                one = dataclasses.replace(
                    run,
                    natively=False,
                    ends_at_many=False,
                    leave_here=run.leave_here if looking.state.key == origin else 0,
                    most_work=looking.state.work + STAGE,
                    most_event=last.event + 1,
                    lists=True,
                )
                again = self.run(looking, one)
                if again.remembered is not None:
                    now = looking.listed()
                    found = now if len(now) < again.hits else found + now
                if again.state.reason != Reason.LIMIT:
                    break
                self.leave(looking)
        if not found:
            # The processor has seen what is no hit.
            return self._again(copy, run, origin, origin)
        copy.found = found
        # There are more, which are not listed.
        return dataclasses.replace(result, remembered=found[-1], hits=len(found) + 1)

    def _listed_exactly(self, copy: ReplayerConnection, result: RunResult) -> RunResult:
        """The last hits that are known, of which the last one is."""
        listed = copy.listed()
        uncounted = [at for at, hit in enumerate(listed) if hit.instructions == UNCOUNTED]
        if not uncounted:
            return result
        copy.found = listed[uncounted[-1] + 1 :]
        return dataclasses.replace(result, hits=len(copy.found) + 1)

    def _again(self, copy: ReplayerConnection, run: Run, begin: Key, origin: Key) -> RunResult:
        """A run once more from a place on its way, translated."""
        self._stand_at(copy, begin)
        one = dataclasses.replace(
            run,
            natively=False,
            ends_at_many=False,
            leave_here=run.leave_here if begin == origin else 0,
            most_work=copy.state.work + STAGE,
        )
        return self.run(copy, one)

    def _take_counts(self, begin: StopState, copy: ReplayerConnection) -> None:
        """What was counted now need not be counted once more."""
        last = min(copy.state.event, self._history.last_event)
        if last > begin.event and (numbers := self._history.uncounted(begin.event, last)):
            self._history.fill(*numbers, copy.history)

    def _count(self, first: int, last: int) -> None:
        """Have instructions counted before events with some numbers."""
        history = self._history
        begin, end = (history.index(first - 1), 0), (history.index(last), 0)
        waiting = self.nearest(begin)
        # Outside of movements nobody can ask for an end.
        shield = contextlib.nullcontext() if self._movements else self.shielded()
        with shield, contextlib.closing(waiting.fork()) as copy:
            self.travel(copy, begin)
            self.leave(copy)
            reason = Reason.LIMIT
            while reason == Reason.LIMIT:
                reason = self.run_stage(copy, None, end, leave_here=0, remember=True).state.reason
                if reason == Reason.LIMIT:
                    self.leave(copy)
            history.fill(first, last, copy.history)

    def _interrupt_again(self) -> None:
        """A run has begun: an interrupt that came right before that has been sent in vain."""
        running = self._running
        if self._is_interrupted and not self._is_shielded and running is not None:
            running.interrupt()

    def _check_interrupted(self) -> None:
        if self._is_interrupted and not self._is_shielded:
            raise MovementInterrupted

    def run_stage(
        self,
        copy: ReplayerConnection,
        points: Points | None,
        end: Key = (NEVER, 0),
        *,
        leave_here: int,
        remember: bool,
        steps: int = NEVER,
        instructions: int = STAGE,
        asks_behind: bool = False,
        collects: bool = False,
        lists: bool = False,
        last_event: int = NEVER,
        within: CodeRange | None = None,
        seeks: bool = False,
        natively: bool = False,
        ends_at_many: bool = False,
    ) -> RunResult:
        """Let a copy run, at most so far that another one should be left there."""
        run = Run(
            target=end,
            steps=steps,
            most_work=copy.state.work + instructions,
            most_event=min(copy.state.event + STAGE_EVENTS, last_event),
            catch=points.catch_mask() if points is not None else 0,
            remember=remember,
            leave_here=leave_here,
            asks_behind=asks_behind,
            collects=collects,
            lists=lists,
            within=within,
            seeks=seeks,
            natively=natively,
            ends_at_many=ends_at_many,
        )
        return self.run(copy, run)

    def set_points(self, copy: ReplayerConnection, points: Points) -> None:
        """Have a copy stop at these points, and at no others."""
        if copy.points_version != points.version:
            copy.set_breakpoints(points.addresses())
            copy.set_watches(points.watches())
            copy.set_conditions(points.conditions())
            copy.points_version, copy.points = points.version, points

    def clear_points(self, copy: ReplayerConnection) -> None:
        """Have a copy stop at no points."""
        if copy.points_version != 0:
            copy.set_breakpoints([])
            copy.set_watches([])
            copy.set_conditions([])
            copy.points_version, copy.points = 0, None

    def set_collection(self, copy: ReplayerConnection, codes: Codes) -> None:
        """Have a copy collect at hits what these agent expressions are and collect."""
        if copy.collection != codes:
            copy.set_collection(codes)

    # Copies

    def leave(self, copy: ReplayerConnection) -> None:
        """Have a copy of a copy wait where that stands."""
        self.checkpoints.add(copy.fork(), self.state.work)

    def replace_present(self, copy: ReplayerConnection, *, keep: bool = True) -> None:
        """Another copy is the present; the old one waits where it stands, if it is to be kept."""
        old, self._present, self._due = self._present, copy, None
        self.learn(old)
        if keep:
            self.checkpoints.add(old, copy.state.work)
        else:
            self.checkpoints.dismiss(old)

    def put_off(self, state: StopState, bring: Callable[[], ReplayerConnection]) -> None:
        """The present is elsewhere from now on, where a copy comes only if somebody looks.

        Arguments:
            state: how the process stands there: in what has been passed.
            bring: makes the copy.
        """
        self._due = (state, bring)

    def note_end(self, result: RunResult) -> None:
        """Remember where the process ends, if a run of the present has come to that."""
        if result.state.reason in ENDS and self.end is None:
            self.learn(self.present)
            event, instructions = self._history.canonical(result.state.key)
            self.end = dataclasses.replace(result.state, event=event, instructions=instructions)

    def close(self) -> None:
        """Let go of all."""
        self._present.close()
        self.checkpoints.close()
        if self._jumps is not None:
            self._jumps.close()
