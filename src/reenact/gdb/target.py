"""What a debugger asks of a program, answered by a session: registers, memory, movements."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

from reenact.errors import ReenactError, UsageError
from reenact.gdb.points import DebuggerPoints
from reenact.gdb.signals import to_gdb
from reenact.session.positions import Position
from reenact.session.session import Session
from reenact.session.values import Registers, Stop, StopReason, Thread

_INTERRUPT, _TRAP = 2, 5
#: Positions of other threads that a step of one thread may pass over one by one.
_MOST_FOREIGN_STEPS = 20_000


@dataclass(frozen=True)
class Resumption:
    """A movement a client wants.

    Arguments:
        backward: towards the start.
        step: one instruction (of `thread`), else to the next stop.
        thread: which one; None: any.
        until: steps go on while the address is within this range.
    """

    backward: bool = False
    step: bool = False
    thread: int | None = None
    until: tuple[int, int] | None = None


class Target:
    """A session as a debugger sees it.

    Arguments:
        session: the session; it stays the caller's.
    """

    def __init__(self, session: Session) -> None:
        self.session = session
        self.points = DebuggerPoints(session)
        #: Signals (of Linux) that do not stop.
        self.passed: frozenset[int] = frozenset()
        self.last_reply = ""
        self._selected: int | None = None
        self._latest = 1
        self._branch = contextlib.ExitStack()
        self._is_branch = False
        self._before_branch: Registers | None = None
        self._branch_position = session.position
        self._caught = [session.catch("fault"), session.catch("signal")]

    def close(self) -> None:
        """Take back everything a client has set."""
        self.leave_branch()
        self.points.clear()
        for point in self._caught:
            point.remove()

    # Threads and registers

    def threads(self) -> tuple[Thread, ...]:
        """All threads at the position; behind the end, the one that was the last."""
        threads = self.session.threads
        if threads:
            self._latest = next((t.tid for t in threads if t.is_running), threads[0].tid)
            return threads
        return (Thread(self._latest, self.session.registers, is_running=True),)

    @property
    def running(self) -> int:
        """The thread whose instruction is next."""
        threads = self.threads()
        return next((thread.tid for thread in threads if thread.is_running), threads[0].tid)

    def select(self, thread: int | None) -> None:
        """Registers of this thread are meant from now on; None: of the running one."""
        self._selected = thread

    def registers(self) -> Registers:
        """Registers of the selected thread."""
        for thread in self.threads():
            if thread.tid == self._selected:
                return thread.registers
        return self.session.registers

    @property
    def position(self) -> Position:
        """Where the session stands; of a branch: where it began."""
        return self._branch_position if self._is_branch else self.session.position

    def set_registers(self, registers: Registers) -> None:
        """In a throw-away branch: replace the registers of the running thread."""
        if self._selected not in (None, self.running):
            raise UsageError("only registers of the running thread can be changed")
        self._enter_branch()
        self.session.set_registers(registers)

    def write(self, address: int, content: bytes) -> None:
        """In a throw-away branch: write to memory."""
        self._enter_branch()
        self.session.write_memory(address, content)

    # Movements

    def resume(self, wanted: Resumption) -> str:
        """Move, and tell where and why it ended, as a stop reply."""
        if self._is_branch and self._is_call():
            return self._called()
        self.leave_branch()
        self._selected = None
        if wanted.step:
            return self._stepped(wanted)
        stop = self._backward() if wanted.backward else self._forward()
        return self._told(stop, backward=wanted.backward)

    def restart(self) -> str:
        """Go back to the start, as `run` means it."""
        self.leave_branch()
        self._selected = None
        self.session.goto("start")
        return self.reply(_TRAP)

    def goto(self, where: str) -> None:
        """Go to a place that `Session.goto` understands."""
        self.leave_branch()
        self._selected = None
        self.session.goto(int(where) if where.isdecimal() else where)

    def reply(self, signal: int, more: str = "") -> str:
        """A stop reply for where the session stands."""
        self.last_reply = f"T{signal:02x}thread:{self.running:x};{more}"
        return self.last_reply

    def _forward(self) -> Stop:
        while True:
            stop = self.session.continue_()
            if not self._is_passed(stop):
                return stop

    def _backward(self) -> Stop:
        while True:
            stop = self.session.reverse_continue()
            if not self._is_passed(stop):
                return stop

    def _is_passed(self, stop: Stop) -> bool:
        """Whether a stop at a signal is one the client does not want to hear of."""
        if stop.reason != StopReason.CATCH or stop.event is None:
            return False
        if stop.event.kind == "signal":
            return stop.event.code in self.passed or self._is_of_fault(stop.event.index)
        return stop.event.kind == "fault" and stop.event.code in self.passed

    def _is_of_fault(self, event: int) -> bool:
        """Whether a signal was told already, as the fault that the event before it is."""
        events = self.session.trace.events(self.session.process, max(event - 1, 0), event)
        return any(found.kind == "fault" for found in events)

    def _stepped(self, wanted: Resumption) -> str:
        step = self.session.reverse_stepi if wanted.backward else self.session.stepi
        thread = wanted.thread or self.running
        for _ in range(_MOST_FOREIGN_STEPS):
            stop = step()
            if stop.reason != StopReason.POSITION:
                return self._told(stop, backward=wanted.backward)
            if stop.thread != thread:
                continue
            address = self.session.registers.rip
            if wanted.until is None or self.points.is_breakpoint(address):
                break
            if not wanted.until[0] <= address < wanted.until[1]:
                break
        return self.reply(_TRAP)

    def _told(self, stop: Stop, *, backward: bool) -> str:
        if stop.reason == StopReason.CATCH and stop.event is not None:
            if stop.event.kind == "syscall":
                return self.reply(_TRAP, f"syscall_return:{stop.event.code:x};")
            return self.reply(to_gdb(stop.event.code))
        if stop.reason == StopReason.WATCHPOINT and stop.address is not None:
            return self.reply(_TRAP, f"{self.points.watch_name(stop.address)}:{stop.address:x};")
        end = "replaylog:begin;" if backward else "replaylog:end;"
        more = {
            StopReason.BREAKPOINT: "swbreak:;",
            StopReason.POSITION: "",
            StopReason.INTERRUPTED: "",
        }.get(stop.reason, end)
        return self.reply(_INTERRUPT if stop.reason == StopReason.INTERRUPTED else _TRAP, more)

    # Branches

    def _enter_branch(self) -> None:
        if not self._is_branch:
            self._branch_position = self.session.position
            self._before_branch = self.session.registers
            self._branch.enter_context(self.session.branch())
            self._is_branch = True

    def leave_branch(self) -> None:
        """Back to the recording; what was changed is gone."""
        self._branch.close()
        self._is_branch = False

    def _is_call(self) -> bool:
        """Whether the client has prepared a call: registers are others, the stack has grown."""
        before, now = self._before_branch, self.session.registers
        return before is not None and now.rip != before.rip and now.rsp < before.rsp

    def _called(self) -> str:
        """Run the function a client has prepared, up to its return."""
        before = self.session.registers
        back = int.from_bytes(self.session.memory.read(before.rsp, 8), "little")
        try:
            result = self.session.call(before.rip)
        except ReenactError:
            self.session.set_registers(before)
            return self.reply(to_gdb(4))
        self.session.set_registers(before.replaced(rip=back, rsp=before.rsp + 8, rax=result))
        return self.reply(_TRAP, "swbreak:;")
