"""Steps by source line, backwards: into functions from their end, over calls, and to the call.

The replay only runs forwards, so a few steps are taken back at once, and looked at one by one on
the way to where the movement began. What a call did is not walked through: its return address was
written by the call, and the last write of it is where the call is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from reenact.errors import Hint, UsageError
from reenact.session.interface import ReplayedProcess
from reenact.session.messages import CodeRange
from reenact.session.movements import Movements
from reenact.session.points import Points
from reenact.session.positions import Key
from reenact.session.standing import (
    Line,
    Standing,
    call_inside,
    calls,
    line_code,
    standing,
    was_interrupted,
)
from reenact.session.values import Stop, StopReason
from reenact.session.view import View
from reenact.symbols.frames import Frame

#: Steps taken back at once: at first, and at most.
_FIRST_WINDOW, _MOST_WINDOW = 32, 512
_WORD = 8
#: Steps within one line after which it is looked for where it was come to.
_LONG_LINE = 96


@dataclass
class _Aim:
    """Where a movement back has come to.

    Arguments:
        call: the call it is in.
        line: of which it looks for the beginning; None: not known yet.
        reached: the earliest place seen on that line.
    """

    call: Standing
    line: Line | None = None
    reached: Key | None = None


class LineStepsBack:
    """Moves a process backwards by lines.

    Arguments:
        process: what is moved.
        movements: moves it by steps, and past points.
        view: where it stands.
    """

    def __init__(self, process: ReplayedProcess, movements: Movements, view: View) -> None:
        self._process = process
        self._movements = movements
        self._view = view

    def step(self, *, into: bool) -> Stop:
        """To the beginning of the line that was executed before: `into` functions, or over them.

        Where the session stands in the middle of a line: to its beginning.
        """
        return self._with_points(lambda: self._step(into=into))

    def finish(self) -> Stop:
        """To the call of the innermost function: the session stands right before it.

        Errors: `UsageError` where nothing called it, or its frame is not known.
        """
        return self._with_points(self._finish)

    def _with_points(self, move: Callable[[], Stop]) -> Stop:
        """A movement that the session's own points stop on its way."""
        origin = self._process.key
        stop = move()
        if not any(self._movements.points.enabled()):
            return stop
        lowest = self._process.key
        self._process.goto(origin)
        hit = self._movements.backward(floor=lowest)
        return stop if self._process.key == lowest and _is_plain(hit) else hit

    def _step(self, *, into: bool) -> Stop:
        origin = self._standing()
        aim = _Aim(origin)
        if not origin.has_line:
            # Nothing tells where a line begins: back to the call, where something does.
            return self._climb(aim) or self._step_on(aim, into=into)
        return self._step_on(aim, into=into)

    def _step_on(self, aim: _Aim, *, into: bool) -> Stop:
        while True:
            seen = 0
            for key, now in self._past(aim.call.thread):
                if now.is_same_call(aim.call) and not now.is_in_prologue:
                    if into and now.has_line and len(now.lines) > len(aim.call.lines):
                        # A call that was inlined, from its end.
                        aim.call, aim.line = now, now.lines[-1]
                    elif self._is_passed(aim, now):
                        return self._arrive(aim)
                    aim.reached = key
                    if now.address == now.body and aim.line is not None:
                        return self._arrive(aim)
                    seen += 1
                    if seen == _LONG_LINE and self._over_line(aim, key, now):
                        break
                    continue
                self._process.goto(key)
                frames = calls(self._view)
                inside = call_inside(frames, aim.call.frame)
                if self._is_leap(now, aim.call, frames, inside):
                    continue
                stop = self._leave(aim, now, frames, inside, into=into)
                if stop is not None:
                    return stop
                break
            else:
                return self._arrive(aim)

    def _over_line(self, aim: _Aim, key: Key, now: Standing) -> bool:
        """From the middle of a line that loops back to where it was come to; whether it was."""
        code = line_code(self._view, now)
        if code is None or aim.line is None:
            return False
        process, within = self._process, CodeRange(*code, now.thread)
        process.goto(key)
        outside = process.last_outside(within, process.history.start)
        if outside is None:
            return False
        process.goto(outside.key)
        if self._movements.step(1).reason != StopReason.POSITION:
            return False
        first = process.present
        is_inside = code[0] <= first.registers().rip < code[1]
        if not is_inside or first.state.tid != now.thread or process.key >= key:
            return False
        aim.reached = process.key
        return True

    def _is_passed(self, aim: _Aim, now: Standing) -> bool:
        """Whether a place in the call is no longer on the line that is looked for."""
        depth = len(aim.call.lines)
        if len(now.lines) < depth or now.names[: depth - 1] != aim.call.names[: depth - 1]:
            # The call that was inlined had not begun: the line of that call is meant.
            if aim.line is not None:
                return True
            aim.call = now
            depth = len(now.lines)
        line = now.lines[depth - 1]
        if aim.line is None:
            aim.line = line
        return line is not None and aim.line is not None and line != aim.line

    def _is_leap(
        self, now: Standing, call: Standing, frames: list[Frame], inside: int | None
    ) -> bool:
        """Whether a place above a call is the end of a `longjmp` or the like.

        There the stack is already what it leads to, or the frame is described by the `jmp_buf`
        (as glibc does it): what was called is seen further back only.
        """
        if inside is None:
            # Where the call is made the stack is where its frame begins.
            return call.frame is not None and now.stack < call.frame - _WORD
        called = frames[_called(frames, inside)]
        word = self._view.read((called.frame_address or 0) - _WORD, _WORD)
        return int.from_bytes(word, "little") != frames[_called(frames, inside) + 1].address

    def _leave(
        self, aim: _Aim, now: Standing, frames: list[Frame], inside: int | None, *, into: bool
    ) -> Stop | None:
        """Go on from a place that is in another call; None: from where the session stands now."""
        if inside is None:
            # The call has not been made yet.
            is_found = aim.line is not None and aim.reached is not None
            return self._arrive(aim) if is_found else self._climb(aim)
        called = _called(frames, inside)
        if into and not was_interrupted(frames, inside + 1):
            # A function from its end, or where it was left by a jump: innermost that has lines.
            entered = next((n for n in range(inside + 1) if frames[n].line), None)
            if entered == 0:
                aim.call, aim.line, aim.reached = now, now.lines[-1], self._process.key
                return self._arrive(aim) if now.address == now.body else None
            called = called if entered is None else entered - 1
        stop = self._to_call(frames[called].frame_address)
        if stop is not None:
            return stop
        here = self._standing()
        if called < inside and not here.is_same_call(aim.call):
            aim.call, aim.line = here, here.lines[-1]
        if here.is_same_call(aim.call) and not here.is_in_prologue:
            if self._is_passed(aim, here):
                return self._arrive(aim)
            aim.reached = self._process.key
        return None

    def _climb(self, aim: _Aim) -> Stop | None:
        """Out of a function over its beginning, to the call in a function with lines."""
        call = aim.call
        while True:
            stop = self._to_call(call.frame)
            if stop is not None:
                return stop
            call = self._standing()
            if call.has_line:
                aim.call, aim.line, aim.reached = call, call.lines[-1], self._process.key
                return None

    def _finish(self) -> Stop:
        origin = self._standing()
        depth = len(origin.lines)
        if depth > 1:
            return self._out_of_inlined(origin)
        frames = calls(self._view)
        if len(frames) < 2 or self._is_leap(origin, origin, frames, 0):
            raise UsageError(
                "nothing is known to have called this function",
                Hint(
                    "see Session.frames, or stepi", gdb="see backtrace, or reverse-stepi", line=""
                ),
            )
        return self._to_call(origin.frame) or self._movements.here()

    def _out_of_inlined(self, origin: Standing) -> Stop:
        """To before a call that was inlined."""
        depth = len(origin.lines)
        while True:
            for key, now in self._past(origin.thread):
                if now.is_same_call(origin):
                    if len(now.lines) >= depth and now.names[:depth] == origin.names:
                        continue
                    return self._movements.goto(key)
                self._process.goto(key)
                frames = calls(self._view)
                inside = call_inside(frames, origin.frame)
                stop = None if inside is None else self._to_call(frames[inside].frame_address)
                if inside is None or stop is not None:
                    return stop or self._movements.here()
                break
            else:
                return self._movements.here(StopReason.START)

    def _to_call(self, frame_address: int | None) -> Stop | None:
        """Back to right before the call that made a frame; a stop where there is none."""
        if frame_address is None:
            return self._movements.goto(self._process.history.start)
        watch = Points().add_watch(frame_address - _WORD, _WORD, "write", None)
        stop = self._movements.backward([watch], alone=True)
        return None if stop.reason == StopReason.WATCHPOINT else stop

    def _arrive(self, aim: _Aim) -> Stop:
        """At the beginning of the line that was looked for."""
        if aim.reached is None:
            return self._movements.goto(self._process.history.start)
        return self._movements.goto(aim.reached)

    def _past(self, thread: int) -> Iterator[tuple[Key, Standing]]:
        """Places of a thread before the present, the latest first, as far back as wanted.

        The session is elsewhere meanwhile.
        """
        process = self._process
        size = _FIRST_WINDOW
        key = process.key
        while key > process.history.start:
            process.goto(key)
            self._movements.back(size)
            begin = process.key
            seen = []
            while process.key < key:
                if process.state.tid == thread:
                    seen.append((process.key, standing(self._view, thread)))
                if self._movements.step(1).reason != StopReason.POSITION:
                    break
            yield from reversed(seen)
            key = begin
            if not seen:
                # Others ran all the time: go to where this thread did.
                process.goto(key)
                if self._movements.back_thread(1, thread).reason != StopReason.POSITION:
                    return
                key = process.key
                yield key, self._standing()
            size = min(2 * size, _MOST_WINDOW)

    def _standing(self) -> Standing:
        return standing(self._view, self._process.state.tid)


def _called(frames: list[Frame], inside: int) -> int:
    """The frame whose return address tells when the one outside of `inside` was left.

    The handler of a signal was called by its event, which made the frame between them, too.
    """
    return inside - 1 if inside > 0 and was_interrupted(frames, inside + 1) else inside


def _is_plain(stop: Stop) -> bool:
    return stop.reason in (StopReason.POSITION, StopReason.START)
