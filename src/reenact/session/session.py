"""A session: a replayed process at a position, with the meaning that debug information gives it."""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Callable, Iterable, Iterator
from typing import Union, overload

from reenact.errors import UsageError
from reenact.session import conditions
from reenact.session.bookmarks import Bookmark
from reenact.session.calls_in_branch import BranchCalls, Printed, to_streams
from reenact.session.followed import Followed
from reenact.session.line_walking import LineWalking
from reenact.session.points import AgentCode, Breakpoint, Point, TextCondition, Watchpoint
from reenact.session.positions import Position
from reenact.session.values import Registers

#: Bytes of the instruction that makes a system call.
_CALL_LENGTH = 2
#: Events among which the next call of a thread is looked for: it may wait first.
_AHEAD = 64

#: Called at a hit of a breakpoint or watchpoint, with the session standing there; a false result
#: goes on as if there had been no hit. It may look, but not move. Or an expression in the notation
#: of C: a million hits where it is zero take less than a second, where a function takes minutes.
Condition = Union[Callable[["Session"], object], AgentCode, str]


class Session(LineWalking):
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

    # Other processes

    def sender(
        self,
        what: Union[int, str, None] = None,
        size: int | None = None,
        frame: int = 0,
        *,
        thread: int | None = None,
    ) -> Followed:
        """The call of whichever process that gave the first of the bytes that the last call got.

        Its `position` is one of another session, where the process is another one:
        `trace.replay(found.position.process)`. All of them: `trace.following.senders(position)`.

        Arguments:
            what: instead of the last call, memory that the process shares with others: the store
                that gave it its value, of whichever process; the position is right before it. An
                address or an expression, as `last_write` takes it.
            size: bytes; None: 8, or the size of the expression's value.
            frame: in which call frame an expression is meant; 0 is the innermost.
            thread: of which thread (its tid); None: of the running one.

        Where the session stands right before a call, as `last_write` leaves it, that one is meant.

        Errors: `UsageError` where the last event got no bytes, or from outside of the recording;
        for memory that is not shared.
        """
        if what is None:
            return self.senders()[0]
        address, size = self._view.memory_of(what, size, frame, thread)
        return self.trace.following.writer(self.position, address, size)

    def receiver(self) -> Followed:
        """The call that got the first of the bytes that the last call gave; as `sender`."""
        return self.receivers()[0]

    def senders(self) -> list[Followed]:
        """All calls that gave the bytes that the last call got, in their order; as `sender`."""
        return self._followed(self.trace.following.senders)

    def receivers(self) -> list[Followed]:
        """All calls that got the bytes that the last call gave, in their order; as `receiver`."""
        return self._followed(self.trace.following.receivers)

    def _followed(self, ask: Callable[[Position], list[Followed]]) -> list[Followed]:
        """Of the call that comes next, where the session stands right before it, or the last."""
        begun = self._call_begun
        if begun is not None:
            try:
                return ask(begun)
            except UsageError as error:
                with contextlib.suppress(UsageError):
                    return ask(self.position)
                raise error from None
        return ask(self.position)

    @property
    def _call_begun(self) -> Position | None:
        """Where the system call has taken effect whose instruction is next; None: another one is.

        That is where `last_write` leads for what a call has written.
        """
        position, thread = self.position, self.thread
        address = self.registers.rip + _CALL_LENGTH
        for event in self.trace.events(self.process, position.event + 1, position.event + _AHEAD):
            if event.tid == thread and event.kind == "syscall":
                is_it = event.ip == address
                return Position(self.process, event.index) if is_it else None
        return None

    # Points

    @property
    def points(self) -> tuple[Point, ...]:
        """All breakpoints, watchpoints and catchpoints that were set and not removed."""
        return self._points.all()

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
                but not move. Or an expression such as "times == 1000", which the replayer asks
                where it can (`reenact trace` says what it cannot); a hit where it has no value
                counts.

        Errors: `UsageError` when nothing of that name has code, and for an expression that cannot
        mean anything there.

        Example:
            >>> point = session.add_breakpoint("add", "times == 1000")
            >>> session.continue_().reason
            <StopReason.BREAKPOINT: 'breakpoint'>
            >>> int(session.evaluate("times"))
            1000
        """
        addresses = (where,) if isinstance(where, int) else self._view.code_at(where)
        name = f"{where:#x}" if isinstance(where, int) else where
        if not isinstance(condition, str):
            return self._points.add_breakpoint(addresses, name, condition)
        self.check_expression(condition, addresses)
        asked = conditions.at_code(condition, addresses, self._view)
        return self._points.add_breakpoint(addresses, name, asked)

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
                Or an expression such as "counter > 5", in which names mean what they mean here and
                now, and registers those of the access: asked where the session would stop, so
                behind an access forwards, before it backwards.

        Errors: `UsageError` for an expression that is not in memory, for no size, and for a
        condition that the replayer cannot ask.

        Example:
            >>> point = session.watch("counter")
            >>> stop = session.continue_()
            >>> stop.reason, stop.address == point.address, point.size
            (<StopReason.WATCHPOINT: 'watchpoint'>, True, 4)
        """
        address, size = self._view.memory_of(what, size)
        if not isinstance(condition, str):
            return self._points.add_watch(address, size, kind, condition)
        asked = conditions.at_accesses(condition, self._view)
        return self._points.add_watch(address, size, kind, asked)

    def catch(
        self, what: str, codes: Iterable[int] = (), condition: Condition | None = None
    ) -> Point:
        """Stop after events of one kind.

        Arguments:
            what: "syscall", "signal" (a handler is entered, or the process ends by it), "fault",
                "fork", "exec", "exit" or "instruction" (such as `rdtsc`).
            codes: only system calls or signals with these numbers; empty: all.
            condition: called with the session at each hit; a false result goes on. Or an
                expression, which is evaluated there.

        Errors: `UsageError` for what cannot be caught.

        Example:
            >>> point = session.catch("signal")
            >>> stop = session.continue_()
            >>> stop.event
            EventInfo(index=..., kind='signal', code=10)
        """
        asked = TextCondition(condition, None) if isinstance(condition, str) else condition
        return self._points.add_catch(what, frozenset(codes), asked)

    # Branches

    @contextlib.contextmanager
    def branch(self) -> Iterator[None]:
        """`with session.branch():` the session stands in a copy that is thrown away at the end.

        In it `set_registers`, `write_memory` and `call` are allowed, and movements are not.
        History stays as it was. A branch of a branch is a copy again.

        Example:
            >>> point = session.add_breakpoint("square")
            >>> session.continue_().reason
            <StopReason.BREAKPOINT: 'breakpoint'>
            >>> with session.branch():
            ...     session.call(session.symbols.entries("square")[0], 12)
            144
        """
        before = self._branch
        with self._replayed.branch():
            self._branch = BranchCalls(
                self.trace,
                self.position,
                self._replayed.present,
                lambda: self.symbols.entries("fflush"),
            )
            try:
                yield
            finally:
                self._branch = before

    def set_registers(self, registers: Registers) -> None:
        """Replace the running thread's registers. Errors: `UsageError` outside of a branch."""
        self._need_branch()
        self._replayed.present.set_registers(registers)

    def write_memory(self, address: int, content: bytes) -> None:
        """Write to the program's memory, whatever its protection.

        Errors: `UsageError` outside of a branch, `ReplayError` where there is no memory.
        """
        self._need_branch()
        self._replayed.present.write(address, content)

    @overload
    def call(
        self,
        function: int,
        *arguments: Union[int, float],
        returns: type[int] = ...,
        printed: Printed = ...,
    ) -> int: ...

    @overload
    def call(
        self,
        function: int,
        *arguments: Union[int, float],
        returns: type[float],
        printed: Printed = ...,
    ) -> float: ...

    def call(
        self,
        function: int,
        *arguments: Union[int, float],
        returns: Union[type[int], type[float]] = int,
        printed: Printed = to_streams,
    ) -> Union[int, float]:
        """In a branch: call a function of the program; its result.

        It may compute, allocate, look at the clock, take locks that are free, and print. Only
        what it prints itself is shown: what the program had buffered before is not.

        Arguments:
            function: its address.
            arguments: up to six integers or pointers, and up to eight floating-point numbers,
                which become `double`.
            returns: `int` for an integer or pointer (rax), `float` for a `double` (xmm0).
            printed: called with 1 or 2 (standard output, error) and the bytes that are printed;
                by default they go to `sys.stdout` and `sys.stderr`.

        Errors: `UsageError` outside of a branch, and when the function does what a branch cannot:
        another system call (which is named), a fault, a computation without end.

        Example:
            >>> with session.branch():
            ...     (root,) = session.symbols.entries("square")
            ...     session.call(root, 12)
            144
        """
        after = self._need_branch().call(function, arguments, printed)
        if returns is float:
            return float(struct.unpack_from("<d", after.vector(0))[0])
        return after["rax"]

    def run_prepared_call(self, printed: Printed) -> Registers:
        """In a branch: run a function for which registers and stack are prepared, as a debugger
        does it; the registers behind it, with an instruction pointer that means nothing.

        Arguments and errors: as for `call`.
        """
        return self._need_branch().run_prepared(printed)

    # Bookmarks

    def bookmark(self, name: str, note: str = "", *, replace: bool = False) -> Bookmark:
        """Keep this position in the trace under a name: `goto("@name")` comes back.

        Arguments and errors: as `reenact.session.bookmarks.Bookmarks.add`.

        Example:
            >>> session.goto("50%").reason
            <StopReason.POSITION: 'position'>
            >>> session.bookmark("half", "nothing to see here").position == session.position
            True
            >>> session.goto("start").reason, session.goto("@half").reason
            (<StopReason.START: 'start'>, <StopReason.POSITION: 'position'>)
        """
        return self.trace.bookmarks.add(name, self.position, note, replace=replace)
