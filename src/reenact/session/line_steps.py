"""Steps by source line, forwards: into calls, over them, and out of them.

A step goes instruction by instruction as long as it is in its own function, and runs freely
through whatever that calls. A call is told by its frame address, so recursion does not confuse it.
"""

from __future__ import annotations

from reenact.session.escapes import Escapes
from reenact.session.interface import ReplayedProcess
from reenact.session.movements import Movements
from reenact.session.points import Point, Points
from reenact.session.standing import (
    Standing,
    call_inside,
    calls,
    line_code,
    stack_of,
    standing,
    was_interrupted,
)
from reenact.session.values import Stop, StopReason
from reenact.session.view import View
from reenact.symbols.frames import RIP, Frame

_END_BRANCH = b"\xf3\x0f\x1e\xfa"
_JUMP_INDIRECT = b"\xff\x25"


class LineSteps:
    """Moves a process forwards by lines. The session's own points stop every movement.

    Arguments:
        process: what is moved.
        movements: how.
        view: where it stands.
        escapes: ways out of functions that are no return.
    """

    def __init__(
        self, process: ReplayedProcess, movements: Movements, view: View, escapes: Escapes
    ) -> None:
        self._process = process
        self._movements = movements
        self._view = view
        self._escapes = escapes

    def step(self, *, into: bool) -> Stop:
        """To the beginning of another line: `into` functions with lines, or over all calls.

        Where a function returns, the step ends behind the call; without debug information it ends
        where there is some.
        """
        origin = now = self._standing()
        if not origin.has_line:
            return self._out_to_lines()
        while True:
            stop = self._onward(now)
            if stop.reason != StopReason.POSITION:
                return stop
            now = self._standing()
            while not now.is_same_call(origin):
                frames = calls(self._view)
                inside = call_inside(frames, origin.frame)
                if inside is None:
                    # The function has returned, or was left otherwise.
                    return self._movements.here() if now.has_line else self._out_to_lines()
                stepped = self._call(origin, now, frames, inside, into=into)
                if stepped is not None:
                    return stepped
                now = self._standing()
            if self._is_elsewhere(origin, now, into=into):
                return self._movements.here()

    def finish(self) -> Stop:
        """To where the innermost function returns to its caller."""
        origin = self._standing()
        if len(origin.lines) > 1:
            return self._out_of_inlined(origin)
        return self._return(calls(self._view), 0, origin.thread)[0]

    def _is_elsewhere(self, origin: Standing, now: Standing, *, into: bool) -> bool:
        """Whether a step that is still in its call ends here."""
        depth = len(origin.lines)
        if len(now.lines) != depth:
            # In an inlined call, or out of it.
            return len(now.lines) < depth or (into and now.has_line)
        if now.names != origin.names:
            return into or now.names[:-1] != origin.names[:-1]
        is_other = now.lines[-1] is not None and now.lines[-1] != origin.lines[-1]
        return is_other and self._view.space().is_statement(now.address)

    def _call(
        self, origin: Standing, now: Standing, frames: list[Frame], inside: int, *, into: bool
    ) -> Stop | None:
        """Go through a call, or enter it; None: it is over."""
        is_signal = was_interrupted(frames, inside + 1)
        if into and not is_signal and now.has_line:
            return self._enter(now)
        entered = self._process.key
        code = self._view.read(now.address, 16) if into and not is_signal else b""
        stop, is_over = self._return(frames, inside, origin.thread)
        if not is_over:
            return stop
        target = self._stub_target(now.address, code)
        if target is None or not self._has_line(target):
            return None
        # Now it is known what the linkage table leads to: a function to step into.
        back = self._process.key
        self._process.goto(entered)
        stop, is_there = self._run_to(target, now.stack, origin.thread, exactly=True)
        if is_there:
            return self._enter(self._standing())
        if stop.reason == StopReason.POSITION:
            self._process.goto(back)
            return None
        return stop

    def _enter(self, now: Standing) -> Stop:
        """From a function's first instruction behind its prologue."""
        if now.is_in_prologue and now.body is not None:
            return self._run_to(now.body, now.stack, now.thread, exactly=False)[0]
        return self._movements.here()

    def _return(self, frames: list[Frame], number: int, thread: int) -> tuple[Stop, bool]:
        """Run until a frame has returned; whether it has come to that."""
        if number + 1 >= len(frames):
            return self._movements.forward(), False
        caller = frames[number + 1]
        address, stack = caller.registers[RIP], stack_of(caller)
        if address is None or stack is None:
            return self._movements.forward(), False
        return self._run_to(address, stack, thread, exactly=True)

    def _run_to(self, address: int, stack: int, thread: int, *, exactly: bool) -> tuple[Stop, bool]:
        """Run to an address, in the call whose stack pointer is known; whether it was reached.

        Arguments:
            address: of the instruction.
            stack: the stack pointer there; otherwise than `exactly`, the highest it may be.
            thread: the thread that is meant.
            exactly: what else the stack pointer is means another call.

        A way out of functions that leads to the call, or beyond it, ends the run where it leads.
        """
        own = Points()
        reached: list[str] = []

        # The view looks at the copy that is asked about.
        def is_reached(_: object) -> bool:
            here = self._view.registers(None).rsp
            found = self._thread == thread and (here == stack if exactly else here <= stack)
            if found:
                reached.append("there")
            return found

        def is_left(_: object) -> bool:
            found = self._thread == thread and self._view.registers(None).rsp >= stack
            if found:
                reached.append("left")
            return found

        landings: dict[int, Point] = {}

        def escapes(_: object) -> bool:
            target = self._escapes.target() if self._thread == thread else None
            if target is not None and target not in landings:
                reached.append("landing")
                return True
            return False

        def left_all(_: object) -> bool:
            reached.append("left")
            return True

        points: list[Point] = [own.add_breakpoint((address,), "", is_reached)]
        if exactly:
            watched = tuple(sorted(self._escapes.addresses()))
            if watched:
                points.append(own.add_breakpoint(watched, "", escapes))
            points.append(own.add_catch("exec", frozenset(), left_all))
        while True:
            reached.clear()
            stop = self._movements.forward(points)
            if not reached:
                return stop, False
            if reached[-1] != "landing":
                return self._movements.here(), reached[-1] == "there"
            target = self._escapes.target()
            if target is not None:
                landings[target] = own.add_breakpoint((target,), "", is_left)
                points.append(landings[target])

    def _out_of_inlined(self, origin: Standing) -> Stop:
        """To behind a call that was inlined."""
        depth = len(origin.lines)
        while True:
            stop = self._one(origin.thread)
            if stop.reason != StopReason.POSITION:
                return stop
            now = self._standing()
            if now.is_same_call(origin):
                if len(now.lines) < depth or now.names[:depth] != origin.names:
                    return stop
                continue
            frames = calls(self._view)
            inside = call_inside(frames, origin.frame)
            if inside is None:
                return stop
            stop, is_over = self._return(frames, inside, origin.thread)
            if not is_over:
                return stop

    def _out_to_lines(self) -> Stop:
        """Out of functions without debug information, to the first that has some."""
        while True:
            frames = calls(self._view)
            number = next(
                (n for n, frame in enumerate(frames) if n > 0 and frame.line), len(frames)
            )
            stop, is_over = self._return(frames, number - 1, self._thread)
            if not is_over or self._standing().has_line:
                return stop

    def _onward(self, now: Standing) -> Stop:
        """Through the code of a line, however often it loops, or one instruction; with the points.

        Arguments:
            now: where the thread that is meant stands.
        """
        code = line_code(self._view, now)
        if code is None:
            return self._one(now.thread)
        stop = self._movements.through(*code)
        if stop.reason != StopReason.POSITION or stop.thread == now.thread:
            return stop
        return self._movements.until_runs(now.thread)

    def _one(self, thread: int) -> Stop:
        """One instruction of a thread, with the session's points."""
        return self._movements.one(thread)

    @property
    def _thread(self) -> int:
        """The running thread."""
        return self._process.state.tid

    def _standing(self) -> Standing:
        return standing(self._view, self._thread)

    def _has_line(self, address: int) -> bool:
        return bool(self._view.space().places(address)[-1].line)

    def _stub_target(self, address: int, code: bytes) -> int | None:
        """Where an entry of the linkage table leads: a jump through a word of memory."""
        at = len(_END_BRANCH) if code.startswith(_END_BRANCH) else 0
        # A prefix from the days of MPX may stand before the jump.
        at += code[at : at + 1] == b"\xf2"
        if code[at : at + 2] != _JUMP_INDIRECT or len(code) < at + 6:
            return None
        distance = int.from_bytes(code[at + 2 : at + 6], "little", signed=True)
        word = self._view.read(address + at + 6 + distance, 8)
        return int.from_bytes(word, "little") if len(word) == 8 else None
