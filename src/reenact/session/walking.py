"""The part of a session that moves: by instructions, events, and changes of memory."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Union

from reenact.errors import UsageError
from reenact.session.changes import Changes
from reenact.session.interface import MovementInterrupted
from reenact.session.looking import Looking
from reenact.session.points import Points, Watchpoint
from reenact.session.positions import Position, Where
from reenact.session.register_changes import RegisterChanges
from reenact.session.values import Stop, StopReason

if TYPE_CHECKING:
    from reenact.cpython.python import Python

#: More steps than any process takes.
_MOST_STEPS = 1 << 62


class Walking(Looking):
    """Moves through the recording, in both directions."""

    # Movements

    def goto(self, where: Where) -> Stop:
        """Move to a position; breakpoints on the way do not count.

        Arguments:
            where: a position, the index of an event (also as text), "start", "end", a text as
                `str(position)` gives, a part of all instructions such as "37.5%", seconds since
                the recording began such as "1.5s", a moment as `datetime` or "2026-01-31
                14:05:09.25" (local time where it has no zone), or a bookmark such as "@crash". A
                time means the last event before it.

        Errors: `UsageError` for what is not in the trace; the session stays where it was.

        Example:
            >>> session.goto("50%").reason
            <StopReason.POSITION: 'position'>
            >>> here = session.position
            >>> session.goto("start").position < here < session.end
            True
            >>> session.goto(str(here)).position == here
            True
        """
        return self._moved(lambda: self._movements.goto(self._destinations.key(where)))

    def goto_program(self) -> Stop:
        """Go to where the process executes its first program; else, to its first position."""
        begun = self.start.event
        for event in self.trace.events(self.process, begun, kinds=("image-ready",)):
            return self.goto(event.index if event.index > begun else "start")
        return self.goto("start")

    def stepi(self, count: int = 1, *, thread: int | None = None) -> Stop:
        """Execute instructions; fewer at the end of the process. Points do not count.

        An event that changes registers (a system call, the entry of a signal handler, a switch
        to another thread) counts as one step.

        Arguments:
            count: how many.
            thread: only those of this thread count (its tid), and what others do in between is
                passed over; None: whatever thread runs.

        Example:
            >>> total = session.instructions
            >>> session.stepi(100).reason, session.instructions - total <= 100
            (<StopReason.POSITION: 'position'>, True)
            >>> session.reverse_stepi(100).position == session.start
            True
        """
        count = counted(count)
        if thread is None:
            return self._moved(lambda: self._movements.step(count))
        self._check_thread(thread)
        return self._moved(lambda: self._movements.step_thread(count, thread))

    def reverse_stepi(self, count: int = 1, *, thread: int | None = None) -> Stop:
        """Undo `stepi`; at the start of the process it goes no further."""
        count = counted(count)
        if thread is None:
            return self._moved(lambda: self._movements.back(count), is_back=True)
        self._check_thread(thread)
        return self._moved(lambda: self._movements.back_thread(count, thread), is_back=True)

    def step_watched(self, *, backward: bool = False) -> Stop:
        """`stepi` or `reverse_stepi` with watchpoints: a step that touches their memory says so.

        As `continue_` does it the session stands after the access then, and backward before it.
        """
        return self._moved(
            lambda: self._movements.step_watched(backward=backward), is_back=backward
        )

    def continue_(self, until: Position | None = None) -> Stop:
        """Run to the next breakpoint, watchpoint or catchpoint, or to the end.

        At a watchpoint the session stands after the access.

        Arguments:
            until: run at most to this later position, and stop there as `goto` does.

        Example:
            >>> point = session.add_breakpoint("add")
            >>> while session.continue_().reason.name == "BREAKPOINT":
            ...     print(session.evaluate("times"))
            10
            1000
            3
        """
        ceiling = None if until is None else self._destinations.key(until)
        return self._moved(lambda: self._movements.forward(ceiling=ceiling))

    def reverse_continue(self, until: Position | None = None) -> Stop:
        """Run backwards to the latest stop before this position, or to the start.

        At a watchpoint the session stands before the access.

        Arguments:
            until: run at most to this earlier position, and stop there as `goto` does.

        Example:
            >>> point = session.add_breakpoint("add")
            >>> session.goto("end").reason, session.reverse_continue().reason
            (<StopReason.END: 'end'>, <StopReason.BREAKPOINT: 'breakpoint'>)
            >>> int(session.evaluate("times"))
            3
        """
        floor = None if until is None else self._destinations.key(until)
        return self._moved(lambda: self._movements.backward(floor=floor), is_back=True)

    def run_within(self, start: int, end: int, until: Position | None = None) -> Stop:
        """Run on as long as the running thread executes code from `start` up to `end`.

        The stop is where it executes other code, or another thread runs; breakpoints, watchpoints
        and catchpoints on the way, and `until`, end it before.

        Errors: `UsageError` where it is about to execute other code already.

        Example:
            >>> point = session.add_breakpoint("add")
            >>> session.continue_().reason
            <StopReason.BREAKPOINT: 'breakpoint'>
            >>> line = session.symbols.statement(session.registers.rip)
            >>> start, end = line or (0, 0)
            >>> session.run_within(start, end).reason
            <StopReason.POSITION: 'position'>
            >>> start <= session.registers.rip < end
            False
        """
        if not start <= self.registers.rip < end:
            raise UsageError(f"the next instruction is not in {start:#x} to {end:#x}")
        ceiling = None if until is None else self._destinations.key(until)
        return self._moved(lambda: self._movements.through(start, end, ceiling))

    def reverse_within(self, start: int, end: int) -> Stop:
        """Run back as long as the running thread has executed code from `start` up to `end` only.

        The stop is at the first of those places, or right after an event; breakpoints, watchpoints
        and catchpoints on the way end it before. The session stays where nothing is to be undone.

        Example:
            >>> point = session.add_breakpoint("square")
            >>> session.continue_().reason
            <StopReason.BREAKPOINT: 'breakpoint'>
            >>> here = session.position
            >>> start, end = session.symbols.statement(session.registers.rip) or (0, 0)
            >>> session.reverse_within(start, end).position == here
            True
        """
        return self._moved(lambda: self._movements.back_through(start, end), is_back=True)

    def turn_of(self, thread: int, *, backward: bool = False) -> Position | None:
        """The nearest later position at which a thread runs; None: it never runs again.

        Arguments:
            thread: its number.
            backward: the nearest earlier one instead; None: it has never run.
        """
        key = self._movements.turn_of(thread, backward=backward)
        return None if key is None else self._position(key)

    def interrupt(self) -> None:
        """Have the movement that another thread waits for end soon.

        It ends where it has come to, or where it began if it goes back.
        """
        self._replayed.interrupt()

    def movement(self) -> contextlib.AbstractContextManager[None]:
        """`with session.movement():` the movements inside are one: `interrupt` ends all of them.

        Example:
            >>> with session.movement():
            ...     session.interrupt()
            ...     session.continue_().reason, session.reverse_step().reason
            (<StopReason.INTERRUPTED: 'interrupted'>, <StopReason.INTERRUPTED: 'interrupted'>)
            >>> session.continue_().reason
            <StopReason.END: 'end'>
        """
        return self._replayed.movement()

    # Changes

    def last_write(
        self,
        what: Union[int, str],
        size: int | None = None,
        frame: int = 0,
        *,
        thread: int | None = None,
        since: Position | None = None,
    ) -> Stop:
        """Go back to where memory was last written: right before that.

        The next step is the instruction or the event (a system call) that writes. Breakpoints and
        other watchpoints do not count. Without such a write the session ends at the start. Of a
        register, or of a variable that is in one: right before the instruction that gave it its
        value, in the function of the frame, in one that this called, or in what called it.

        Arguments:
            what: address of the first byte, or an expression such as `node->next`: the memory it
                means here and now; or a general register, such as `$rbx`.
            size: bytes; None: 8, or the size of the expression's value.
            frame: in which call frame an expression is meant; 0 is the innermost.
            thread: of which thread (its tid); None: of the running one.
            since: look no further back, and stop there as `goto` does.

        Errors: `UsageError` for an expression that is computed, and for no size.

        Example:
            >>> session.goto("end").reason
            <StopReason.END: 'end'>
            >>> session.last_write("counter").reason
            <StopReason.WATCHPOINT: 'watchpoint'>
            >>> session.frame().function
            'add'
        """
        number = self._view.register_of(what, frame, thread)
        if number is not None:
            changes = RegisterChanges(self._movements, self._view, number)
            return self._moved(lambda: changes.last(frame, thread), is_back=True)
        written = self._written(what, size, frame, thread)
        floor = None if since is None else self._destinations.key(since)
        return self._moved(
            lambda: self._movements.backward([written], alone=True, floor=floor), is_back=True
        )

    def next_write(
        self,
        what: Union[int, str],
        size: int | None = None,
        frame: int = 0,
        *,
        thread: int | None = None,
        until: Position | None = None,
    ) -> Stop:
        """Go to where memory is written next: right after that; else to the end.

        Of a register: right after it has changed, or where the function of the frame has returned.

        Arguments and errors: as `last_write`; `until`: run at most to this later position.
        """
        number = self._view.register_of(what, frame, thread)
        if number is not None:
            changes = RegisterChanges(self._movements, self._view, number)
            return self._moved(lambda: changes.next(frame, thread))
        written = self._written(what, size, frame, thread)
        ceiling = None if until is None else self._destinations.key(until)
        return self._moved(lambda: self._movements.forward([written], alone=True, ceiling=ceiling))

    def when_last(self, expression: str, frame: int = 0, *, thread: int | None = None) -> Stop:
        """Back to where the value of an expression last changed: right before that.

        Unlike `last_write` it passes writes of the same value over, and follows the pointers in
        the expression as they were. Points do not count. Without a change the session ends at
        the start, or where a variable is local at the call of its function.

        Arguments:
            expression: as for `evaluate`, of variables in memory; names mean what they mean here.
            frame: in which call frame; 0 is the innermost.
            thread: of which thread (its tid); None: of the running one.

        Errors: `UsageError` as `evaluate`, and for what is in registers.

        Example:
            >>> session.goto("end").reason
            <StopReason.END: 'end'>
            >>> session.when_last("record.number").reason
            <StopReason.WATCHPOINT: 'watchpoint'>
            >>> before = session.evaluate("record.number")
            >>> session.stepi().reason, before == session.evaluate("record.number")
            (<StopReason.POSITION: 'position'>, False)
        """
        return self._moved(lambda: self._changes().last(expression, frame, thread), is_back=True)

    def when_next(self, expression: str, frame: int = 0, *, thread: int | None = None) -> Stop:
        """On to where the value of an expression changes next: right after that; else the end.

        Arguments and errors: as `when_last`.
        """
        return self._moved(lambda: self._changes().next(expression, frame, thread))

    # Python

    @property
    def python(self) -> Python:
        """Python frames and values of a program that CPython runs, and movements in its lines.

        Example:
            >>> session.python.version
            Traceback (most recent call last):
            ...
            reenact.errors.UsageError: no Python runs in this process here
        """
        if self._python is None:
            from reenact.cpython.python import Python

            self._python = Python(self, self._movements, self._moved)
        return self._python

    # Inside

    def _moved(self, move: Callable[[], Stop], *, is_back: bool = False) -> Stop:
        """Carry out a movement.

        One that is interrupted ends where it has come to, one that goes back where it began.
        """
        if self._branch is not None:
            raise UsageError(
                "a branch does not move through the recording", "leave the branch first"
            )
        with self._replayed.movement():
            origin = self._replayed.key
            try:
                return move()
            except (MovementInterrupted, KeyboardInterrupt) as interruption:
                if is_back:
                    self._replayed.return_to(origin)
                if isinstance(interruption, KeyboardInterrupt):
                    raise
                return self._movements.here(StopReason.INTERRUPTED)

    def _changes(self) -> Changes:
        return Changes(self._movements, self._replayed, self._view)

    def _written(
        self, what: Union[int, str], size: int | None, frame: int, thread: int | None
    ) -> Watchpoint:
        return Points().add_watch(*self._view.memory_of(what, size, frame, thread), "write", None)

    def _check_thread(self, thread: int) -> None:
        known = [one.tid for one in self.threads]
        if thread not in known:
            raise UsageError(
                f"there is no thread {thread} at this position",
                f"there are {', '.join(map(str, known))}",
            )


def counted(count: int) -> int:
    """A number of steps, no more than can be counted. Errors: `UsageError` for a negative one."""
    if count < 0:
        raise UsageError(f"cannot take {count} steps", "give a number from 0 on")
    return min(count, _MOST_STEPS)
