"""A session: a replayed process at a position, with the meaning that debug information gives it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Union

from reenact.errors import UsageError
from reenact.session.bookmarks import Bookmark
from reenact.session.changes import Changes
from reenact.session.escapes import Escapes
from reenact.session.line_steps import LineSteps
from reenact.session.line_steps_back import LineStepsBack
from reenact.session.points import Breakpoint, Condition, Points, Watchpoint
from reenact.session.replayed import ReplayedProcess, check_count
from reenact.session.values import Stop, StopReason
from reenact.session.view import View
from reenact.symbols.expressions import Result, evaluate
from reenact.symbols.frames import Frame
from reenact.symbols.space import AddressSpace
from reenact.symbols.values import Value

if TYPE_CHECKING:
    from reenact.trace import Trace

_FILE_AND_LINE = re.compile(r"(?P<file>.*[^:]):(?P<line>\d+)")

#: Largest value whose bytes are taken at once, so that it stays what it was.
_MOST_TAKEN = 1 << 20


class Session(ReplayedProcess):
    """One recorded process, replayed, at one position. Made by `Trace.replay`; used with `with`.

    Arguments:
        trace: the trace.
        process: number of the process.
        memory_budget: what the copies that wait at earlier positions may take together, bytes;
            None: a quarter of the memory that is available.

    Errors of all methods: `ReplayError` when the replayer has died or the session was closed:
    then it is of no use any more. `UsageError` for what does not exist in this trace: the session
    stays where it was. A session belongs to the process that made it, and to one thread at a time;
    only `interrupt` may be called from another one.

    Example:
        >>> with trace.replay() as session:
        ...     session.add_breakpoint("add")
        ...     stop = session.continue_()
        ...     session.frames()[0].function, session.evaluate("times")
        ...     session.reverse_stepi().position < stop.position
        Breakpoint(add, 0 hits)
        ('add', <int 10>)
        True
    """

    def __init__(self, trace: Trace, process: int = 0, memory_budget: int | None = None) -> None:
        super().__init__(trace, process, memory_budget)
        self._view = View(self, self._navigator)
        self._escapes = Escapes(self._view)

    def __repr__(self) -> str:
        name = f"Session of process {self.process} of {self.trace.path}"
        return f"<{name}, closed>" if self.is_closed else f"<{name} at {self.position}>"

    # Movements by lines

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
        self._refuse_in_branch()
        return self._line_steps().finish()

    def reverse_step(self, count: int = 1) -> Stop:
        """Back to the beginning of the line before, into functions from their end.

        From the middle of a line to its beginning. From a function's first line to the line of
        the call. Breakpoints, watchpoints and catchpoints end it; at the start it goes no further.
        """
        return self._repeated(count, lambda: self._line_steps_back().step(into=True))

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
            >>> session.reverse_next().reason, session.frame().line == line - 1
            (<StopReason.POSITION: 'position'>, True)
        """
        return self._repeated(count, lambda: self._line_steps_back().step(into=False))

    def reverse_finish(self) -> Stop:
        """Back to the call of the innermost function: right before it.

        Errors: `UsageError` where nothing is known to have called it.
        """
        self._refuse_in_branch()
        return self._line_steps_back().finish()

    # Changes

    def last_write(self, what: Union[int, str], size: int | None = None) -> Stop:
        """Go back to where memory was last written: right before that.

        The next step is the instruction or the event (a system call) that writes. Breakpoints and
        other watchpoints do not count. Without such a write the session ends at the start.

        Arguments:
            what: address of the first byte, or an expression such as `node->next`: the memory it
                means here and now.
            size: bytes; None: 8, or the size of the expression's value.

        Errors: `UsageError` for an expression that is not in memory, and for no size.

        Example:
            >>> session.goto("end").reason
            <StopReason.END: 'end'>
            >>> session.last_write("counter").reason
            <StopReason.WATCHPOINT: 'watchpoint'>
            >>> session.frame().function
            'add'
        """
        self._refuse_in_branch()
        return self._movements.backward([self._written(what, size)], alone=True)

    def next_write(self, what: Union[int, str], size: int | None = None) -> Stop:
        """Go to where memory is written next: right after that; else to the end.

        Arguments and errors: as `last_write`.
        """
        self._refuse_in_branch()
        return self._movements.forward([self._written(what, size)], alone=True)

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
        self._refuse_in_branch()
        return self._changes().last(expression, frame, thread)

    def when_next(self, expression: str, frame: int = 0, *, thread: int | None = None) -> Stop:
        """On to where the value of an expression changes next: right after that; else the end.

        Arguments and errors: as `when_last`.
        """
        self._refuse_in_branch()
        return self._changes().next(expression, frame, thread)

    # Points

    def add_breakpoint(
        self, where: Union[int, str], condition: Condition | None = None
    ) -> Breakpoint:
        """Stop before an instruction.

        Arguments:
            where: an address; a function (stopped at behind its prologue, where debug information
                tells it), mangled, demangled, or demangled without parameters; or `FILE:LINE`
                with the end of a path. Names mean the program and every library it loads at any
                time; a function may have several addresses.
            condition: called with the session at each hit; a false result goes on. It may look,
                but not move.

        Errors: `UsageError` when nothing of that name has code.

        Example:
            >>> point = session.add_breakpoint("add", lambda at: at.evaluate("times") == 1000)
            >>> session.continue_().reason
            <StopReason.BREAKPOINT: 'breakpoint'>
            >>> int(session.evaluate("times"))
            1000
        """
        if isinstance(where, int):
            return self._points.add_breakpoint((where,), f"{where:#x}", condition)
        return self._points.add_breakpoint(self._addresses(where), where, condition)

    def watch(
        self,
        what: Union[int, str],
        size: int | None = None,
        kind: str = "write",
        condition: Condition | None = None,
    ) -> Watchpoint:
        """Stop when memory is accessed, by the program or by an event (a system call's output).

        Arguments:
            what: address of the first byte, or an expression such as `node->next`: the memory it
                means here and now.
            size: bytes, any number; None: 8, or the size of the expression's value.
            kind: "write", "read" or "access" (both).
            condition: called with the session right before each access; a false result goes on.

        Errors: `UsageError` for an expression that is not in memory, and for no size.

        Example:
            >>> point = session.watch("counter")
            >>> stop = session.continue_()
            >>> stop.reason, stop.address == point.address, point.size
            (<StopReason.WATCHPOINT: 'watchpoint'>, True, 4)
        """
        address, size = self._memory_of(what, size)
        return self._points.add_watch(address, size, kind, condition)

    # What is there

    @property
    def symbols(self) -> AddressSpace:
        """Functions, lines and variables of what is loaded at this position.

        Example:
            >>> address, = session.symbols.functions("square")
            >>> session.symbols.places(address)[0].function
            'square'
        """
        return self._view.space()

    def frames(self, thread: int | None = None) -> tuple[Frame, ...]:
        """The call frames, innermost first, with calls that were inlined.

        Arguments:
            thread: of which thread (its tid); None: of the running one.

        Errors: `UsageError` when there is no such thread.

        Example:
            >>> point = session.add_breakpoint("square")
            >>> session.continue_().reason
            <StopReason.BREAKPOINT: 'breakpoint'>
            >>> [frame.function for frame in session.frames()][:2]
            ['square', 'main']
            >>> print(session.frames()[0])
            #0 0x... in square at ...walk.c:22
        """
        return tuple(self._view.unwind(self._view.registers(thread)))

    def frame(self, level: int = 0, *, thread: int | None = None) -> Frame:
        """One of the call frames: 0 is the innermost. Errors: `UsageError` when there is none."""
        return self._view.frame(level, thread)[0]

    def locals(self, frame: int = 0, *, thread: int | None = None) -> dict[str, Value | None]:
        """Parameters and local variables of a frame by name; None: optimized out here.

        Arguments:
            frame: its level; 0 is the innermost.
            thread: of which thread (its tid); None: of the running one.

        Errors: `UsageError` when there is no such frame.

        Example:
            >>> point = session.add_breakpoint("add")
            >>> session.continue_().reason
            <StopReason.BREAKPOINT: 'breakpoint'>
            >>> session.locals()["times"], sorted(session.locals(1))
            (<int 10>, ['argc', 'argv'])
        """
        found = self._view.variables(frame, thread).locals()
        for name, value in found.items():
            try:
                found[name] = None if value is None else _taken(value)
            except UsageError:
                found[name] = None
        return found

    def evaluate(self, expression: str, frame: int = 0, *, thread: int | None = None) -> Result:
        """The value of an expression in the notation of C, in a frame.

        The value stays what it was when the session moves; what a pointer in it points to is read
        where the session stands then.

        Arguments:
            expression: names, numbers, `$rax`, `.` `->` `[]` `*` `&`, casts such as
                `(struct node *)p`, and the operators of C; no assignments, no calls.
            frame: its level; 0 is the innermost.
            thread: of which thread (its tid); None: of the running one.

        Errors: `UsageError` for a name that cannot be seen, a variable that is optimized out
        here, memory that cannot be read, or what is no such expression.

        Example:
            >>> session.goto("end").reason
            <StopReason.END: 'end'>
            >>> session.evaluate("record")
            <record {number = ..., text = ""}>
            >>> session.evaluate("(unsigned char)ratio + 1")
            3
        """
        found = evaluate(expression, self._view.variables(frame, thread))
        return _taken(found) if isinstance(found, Value) else found

    # Bookmarks

    def bookmark(self, name: str, note: str = "") -> Bookmark:
        """Keep this position in the trace under a name: `goto("@name")` comes back.

        Errors: as `reenact.session.bookmarks.Bookmarks.add`.

        Example:
            >>> session.goto("50%").reason
            <StopReason.POSITION: 'position'>
            >>> session.bookmark("half", "nothing to see here").position == session.position
            True
            >>> session.goto("start").reason, session.goto("@half").reason
            (<StopReason.START: 'start'>, <StopReason.POSITION: 'position'>)
        """
        return self.trace.bookmarks.add(name, self.position, note)

    # Inside

    def _line_steps(self) -> LineSteps:
        return LineSteps(self, self._movements, self._view, self._escapes)

    def _line_steps_back(self) -> LineStepsBack:
        return LineStepsBack(self._movements, self._navigator, self._view)

    def _changes(self) -> Changes:
        return Changes(self._movements, self._navigator, self._view)

    def _repeated(self, count: int, move: Callable[[], Stop]) -> Stop:
        self._refuse_in_branch()
        check_count(count)
        stop = self._movements.here()
        for _ in range(count):
            stop = move()
            if stop.reason != StopReason.POSITION:
                break
        return stop

    def _addresses(self, place: str) -> tuple[int, ...]:
        """Every address a name of code may mean in the course of the process."""
        line = _FILE_AND_LINE.fullmatch(place)
        space = self._view.whole()
        return space.lines(line["file"], int(line["line"])) if line else space.functions(place)

    def _written(self, what: Union[int, str], size: int | None) -> Watchpoint:
        return Points().add_watch(*self._memory_of(what, size), "write", None)

    def _memory_of(self, what: Union[int, str], size: int | None) -> tuple[int, int]:
        """Address and size of what is meant: an address, or the value of an expression."""
        if isinstance(what, int):
            return what, 8 if size is None else size
        found = evaluate(what, self._view.variables(0, None))
        if not isinstance(found, Value) or found.address is None:
            raise UsageError(
                f"{what} is not in memory here: it is computed, or in a register",
                "name a variable in memory, or what a pointer points to",
            )
        return found.address, found.size if size is None else size


def _taken(found: Value) -> Value:
    """A value that does not change any more. Errors: `UsageError` where it cannot be read."""
    if found.type.has_size and found.size <= _MOST_TAKEN:
        _ = found.content
    return found
