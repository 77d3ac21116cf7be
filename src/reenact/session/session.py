"""A session: a replayed process at a position that can be moved, forwards and backwards."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import TYPE_CHECKING

from reenact.errors import UsageError
from reenact.session.checkpoints import default_budget
from reenact.session.history import Key
from reenact.session.memory import ProcessMemory
from reenact.session.messages import Place, Reason
from reenact.session.navigator import Judge, Navigator
from reenact.session.points import Breakpoint, Condition, Point, Points, Watchpoint
from reenact.session.positions import Position, Where
from reenact.session.serving import ServingReplayer
from reenact.session.values import EventInfo, Mapping, Registers, Stop, StopReason, Thread

if TYPE_CHECKING:
    from reenact.trace import Trace

_REASONS = {
    Reason.TARGET: StopReason.POSITION,
    Reason.STEPS: StopReason.POSITION,
    Reason.LIMIT: StopReason.POSITION,
    Reason.START: StopReason.START,
    Reason.BREAKPOINT: StopReason.BREAKPOINT,
    Reason.WATCH: StopReason.WATCHPOINT,
    Reason.CATCH: StopReason.CATCH,
    Reason.INTERRUPTED: StopReason.INTERRUPTED,
    Reason.END: StopReason.END,
    Reason.FAILED: StopReason.DIVERGENCE,
}

#: A function called in a branch returns to here: no program has memory there.
_RETURN_ADDRESS = 0x10
#: Most instructions of such a function.
_MOST_OF_CALL = 10**9
_RED_ZONE = 128
_ARGUMENTS = ("rdi", "rsi", "rdx", "rcx", "r8", "r9")


class Session:
    """One recorded process, replayed, at one position. Made by `Trace.replay`; used with `with`.

    Arguments:
        trace: the trace.
        process: number of the process.
        memory_budget: what the copies that wait at earlier positions may take together, bytes;
            None: a quarter of the memory that is available.

    Errors of all methods: `ReplayError` when the replayer has died: then the session is of no
    use any more. `UsageError` for what does not exist in this trace.

    Example:
        >>> import reenact
        >>> with reenact.open("traces/ls-1").replay() as session:  # doctest: +SKIP
        ...     session.goto("end")
        ...     session.reverse_stepi()
        ...     print(session.position, hex(session.registers.rip))
    """

    def __init__(self, trace: Trace, process: int = 0, memory_budget: int | None = None) -> None:
        if not any(known.number == process for known in trace.processes()):
            raise UsageError(
                f"the trace has no process {process}", f"see its processes: reenact ps {trace.path}"
            )
        self.trace = trace
        self.process = process
        self._points = Points()
        self._replayer = ServingReplayer(trace.path, process)
        try:
            budget = default_budget() if memory_budget is None else memory_budget
            self._navigator = Navigator(self._replayer.first, budget)
        except BaseException:
            self._replayer.close()
            raise
        self._is_branch = False
        self.memory = ProcessMemory(lambda: self._navigator.live)

    def __enter__(self) -> Session:
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
        self._replayer.close()

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

    def canonical(self, position: Position) -> Position:
        """The first of the positions with the same state: events that change no register."""
        return self._position(self._navigator.history.canonical(self._key(position)))

    # Movements

    def goto(self, where: Where) -> Stop:
        """Move to a position; breakpoints on the way do not count.

        Arguments:
            where: a position, the index of an event, "start", "end", a text as `str(position)`
                gives, a part of all instructions such as "37.5%", or seconds since the recording
                began such as "1.5s".

        Errors: `UsageError` for what is not in the trace; the session stays where it was.
        """
        self._refuse_in_branch()
        key = self._key(where)
        place = self._navigator.goto(key).place
        if place.reason == Reason.INTERRUPTED:
            return self._stop(place)
        reason = StopReason.POSITION
        if key == self._navigator.history.start:
            reason = StopReason.START
        elif self._navigator.end is not None and key == self._navigator.end.key:
            reason = _REASONS[self._navigator.end.reason]
        return self._stop(place, reason)

    def stepi(self, count: int = 1) -> Stop:
        """Execute instructions of whatever thread runs; fewer at the end of the process.

        An event that changes registers (a system call, the entry of a signal handler, a switch
        to another thread) counts as one step.
        """
        self._refuse_in_branch()
        _check_count(count)
        stopped = self._navigator.step(count)
        return self._stop(stopped.place, message=stopped.message)

    def reverse_stepi(self, count: int = 1) -> Stop:
        """Undo `stepi`; at the start of the process it goes no further."""
        self._refuse_in_branch()
        _check_count(count)
        navigator = self._navigator
        navigator.history.learn(navigator.live)
        key = navigator.history.back(navigator.key, count)
        if key is None:
            return self._stop(navigator.goto(navigator.history.start).place, StopReason.START)
        return self._stop(navigator.goto(key).place)

    def continue_(self) -> Stop:
        """Run to the next breakpoint, watchpoint or catchpoint, or to the end.

        At a watchpoint the session stands after the access.
        """
        self._refuse_in_branch()
        return self._forward(self._points)

    def reverse_continue(self) -> Stop:
        """Run backwards to the latest stop before this position, or to the start.

        At a watchpoint the session stands before the access.
        """
        self._refuse_in_branch()
        return self._backward(self._points)

    def last_write(self, address: int, size: int = 8) -> Stop:
        """Go back to where any of some bytes was last written: right before that.

        The next step is the instruction or the event (a system call) that writes. Breakpoints and
        other watchpoints do not count. Without such a write the session ends at the start.
        """
        self._refuse_in_branch()
        points = Points()
        points.add_watch(address, size, "write", None)
        return self._backward(points)

    def next_write(self, address: int, size: int = 8) -> Stop:
        """Go to where any of some bytes is written next: right after that; else to the end."""
        self._refuse_in_branch()
        points = Points()
        points.add_watch(address, size, "write", None)
        return self._forward(points)

    def interrupt(self) -> None:
        """Have the movement that another thread waits for end soon, wherever it is."""
        self._navigator.interrupt()

    # Points

    def add_breakpoint(self, address: int, condition: Condition | None = None) -> Breakpoint:
        """Stop before the instruction at an address.

        Arguments:
            address: of the instruction's first byte.
            condition: called with the session at each hit; a false result goes on.
        """
        return self._points.add_breakpoint(address, condition)

    def watch(
        self,
        address: int,
        size: int = 8,
        kind: str = "write",
        condition: Condition | None = None,
    ) -> Watchpoint:
        """Stop when memory is accessed, by the program or by an event (a system call's output).

        Arguments:
            address: of the first byte.
            size: bytes, any number.
            kind: "write", "read" or "access" (both).
            condition: called with the session right before each access; a false result goes on.
        """
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
        """
        return self._points.add_catch(what, frozenset(codes), condition)

    # What is there

    @property
    def registers(self) -> Registers:
        """Registers of the running thread."""
        return self._navigator.live.registers()

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
        if len(arguments) > len(_ARGUMENTS):
            raise UsageError("a call in a branch takes up to six arguments", "pass fewer")
        server = self._navigator.live
        # Points are for the recording; the copy is thrown away.
        server.set_breakpoints([])
        server.set_watches([])
        server.points_version = 0
        before = server.registers()
        # The stack is aligned before the call; the caller's red zone stays as it is.
        stack = ((before.rsp - _RED_ZONE) & ~0xF) - 8
        server.write(stack, _RETURN_ADDRESS.to_bytes(8, "little"))
        values = dict(zip(_ARGUMENTS, arguments))
        server.set_registers(before.replaced(rip=function, rsp=stack, rax=0, **values))
        kind, code = server.run_free(_MOST_OF_CALL).place.detail
        after = server.registers()
        if after.rip != _RETURN_ADDRESS:
            raise UsageError(
                f"the function at {function:#x} does not return in a branch: "
                f"{_ended(kind, code)} at {after.rip:#x}",
                "only computation is possible in a branch",
            )
        server.set_registers(before)
        return after["rax"]

    # Inside

    def _forward(self, points: Points) -> Stop:
        stopped, point = self._navigator.forward(points, self._judge_of(points))
        if point is not None:
            point.hits += 1
        if not isinstance(point, Watchpoint):
            return self._stop(stopped.place, message=stopped.message)
        touched = stopped.place.detail[0]
        after = self._navigator.step(1)
        return dataclasses.replace(self._stop(after.place, StopReason.WATCHPOINT), address=touched)

    def _backward(self, points: Points) -> Stop:
        place, point = self._navigator.backward(points, self._judge_of(points))
        if place is None:
            return self._stop(self._navigator.live.place, StopReason.INTERRUPTED)
        if point is None:
            return self._stop(place, StopReason.START)
        point.hits += 1
        return self._stop(place)

    def _judge_of(self, points: Points) -> Judge:
        return lambda place: points.hit(place, self)

    def _position(self, key: Key) -> Position:
        return Position(self.process, *key)

    def _key(self, where: Where) -> Key:
        if isinstance(where, int):
            return (where, 0)
        return self._key_of_position(where) if isinstance(where, Position) else self._named(where)

    def _key_of_position(self, where: Position) -> Key:
        if where.process != self.process:
            raise UsageError(
                f"{where} is a position of process {where.process}, "
                f"and this session replays process {self.process}",
                f"open a session for it: trace.replay({where.process})",
            )
        return (where.event, where.instructions)

    def _named(self, where: str) -> Key:
        text = where.strip()
        if text == "start":
            return self._navigator.history.start
        if text == "end":
            return self._navigator.find_end().key
        if text.endswith("%"):
            return self._part(_number(text))
        if text.endswith("s"):
            return self._at_time(_number(text))
        return self._key_of_position(Position.parse(text))

    def _part(self, percent: float) -> Key:
        if not 0 <= percent <= 100:
            raise UsageError(f"{percent} % is no part of a trace", "say 0% to 100%")
        end, history = self._navigator.find_end(), self._navigator.history
        first = history.total(history.start)
        return history.at_total(first + int((end.total - first) * percent / 100))

    def _at_time(self, seconds: float) -> Key:
        """The last event before a moment of the recording."""
        start = self._navigator.history.start
        found = start[0]
        for event in self.trace.events(self.process, found):
            if event.seconds > seconds:
                break
            if event.kind != "data":
                found = event.index
        return (found, 0)

    def _stop(self, place: Place, reason: StopReason | None = None, message: str = "") -> Stop:
        reason = reason or _REASONS[place.reason]
        caught = None
        if reason == StopReason.CATCH:
            self._navigator.history.learn(self._navigator.live)
            caught = self._navigator.history.event(place.event)
        return Stop(
            reason=reason,
            position=self._position(place.key),
            thread=place.tid,
            address=place.detail[0] if place.reason in (Reason.BREAKPOINT, Reason.WATCH) else None,
            event=caught,
            message=message if reason == StopReason.DIVERGENCE else "",
        )

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


def _number(text: str) -> float:
    try:
        return float(text[:-1])
    except ValueError:
        raise UsageError(
            f"{text!r} is no place in a trace",
            'say a position, an event, "start", "end", "37.5%" or "1.5s"',
        ) from None


def _check_count(count: int) -> None:
    if count < 0:
        raise UsageError(f"cannot take {count} steps", "give a number from 0 on")


def _ended(kind: int, code: int) -> str:
    """What ended a run in a branch (`ended_by` in crates/replayer/src/control/branch.rs)."""
    return (
        "it computes without end",
        "it comes to a vDSO function",
        f"it makes system call {code}",
        f"it gets signal {code}",
        "it asks the processor for something that was not recorded",
        "it comes to an instruction that cannot be replayed",
    )[kind]
