"""Steps by Python line, in both directions.

A frame keeps its instruction in memory, and the interpreter writes it when it begins one. So that
word of the innermost frame is watched, or of all frames that count, with the words that change when
a frame is entered or left: each stop is an instruction of Python, and its line is known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from reenact.cpython.executing import Executed, ThreadState
from reenact.errors import UsageError
from reenact.session.movements import Movements
from reenact.session.points import Point, Points
from reenact.session.positions import Position
from reenact.session.values import Stop, StopReason

#: Frames whose instructions are watched at once: places a set of points may have.
_MOST_WATCHED = 3500
#: Instructions of Python that are gone back at once.
_WINDOW = 12
#: Instructions of the processor that are gone back before: a line of Python takes some hundreds.
_NEAR = (1_500, 6_000)


class Stepping:
    """Moves a session by Python lines; its points do not count.

    Arguments:
        movements: moves it.
        state: the thread that is followed.
    """

    def __init__(self, movements: Movements, state: ThreadState) -> None:
        self._movements = movements
        self._state = state

    def step(self) -> Stop:
        """To the next line that begins, in whatever frame of the thread."""
        return next(self._lines(None))

    def step_back(self) -> Stop:
        """To the line that began last before the session's place."""
        origin = self._here().position

        def last_line(until: Position) -> Position | None:
            lines = [
                line.position
                for line in self._lines(until)
                if line.reason == StopReason.WATCHPOINT and line.position < origin
            ]
            return lines[-1] if lines else None

        def floor() -> Stop:
            # Back to where another frame was the innermost, or a little.
            here = self._state.innermost
            points, stop = self._points(self._state.slots, [here]), self._here()
            for _ in range(_WINDOW):
                stop, touched = self._backward(points, [here])
                if stop.reason != StopReason.WATCHPOINT or not touched:
                    break
            return stop

        return self._back(last_line, floor)

    def _back(
        self, last_line: Callable[[Position], Position | None], floor: Callable[[], Stop]
    ) -> Stop:
        """Back to the last line.

        It is mostly near: what lies a little before is looked at on the way forwards, where to look
        costs little.

        Arguments:
            last_line: goes from where the session stands up to a place; the last line on the way.
            floor: goes back to where it is worth while to look from.
        """
        windows = iter(_NEAR)
        place = self._here().position
        while True:
            size = next(windows, None)
            stop = self._movements.back(size) if size is not None else floor()
            is_start = stop.reason == StopReason.START or stop.position == place
            found = last_line(place)
            if found is not None or is_start:
                return self._goto(found or stop.position)
            place = stop.position
            self._goto(place)

    def next(self) -> Stop:
        """As `step`, but only in the innermost frame and those that called it."""
        state = self._state
        counting = self._frames()
        before = {one.frame: one.offset for one in counting}
        while counting:
            stop, touched = self._forward((), counting)
            if stop.reason != StopReason.WATCHPOINT:
                return stop
            counting, now = self._still(counting, touched, before)
            if now is None:
                continue
            if state.is_line(now.frame, now.code, before[now.frame], now.offset):
                return self._here()
            before[now.frame] = now.offset
        return self._movements.forward(alone=True)

    def next_back(self) -> Stop:
        """As `step_back`, but only in the innermost frame and those that called it."""
        origin = self._here().position
        frames = self._frames()
        points = self._points((), frames)

        def floor() -> Stop:
            stop = self._here()
            for _ in range(_WINDOW):
                stop, _ = self._backward(points, frames)
                if stop.reason != StopReason.WATCHPOINT:
                    break
            return stop

        return self._back(lambda until: self._last_line(frames, until, origin), floor)

    def _last_line(
        self, frames: Sequence[Executed], ceiling: Position, origin: Position
    ) -> Position | None:
        """On to a place, before `origin` the last line that began in frames that are there then."""
        state = self._state
        before: dict[int, int | None] = {one.frame: None for one in frames}
        codes = {one.frame: one.code for one in frames}
        for one in frames:
            now = state.executed(one.frame)
            if now is not None and now.code is one.code:
                before[one.frame] = now.offset
        lines: dict[int, Position] = {}
        while True:
            stop, touched = self._forward((), frames, ceiling)
            if stop.reason != StopReason.WATCHPOINT:
                return max(lines.values(), default=None)
            now = state.executed(touched) if touched else None
            if now is None or now.code is not codes[touched] or now.offset <= now.code.entry:
                # Another frame was at this place, or the one that is there then begins.
                lines.pop(touched, None)
                before[touched] = None if now is None else now.offset
                continue
            is_line = state.newest == touched and state.is_line(
                now.frame, now.code, before[touched], now.offset
            )
            if is_line and stop.position < origin:
                lines[touched] = stop.position
            before[touched] = now.offset

    def _lines(self, until: Position | None) -> Iterator[Stop]:
        """Each line that begins, with the session there; at last where nothing more comes.

        Its reason is that of a watchpoint for a line.
        """
        state = self._state
        here = state.innermost
        before = {here.frame: here.offset} if here is not None else {}
        while True:
            stop, touched = self._forward(state.slots, [here], until)
            if stop.reason != StopReason.WATCHPOINT:
                yield stop
                return
            now = state.innermost
            if here is not None and now is not None and touched == here.frame == now.frame:
                if state.is_line(now.frame, now.code, before.get(now.frame), now.offset):
                    yield stop
                before[now.frame] = now.offset
            elif now is not None and (here is None or now.frame != here.frame):
                before[now.frame] = now.offset
            here = now

    def begun(self) -> Stop:
        """To where the innermost frame has noted the instruction that it has fetched."""
        here = self._state.innermost
        stop, _ = self._forward((), [here])
        return self._here() if stop.reason == StopReason.WATCHPOINT else stop

    def instruction_begins(self) -> Stop:
        """Back to right before the innermost frame has noted the instruction that it executes."""
        frames = [self._state.innermost]
        stop, _ = self._backward(self._points((), frames), frames)
        return stop

    def finish(self) -> Stop:
        """To where the innermost frame has returned or yielded, in the one that called it."""
        counting = self._frames()[1:]
        before = {one.frame: one.offset for one in counting}
        while counting:
            stop, touched = self._forward((), counting)
            if stop.reason != StopReason.WATCHPOINT:
                return stop
            counting, now = self._still(counting, touched, before)
            if now is not None:
                return self._here()
        return self._movements.forward(alone=True)

    def finish_back(self) -> Stop:
        """To right before the call, or the resumption, of the innermost frame.

        Errors: `UsageError` where no Python called it.
        """
        frames = self._frames()
        if len(frames) < 2:
            raise UsageError("no Python function has called this one", "goto start goes further")
        caller, points = frames[1], self._points((), frames[1:2])
        while True:
            stop, _ = self._backward(points, frames[1:2])
            # The caller may write its place once more when the frame is the innermost already.
            is_innermost = self._state.newest == caller.frame
            if stop.reason != StopReason.WATCHPOINT or is_innermost:
                return stop

    # Inside

    def _still(
        self, counting: Sequence[Executed], touched: int, before: dict[int, int]
    ) -> tuple[list[Executed], Executed | None]:
        """Of frames that count those that are left, and the one that executes an instruction."""
        state = self._state
        known = next(one for one in counting if one.frame == touched)
        now = state.executed(touched)
        is_there = now is not None and now.code is known.code and now.offset < known.code.length
        if now is None or not is_there or now.offset <= now.code.entry <= before[touched]:
            # It has ended: something else is there, or another call of it begins there.
            return [one for one in counting if one is not known], None
        if state.newest != touched:
            # What it calls has been made the innermost already.
            before[touched] = now.offset
            return list(counting), None
        # What it had called has returned.
        return list(counting[counting.index(known) :]), now

    def _frames(self) -> list[Executed]:
        found = list(self._state.chain())
        if not found:
            raise UsageError(
                "this thread executes no Python here", "step goes to the next line that it executes"
            )
        if len(found) > _MOST_WATCHED:
            raise UsageError(
                f"there are {len(found):,} Python frames: those of up to {_MOST_WATCHED:,} can be "
                "followed at once",
                "step follows the innermost one only",
            )
        return found

    def _goto(self, position: Position) -> Stop:
        return self._movements.goto((position.event, position.instructions))

    def _forward(
        self,
        slots: Sequence[int],
        frames: Sequence[Executed | None],
        until: Position | None = None,
    ) -> tuple[Stop, int]:
        """To the next change of these words; with it the frame whose instruction was written."""
        ceiling = None if until is None else (until.event, until.instructions)
        points = self._points(slots, frames)
        return self._told(self._movements.forward(points, alone=True, ceiling=ceiling), frames)

    def _backward(self, points: list[Point], frames: Sequence[Executed | None]) -> tuple[Stop, int]:
        """As `_forward`, back, to right before the change."""
        return self._told(self._movements.backward(points, alone=True), frames)

    def _points(self, slots: Sequence[int], frames: Sequence[Executed | None]) -> list[Point]:
        own, state = Points(), self._state
        places = [(slot, 8) for slot in slots]
        places += [(state.slot(one.frame), state.width) for one in frames if one is not None]
        return [own.add_watch(address, size, "write", None) for address, size in places]

    def _told(self, stop: Stop, frames: Sequence[Executed | None]) -> tuple[Stop, int]:
        state, touched = self._state, stop.address or 0
        for one in frames:
            if one is not None and 0 <= touched - state.slot(one.frame) < state.width:
                return stop, one.frame
        return stop, 0

    def _here(self) -> Stop:
        return self._movements.here()
