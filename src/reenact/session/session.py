"""A session: a replayed process at a position, with the meaning that debug information gives it."""

from __future__ import annotations

import contextlib
import struct
import weakref
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import TypeVar, Union, overload

from reenact.errors import UsageError
from reenact.session.bookmarks import Bookmark
from reenact.session.calls_in_branch import BranchCalls, Printed, to_streams
from reenact.session.changes import Changes
from reenact.session.destinations import Destinations
from reenact.session.escapes import Escapes
from reenact.session.followed import Followed
from reenact.session.interface import MovementInterrupted, ReplayedProcess
from reenact.session.line_steps import LineSteps
from reenact.session.line_steps_back import LineStepsBack
from reenact.session.memory import ProcessMemory
from reenact.session.movements import Movements
from reenact.session.opening import open_process
from reenact.session.points import AgentCode, Breakpoint, Point, Points, Watchpoint
from reenact.session.positions import Key, Position, Where
from reenact.session.recorded_trace import RecordedTrace
from reenact.session.schedule import Schedule
from reenact.session.values import EventInfo, Mapping, Registers, Stop, StopReason, Thread
from reenact.session.view import View
from reenact.symbols.expressions import Result, evaluate
from reenact.symbols.frames import Frame
from reenact.symbols.space import AddressSpace
from reenact.symbols.values import Value

_Self = TypeVar("_Self", bound="Session")

#: Called at a hit of a breakpoint or watchpoint, with the session standing there; a false result
#: goes on as if there had been no hit. It may look, but not move.
Condition = Union[Callable[["Session"], object], AgentCode]

#: Largest value whose bytes are taken at once, so that it stays what it was.
_MOST_TAKEN = 1 << 20


#: More steps than any process takes.
_MOST_STEPS = 1 << 62


