"""The part of a session that moves by lines of the source, and collects at hits on the way."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from reenact.session import loads
from reenact.session.hit_collection import HitCollection
from reenact.session.line_steps import LineSteps
from reenact.session.line_steps_back import LineStepsBack
from reenact.session.points import Breakpoint
from reenact.session.values import Stop, StopReason
from reenact.session.walking import Walking, counted


class LineWalking(Walking):
    """Moves by lines, in both directions."""

    def step(self, count: int = 1) -> Stop:
        """To the beginning of another line, into functions that have debug information.

        A function is entered behind its prologue; where one returns, the step ends behind the
        call, in the middle of the caller's line. Functions without debug information, and handlers
        of signals, are passed over. The running thread is meant: what others do in between is
        passed over, too. Breakpoints, watchpoints and catchpoints end a step.

        Arguments:
            count: how many times; fewer where something else ends one of them.

        Example:
            >>> point = session.add_breakpoint("main")
            >>> session.continue_().reason
            <StopReason.BREAKPOINT: 'breakpoint'>
            >>> session.step().reason
            <StopReason.POSITION: 'position'>
            >>> session.frame().function
            'add'
        """
        return self._repeated(count, lambda: self._line_steps().step(into=True))

    def next(self, count: int = 1) -> Stop:
        """As `step`, but over all calls: by `longjmp` or an exception that leaves them, too."""
        return self._repeated(count, lambda: self._line_steps().step(into=False))

    def finish(self) -> Stop:
        """To where the innermost function returns: behind the call.

        Example:
            >>> point = session.add_breakpoint("square")
            >>> session.continue_().reason, session.frame().function
            (<StopReason.BREAKPOINT: 'breakpoint'>, 'square')
            >>> session.finish().reason, session.frame().function
            (<StopReason.POSITION: 'position'>, 'main')
        """
        return self._moved(lambda: self._line_steps().finish())

    def reverse_step(self, count: int = 1) -> Stop:
        """Back to the beginning of the line before, into functions from their end.

        From the middle of a line to its beginning. From a function's first line to the line of
        the call. Breakpoints, watchpoints and catchpoints end it; at the start it goes no further.
        """
        return self._repeated(count, lambda: self._line_steps_back().step(into=True), is_back=True)

    def reverse_next(self, count: int = 1) -> Stop:
        """As `reverse_step`, but over all calls.

        Example:
            >>> point = session.add_breakpoint("square")
            >>> session.continue_().reason, session.finish().reason
            (<StopReason.BREAKPOINT: 'breakpoint'>, <StopReason.POSITION: 'position'>)
            >>> point.remove()
            >>> line = session.frame().line
            >>> session.reverse_next().reason, session.frame().line == line
            (<StopReason.POSITION: 'position'>, True)
            >>> session.reverse_next().reason, session.frame().line == (line or 0) - 1
            (<StopReason.POSITION: 'position'>, True)
        """
        return self._repeated(count, lambda: self._line_steps_back().step(into=False), is_back=True)

    def reverse_finish(self) -> Stop:
        """Back to the call of the innermost function: right before it.

        Errors: `UsageError` where nothing is known to have called it.
        """
        return self._moved(lambda: self._line_steps_back().finish(), is_back=True)

    def collection(
        self, point: Breakpoint, expressions: Sequence[str], only: str | None = None
    ) -> HitCollection:
        """A pass that collects values at the hits of a breakpoint: what `Tracing` is made of.

        Arguments:
            point: the breakpoint; its condition is the pass' own business.
            expressions: what is collected, in the notation of C.
            only: an expression: hits where it is zero are passed over; None: none is.

        Example:
            >>> collection = session.collection(session.add_breakpoint("add"), ["times"])
            >>> stop, found = None, []
            >>> while stop is None or stop.reason.name == "BREAKPOINT":
            ...     if stop is not None:
            ...         collection.learn(session.registers.rip)
            ...     hits, stop = collection.advance()
            ...     found += hits
            >>> [hit.values for hit in found]
            [(('1000', 1000, True),), (('3', 3, True),)]
        """
        first = self._replayed.history.start[0]
        changes = loads.changes(self.trace, self.process, first)
        return HitCollection(
            self._movements, self._view, point, expressions, changes=changes, only=only
        )

    # Inside

    def _repeated(self, count: int, move: Callable[[], Stop], *, is_back: bool = False) -> Stop:
        count = counted(count)

        def moves() -> Stop:
            stop = self._movements.here()
            for _ in range(count):
                stop = move()
                if stop.reason != StopReason.POSITION:
                    break
            return stop

        return self._moved(moves, is_back=is_back)

    def _line_steps(self) -> LineSteps:
        return LineSteps(self._replayed, self._movements, self._view, self._escapes)

    def _line_steps_back(self) -> LineStepsBack:
        return LineStepsBack(self._replayed, self._movements, self._view)
