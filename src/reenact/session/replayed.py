"""A replayed process at a position: moving by instructions, points to stop at, looking at it."""

from __future__ import annotations

import contextlib
import os
import weakref
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, TypeVar, cast

from reenact.errors import UsageError
from reenact.session import branches, shared_changes
from reenact.session.checkpoints import default_budget
from reenact.session.destinations import Destinations
from reenact.session.history import Key
from reenact.session.memory import ProcessMemory
from reenact.session.movements import Movements
from reenact.session.navigator import Navigator
from reenact.session.points import Condition, Point, Points
from reenact.session.positions import Position, Where
from reenact.session.schedule import Schedule
from reenact.session.serving import ServingReplayer
from reenact.session.values import EventInfo, Mapping, Registers, Stop, Thread

if TYPE_CHECKING:
    from reenact.session.session import Session
    from reenact.trace import Trace

_Self = TypeVar("_Self", bound="ReplayedProcess")


class ReplayedProcess:
    """What a session can do without knowing what addresses mean. See `Session`."""

    def __init__(self, trace: Trace, process: int = 0, memory_budget: int | None = None) -> None:
        if not any(known.number == process for known in trace.processes):
            raise UsageError(
                f"the trace has no process {process}", f"see its processes: reenact ps {trace.path}"
            )
        self.trace = trace
        self.process = process
        self._points = Points()
        changes = shared_changes.descriptor(trace)
        try:
            self._replayer = ServingReplayer(trace.path, process, changes)
        finally:
            if changes is not None:
                os.close(changes)
        # A session that is forgotten, as in a notebook, does not keep its replayer.
        self._closing = weakref.finalize(self, self._replayer.close)
        try:
            budget = default_budget() if memory_budget is None else memory_budget
            self._navigator = Navigator(self._replayer.first, budget)
        except BaseException:
            self._replayer.close()
            raise
        self._destinations = Destinations(trace, process, self._navigator)
        self._movements = self._made_movements()
        self._is_branch = False
        navigator = self._navigator
        self.memory = ProcessMemory(lambda: navigator.live)

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
        self._navigator.close()
        self._closing()

    @property
    def is_closed(self) -> bool:
        """Whether `close` was called: nothing can be asked any more."""
        return not self._closing.alive

    # Positions

    @property
    def position(self) -> Position:
        """Where the session stands."""
        return self._position(self._navigator.key)

    @property
    def start(self) -> Position:
        """The first position: no instruction has been executed."""
        return self._position(self._navigator.history.start)

    @property
    def end(self) -> Position:
        """The last position. The first use replays the whole process once."""
        return self._position(self._navigator.find_end().key)

    @property
    def instructions(self) -> int:
        """Instructions the process has executed in total, at the session's position."""
        return self._navigator.live.place.total

    @property
    def event(self) -> EventInfo:
        """The last event that has taken effect."""
        self._navigator.history.learn(self._navigator.live)
        return self._navigator.history.event(self._navigator.key[0])

    def event_at(self, position: Position) -> EventInfo:
        """The last event that has taken effect at a position that has been passed."""
        return self._navigator.history.event(position.event)

    @property
    def elapsed(self) -> float:
        """Seconds between the start of the recording and the last event before the position."""
        event = self.position.event
        for found in self.trace.events(self.process, event, event):
            return found.seconds
        return 0.0

    def canonical(self, position: Position) -> Position:
        """The first of the positions with the same state: events that change no register."""
        return self._position(self._navigator.history.canonical(self._destinations.key(position)))

    # Movements

    def goto(self, where: Where) -> Stop:
        """Move to a position; breakpoints on the way do not count.

        Arguments:
            where: a position, the index of an event, "start", "end", a text as `str(position)`
                gives, a part of all instructions such as "37.5%", seconds since the recording
                began such as "1.5s", a moment as `datetime` or "2026-01-31 14:05:09.25" (local
                time where it has no zone), or a bookmark such as "@crash". A time means the last
                event before it.

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
        self._refuse_in_branch()
        return self._movements.goto(self._destinations.key(where))

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
        self._refuse_in_branch()
        check_count(count)
        if thread is None:
            return self._movements.step(count)
        self._check_thread(thread)
        return self._movements.step_thread(count, thread)

    def reverse_stepi(self, count: int = 1, *, thread: int | None = None) -> Stop:
        """Undo `stepi`; at the start of the process it goes no further."""
        self._refuse_in_branch()
        check_count(count)
        if thread is None:
            return self._movements.back(count)
        self._check_thread(thread)
        return self._movements.back_thread(count, thread)

    def step_watched(self, *, backward: bool = False) -> Stop:
        """`stepi` or `reverse_stepi` with watchpoints: a step that touches their memory says so.

        As `continue_` does it the session stands after the access then, and backward before it.
        """
        self._refuse_in_branch()
        return self._movements.step_watched(backward=backward)

    def continue_(self, until: Position | None = None) -> Stop:
        """Run to the next breakpoint, watchpoint or catchpoint, or to the end.

        At a watchpoint the session stands after the access.

        Arguments:
            until: run at most to this later position, and stop there as `goto` does.

        Example:
            >>> point = session.add_breakpoint("add")
            >>> while session.continue_().reason.name == "BREAKPOINT":
            ...     print(session.evaluate("times"))
            <int 10>
            <int 1000>
            <int 3>
        """
        self._refuse_in_branch()
        ceiling = None if until is None else self._destinations.key(until)
        return self._movements.forward(ceiling=ceiling)

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
        self._refuse_in_branch()
        floor = None if until is None else self._destinations.key(until)
        return self._movements.backward(floor=floor)

    def turn_of(self, thread: int, *, backward: bool = False) -> Position | None:
        """The nearest later position at which a thread runs; None: it never runs again.

        Arguments:
            thread: its number.
            backward: the nearest earlier one instead; None: it has never run.
        """
        key = self._movements.turn_of(thread, backward=backward)
        return None if key is None else self._position(key)

    def interrupt(self) -> None:
        """Have the movement that another thread waits for end soon, wherever it is."""
        self._navigator.interrupt()

    # Points

    @property
    def points(self) -> tuple[Point, ...]:
        """All breakpoints, watchpoints and catchpoints that were set and not removed."""
        return self._points.all()

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
        return self._navigator.live.registers()

    @property
    def thread(self) -> int:
        """The running thread: the one whose instruction is next. 0 when all have ended."""
        return self._navigator.live.place.tid

    @property
    def threads(self) -> tuple[Thread, ...]:
        """All threads, by number."""
        server = self._navigator.live
        running, others = server.threads()
        found = [Thread(tid, server.registers(tid), is_running=False) for tid in others]
        if running:
            found.append(Thread(running, server.registers(), is_running=True))
        return tuple(sorted(found, key=lambda thread: thread.tid))

    @property
    def mappings(self) -> tuple[Mapping, ...]:
        """All of the program's mappings, in order of their addresses."""
        return tuple(self._navigator.live.mappings())

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
        navigator = self._navigator
        before, was_branch = navigator.live, self._is_branch
        navigator.live = before.fork()
        self._is_branch = True
        try:
            yield
        finally:
            navigator.live.close()
            navigator.live, self._is_branch = before, was_branch

    def set_registers(self, registers: Registers) -> None:
        """Replace the running thread's registers. Errors: `UsageError` outside of a branch."""
        self._need_branch()
        self._navigator.live.set_registers(registers)

    def write_memory(self, address: int, content: bytes) -> None:
        """Write to the program's memory, whatever its protection.

        Errors: `UsageError` outside of a branch, `ReplayError` where there is no memory.
        """
        self._need_branch()
        self._navigator.live.write(address, content)

    def call(self, function: int, *arguments: int) -> int:
        """In a branch: call a function of the program; its result (rax).

        Arguments:
            function: its address.
            arguments: up to six integers or pointers.

        Errors: `UsageError` outside of a branch, and when the function does what a branch cannot:
        a system call (nothing of the world outside exists there), a fault, a computation without
        end.
        """
        self._need_branch()
        return branches.call(self._navigator.live, function, arguments)

    # Inside

    def _made_movements(self) -> Movements:
        # Conditions want the session; nothing of its own may keep it alive.
        alive = weakref.ref(self)
        return Movements(
            self.process,
            self._navigator,
            Schedule(self.trace, self.process),
            self._points,
            lambda: cast("Session", alive()),
        )

    def _check_thread(self, thread: int) -> None:
        known = [one.tid for one in self.threads]
        if thread not in known:
            raise UsageError(
                f"there is no thread {thread} at this position",
                f"there are {', '.join(map(str, known))}" if known else "all have ended",
            )

    def _position(self, key: Key) -> Position:
        return Position(self.process, *key)

    def _need_branch(self) -> None:
        if not self._is_branch:
            raise UsageError(
                "the past cannot be changed", "try it out in a branch: with session.branch():"
            )

    def _refuse_in_branch(self) -> None:
        if self._is_branch:
            raise UsageError(
                "a branch does not move through the recording", "leave the branch first"
            )


def check_count(count: int) -> None:
    """Refuse a negative number of steps."""
    if count < 0:
        raise UsageError(f"cannot take {count} steps", "give a number from 0 on")