class Session:
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

    def __init__(
        self, trace: RecordedTrace, process: int = 0, memory_budget: int | None = None
    ) -> None:
        self.trace = trace
        self.process = process
        replayed, self._replayer = open_process(trace, process, memory_budget)
        # A session that is forgotten, as in a notebook, does not keep its replayer.
        self._closing = weakref.finalize(self, self._replayer.close)
        self._replayed: ReplayedProcess = replayed
        self.memory = ProcessMemory(lambda: replayed.present)
        self._points = Points()
        # Conditions want the session; nothing of its own may keep it alive.
        self._movements = Movements(
            process, replayed, Schedule(trace, process), self._points, weakref.ref(self)
        )
        self._destinations = Destinations(trace, process, replayed)
        self._view = View(trace, process, replayed)
        self._escapes = Escapes(self._view)
        #: Inside of a branch, what calls functions there.
        self._branch: BranchCalls | None = None

    def __repr__(self) -> str:
        name = f"Session of process {self.process} of {self.trace.path}"
        return f"<{name}, closed>" if self.is_closed else f"<{name} at {self.position}>"

    def __enter__(self: _Self) -> _Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the replayer; also done by `with`."""
        self._replayed.close()
        self._closing()

    @property
    def is_closed(self) -> bool:
        """Whether `close` was called: nothing can be asked any more."""
        return not self._closing.alive

    # Positions

    @property
    def position(self) -> Position:
        """Where the session stands."""
        return self._position(self._replayed.key)

    @property
    def start(self) -> Position:
        """The first position: no instruction has been executed."""
        return self._position(self._replayed.history.start)

    @property
    def end(self) -> Position:
        """The last position. The first use replays the whole process once."""
        return self._position(self._replayed.find_end().key)

    @property
    def instructions(self) -> int:
        """Instructions the process has executed in total, at the session's position."""
        return self._replayed.present.state.total

    @property
    def event(self) -> EventInfo:
        """The last event that has taken effect."""
        return self._replayed.history.event(self._replayed.key[0])

    def event_at(self, position: Position) -> EventInfo:
        """The last event that has taken effect at a position that has been passed."""
        return self._replayed.history.event(position.event)

    @property
    def elapsed(self) -> float:
        """Seconds between the start of the recording and the last event before the position."""
        event = self.position.event
        for found in self.trace.events(self.process, event, event):
            return found.seconds
        return 0.0

    def canonical(self, position: Position) -> Position:
        """The first of the positions with the same state: events that change no register."""
        return self._position(self._replayed.history.canonical(self._destinations.key(position)))

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
        count = _counted(count)
        if thread is None:
            return self._moved(lambda: self._movements.step(count))
        self._check_thread(thread)
        return self._moved(lambda: self._movements.step_thread(count, thread))

    def reverse_stepi(self, count: int = 1, *, thread: int | None = None) -> Stop:
        """Undo `stepi`; at the start of the process it goes no further."""
        count = _counted(count)
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
            >>> start, end = session.symbols.statement(session.registers.rip)
            >>> session.run_within(start, end).reason
            <StopReason.POSITION: 'position'>
            >>> start <= session.registers.rip < end
            False
        """
        if not start <= self.registers.rip < end:
            raise UsageError(f"the next instruction is not in {start:#x} to {end:#x}")
        ceiling = None if until is None else self._destinations.key(until)
        return self._moved(lambda: self._movements.through(start, end, ceiling))

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
            >>> session.reverse_next().reason, session.frame().line == line - 1
            (<StopReason.POSITION: 'position'>, True)
        """
        return self._repeated(count, lambda: self._line_steps_back().step(into=False), is_back=True)

    def reverse_finish(self) -> Stop:
        """Back to the call of the innermost function: right before it.

        Errors: `UsageError` where nothing is known to have called it.
        """
        return self._moved(lambda: self._line_steps_back().finish(), is_back=True)

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
        other watchpoints do not count. Without such a write the session ends at the start.

        Arguments:
            what: address of the first byte, or an expression such as `node->next`: the memory it
                means here and now.
            size: bytes; None: 8, or the size of the expression's value.
            frame: in which call frame an expression is meant; 0 is the innermost.
            thread: of which thread (its tid); None: of the running one.
            since: look no further back, and stop there as `goto` does.

        Errors: `UsageError` for an expression that is not in memory, and for no size.

        Example:
            >>> session.goto("end").reason
            <StopReason.END: 'end'>
            >>> session.last_write("counter").reason
            <StopReason.WATCHPOINT: 'watchpoint'>
            >>> session.frame().function
            'add'
        """
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

        Arguments and errors: as `last_write`; `until`: run at most to this later position.
        """
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

    # Other processes

    def sender(self) -> Followed:
        """The call of whichever process that gave the first of the bytes that the last call got.

        Its `position` is one of another session, where the process is another one:
        `trace.replay(found.position.process)`. All of them: `trace.following.senders(position)`.

        Errors: `UsageError` where the last event got no bytes, or from outside of the recording.
        """
        return self.trace.following.senders(self.position)[0]

    def receiver(self) -> Followed:
        """The call that got the first of the bytes that the last call gave; as `sender`."""
        return self.trace.following.receivers(self.position)[0]

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
        return self._points.add_breakpoint(self._view.code_at(where), where, condition)

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
        address, size = self._view.memory_of(what, size)
        return self._points.add_watch(address, size, kind, condition)

    def catch(
        self, what: str, codes: Iterable[int] = (), condition: Condition | None = None
    ) -> Point:
        """Stop after events of one kind.

        Arguments:
            what: "syscall", "signal" (a handler is entered), "fault", "fork", "exec", "exit" or
                "instruction" (such as `rdtsc`).
            codes: only system calls or signals with these numbers; empty: all.
            condition: called with the session at each hit; a false result goes on.

        Errors: `UsageError` for what cannot be caught.

        Example:
            >>> point = session.catch("signal")
            >>> stop = session.continue_()
            >>> stop.event.kind, stop.event.code
            ('signal', 10)
        """
        return self._points.add_catch(what, frozenset(codes), condition)

    # What is there

    @property
    def registers(self) -> Registers:
        """Registers of the running thread."""
        return self._replayed.present.registers()

    @property
    def thread(self) -> int:
        """The running thread: the one whose instruction is next; at the end, the one that ended."""
        return self._replayed.present.state.tid

    @property
    def threads(self) -> tuple[Thread, ...]:
        """All threads, by number; at the end of the process, the one that ended it."""
        present = self._replayed.present
        _, others = present.threads()
        running = self.thread
        waiting = [tid for tid in others if tid != running]
        found = [Thread(tid, present.registers(tid), is_running=False) for tid in waiting]
        found.append(Thread(running, present.registers(), is_running=True))
        return tuple(sorted(found, key=lambda thread: thread.tid))

    @property
    def mappings(self) -> tuple[Mapping, ...]:
        """All of the program's mappings, in order of their addresses."""
        return tuple(self._replayed.present.mappings())

    # What it means

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
                `(struct node *)p`, `sizeof`, and the operators of C, whose numbers have types and
                wrap; no assignments, no calls. A name means what C means in the frame, then what
                nobody else can mean.
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

    def _repeated(self, count: int, move: Callable[[], Stop], *, is_back: bool = False) -> Stop:
        count = _counted(count)

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

    def _position(self, key: Key) -> Position:
        return Position(self.process, *key)

    def _need_branch(self) -> BranchCalls:
        if self._branch is None:
            raise UsageError(
                "the past cannot be changed", "try it out in a branch: with session.branch():"
            )
        return self._branch


def _counted(count: int) -> int:
    """A number of steps, no more than can be counted. Errors: `UsageError` for a negative one."""
    if count < 0:
        raise UsageError(f"cannot take {count} steps", "give a number from 0 on")
    return min(count, _MOST_STEPS)


def _taken(found: Value) -> Value:
    """A value that does not change any more. Errors: `UsageError` where it cannot be read."""
    if found.type.has_size and found.size <= _MOST_TAKEN:
        _ = found.content
    return found
