"""A session: a replayed process at a position, with the meaning that debug information gives it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Union

from reenact.errors import UsageError
from reenact.session.bookmarks import Bookmark
from reenact.session.points import Breakpoint, Condition, Watchpoint
from reenact.session.replayed import ReplayedProcess
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

    def __repr__(self) -> str:
        name = f"Session of process {self.process} of {self.trace.path}"
        return f"<{name}, closed>" if self.is_closed else f"<{name} at {self.position}>"

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
        if isinstance(what, int):
            return self._points.add_watch(what, 8 if size is None else size, kind, condition)
        address, own = self._in_memory(what)
        return self._points.add_watch(address, own if size is None else size, kind, condition)

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
        """
        found = evaluate(expression, self._view.variables(frame, thread))
        return _taken(found) if isinstance(found, Value) else found

    # Bookmarks

    def bookmark(self, name: str, note: str = "") -> Bookmark:
        """Keep this position in the trace under a name: `goto("@name")` comes back.

        Errors: as `reenact.session.bookmarks.Bookmarks.add`.
        """
        return self.trace.bookmarks.add(name, self.position, note)

    # Inside

    def _addresses(self, place: str) -> tuple[int, ...]:
        """Every address a name of code may mean in the course of the process."""
        line = _FILE_AND_LINE.fullmatch(place)
        space = self._view.whole()
        return space.lines(line["file"], int(line["line"])) if line else space.functions(place)

    def _in_memory(self, expression: str) -> tuple[int, int]:
        """Where the value of an expression lies, and its size."""
        found = evaluate(expression, self._view.variables(0, None))
        if not isinstance(found, Value) or found.address is None:
            raise UsageError(
                f"{expression} is not in memory here: it is computed, or in a register",
                "name a variable in memory, or what a pointer points to",
            )
        return found.address, found.size


def _taken(found: Value) -> Value:
    """A value that does not change any more. Errors: `UsageError` where it cannot be read."""
    if found.type.has_size and found.size <= _MOST_TAKEN:
        _ = found.content
    return found
