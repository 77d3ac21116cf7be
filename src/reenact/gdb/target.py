"""What a debugger asks of a program, answered by a session: registers, memory, movements."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import replace

from reenact.errors import UsageError
from reenact.gdb.death_text import death_text, is_death
from reenact.gdb.hidden_accesses import told_before
from reenact.gdb.identifiers import Names
from reenact.gdb.image import Image
from reenact.gdb.loops_back import LoopsBack
from reenact.gdb.milestones import Milestone
from reenact.gdb.points import DebuggerPoints
from reenact.gdb.process_outline import ProcessOutline
from reenact.gdb.raised_signal import RaisedSignal
from reenact.gdb.resumption import Resumption
from reenact.gdb.signals import to_gdb
from reenact.printable import printable
from reenact.session.branches import RefusedCallError
from reenact.session.positions import Position
from reenact.session.session import Session
from reenact.session.values import EventInfo, Registers, Stop, StopReason, Thread
from reenact.symbols.thread_local import ThreadLocals

#: Signals of stop replies.
INTERRUPT, _TRAP = 2, 5
#: Steps of one thread until it is where its client wants it, at most.
_MOST_STEPS = 20_000
#: A client is shown no threads that are not there where a process has more than so many.
_MOST_LISTED = 100
#: Stops that concern all threads.
_LAST = (StopReason.START, StopReason.END, StopReason.DIVERGENCE, StopReason.INTERRUPTED)


class Target:
    """A session as a debugger sees it.

    Arguments:
        session: the session; it stays the caller's.
        outline: what the trace tells about the process.
        names: how threads are written.
        say: tells the person something while the program runs.
    """

    def __init__(
        self,
        session: Session,
        outline: ProcessOutline,
        names: Names,
        say: Callable[[str], None],
    ) -> None:
        self.session = session
        self.points = DebuggerPoints(session)
        self.loops_back = LoopsBack(session)
        self.raised = RaisedSignal(session)
        self.names = names
        #: The client wants the same numbers for the same threads at every position.
        self.keeps_numbers = False
        #: Kinds of milestones the client wants to be told.
        self.told_kinds: set[str] = set()
        self._outline = outline
        self._milestones = outline.milestones
        self._say = say
        self._is_vfork_open = False
        #: A stop of another thread that its client did not expect yet, and its direction.
        self._postponed: tuple[str, bool] | None = None
        #: Signals (of Linux) that do not stop.
        self.passed: frozenset[int] = frozenset()
        self.last_reply = ""
        self._selected: int | None = None
        self._branch = contextlib.ExitStack()
        self._is_branch = False
        self._before_branch: Registers | None = None
        self._branch_position = session.position
        self._caught = [session.catch("fault"), session.catch("signal")]
        self._told_image = self.image

    def close(self) -> None:
        """Take back everything a client has set."""
        self.leave_branch()
        self.points.clear()
        for point in self._caught:
            point.remove()

    # Threads and registers

    def threads(self) -> tuple[Thread, ...]:
        """All threads at the position."""
        return self.session.threads

    def listed_threads(self) -> list[tuple[int, str, str]]:
        """Threads for a client: tid, name, and what else there is to say.

        A client numbers threads as it sees them, and anew when one is there again. So that numbers
        stay, those that have ended or are yet to be made are listed, too, with hardly a register.
        """
        living = {thread.tid: thread for thread in self.threads()}
        found = [
            (
                tid,
                thread.name,
                ("runs here" if thread.is_running else "waits")
                + (f", pthread {thread.pthread:#x}" if thread.pthread else ""),
            )
            for tid, thread in living.items()
        ]
        table = self.session.all_threads
        if not self.keeps_numbers or len(table) > _MOST_LISTED:
            return found
        event = self.position.event
        absent = {one.tid: one for one in table if one.tid not in living}
        found += [
            (tid, "", "ended" if one.begin <= event else "not made yet")
            for tid, one in absent.items()
        ]
        order = {one.tid: one.number for one in reversed(table)}
        return sorted(found, key=lambda one: order.get(one[0], len(table) + 1))

    @property
    def running(self) -> int:
        """The thread whose instruction is next."""
        return self.session.thread

    def select(self, thread: int | None) -> None:
        """Registers of this thread are meant from now on; None: of the running one."""
        self._selected = thread

    def registers(self) -> Registers | None:
        """Registers of the selected thread; None: there is no such thread at the position."""
        if self._selected in (None, self.running):
            return self.session.registers
        return next((t.registers for t in self.threads() if t.tid == self._selected), None)

    def thread_local(self, thread: int, link_map: int) -> int | None:
        """Where a thread's variables of a module begin; None: it has none, or not yet.

        Arguments:
            thread: its tid.
            link_map: address of what the dynamic linker knows of the module; 0: the program.
        """
        known = (one.registers for one in self.threads() if one.tid == thread)
        registers, image = next(known, None), self.image
        if registers is None:
            raise UsageError(f"there is no thread {thread} here")
        program = "" if image is None else image.program
        locals_ = ThreadLocals(self.session.symbols, self.session.memory.read, program)
        return locals_.of_link_map(link_map, registers["fs_base"])

    @property
    def position(self) -> Position:
        """Where the session stands; of a branch: where it began."""
        return self._branch_position if self._is_branch else self.session.position

    @property
    def image(self) -> Image | None:
        """The program that runs at the position."""
        return self._outline.image_at(self.position.event)

    def tell_image(self) -> Image | None:
        """The program at the position, if the client does not know it yet; now it does."""
        image = self.image
        if image == self._told_image:
            return None
        self._told_image = image
        return image

    def changeable_registers(self) -> Registers:
        """Registers of the selected thread, which runs. Errors: `UsageError` when another does."""
        if self._selected not in (None, self.running):
            raise UsageError("only registers of the running thread can be changed")
        return self.session.registers

    def set_registers(self, registers: Registers) -> None:
        """In a throw-away branch: replace the registers of the running thread."""
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
        if self._is_vfork_open:
            # The child runs its own program: nothing is left to wait for.
            self._is_vfork_open = False
            return self.reply(_TRAP, "vforkdone:;")
        postponed, self._postponed = self._postponed, None
        if postponed is not None and postponed[1] == wanted.backward and not wanted.is_alone:
            self.last_reply = postponed[0]
            return postponed[0]
        if wanted.step:
            reply = self._stepped(wanted)
        else:
            reply = self._backward() if wanted.backward else self._forward()
        return self._another_program() or reply

    def restart(self) -> str:
        """Go back to the start, as `run` means it."""
        self.leave_branch()
        self.raised.forget()
        self.session.goto("start")
        return self.reply(_TRAP)

    def goto(self, where: str) -> Stop:
        """Go to a place that `Session.goto` understands."""
        self.leave_branch()
        self.raised.forget()
        return self.session.goto(where)

    def walk(self, move: Callable[[], Stop]) -> Stop:
        """Have the session move by itself: signals and faults on the way do not end it."""
        self.leave_branch()
        self.raised.forget()
        for point in self._caught:
            point.is_enabled = False
        try:
            return move()
        finally:
            for point in self._caught:
                point.is_enabled = True

    def reply(self, signal: int, more: str = "", thread: int | None = None) -> str:
        """A stop reply for where the session stands, of the running thread or another one."""
        # A client means this thread from now on when it asks for registers, also elsewhere.
        self._selected = self.running if thread is None else thread
        name = self.names.of(self._selected)
        self.last_reply = f"T{signal:02x}thread:{name};{more}"
        return self.last_reply

    def _forward(self) -> str:
        entered = self._entered_handler()
        if entered is not None:
            return self._told(entered, backward=False)
        while True:
            origin = self.session.position
            ahead = self._milestones.after(origin, self.told_kinds)
            stop = self.session.continue_(None if ahead is None else ahead.position)
            stop = self._with_hidden(stop, origin, backward=False)
            if stop.reason == StopReason.POSITION and ahead is not None:
                return self._passed_milestone(ahead)
            if not self._is_passed(stop):
                return self._told(stop, backward=False)

    def _entered_handler(self) -> Stop | None:
        """Go on into the handler of the signal that was told; the stop there, if it is one."""
        if self.raised.event is None:
            return None
        stop = self.session.step_watched()
        if stop.reason != StopReason.POSITION:
            return stop
        if self.points.is_breakpoint(self.session.registers.rip):
            return replace(stop, reason=StopReason.BREAKPOINT)
        return None

    def _backward(self) -> str:
        while True:
            position = self.session.position
            here = self._milestones.at(position)
            if here is not None and here.kind == "exec" and "exec" in self.told_kinds:
                return self._told(self.session.reverse_stepi(), backward=True)
            behind = self._milestones.before(position, self.told_kinds)
            stop = self.session.reverse_continue(None if behind is None else behind.position)
            stop = self._with_hidden(stop, position, backward=True)
            if stop.reason == StopReason.POSITION and behind is not None:
                if behind.kind == "exec":
                    continue
                return self._passed_milestone(behind)
            if not self._is_passed(stop):
                return self._told(stop, backward=True)

    def _with_hidden(self, stop: Stop, origin: Position, *, backward: bool) -> Stop:
        """The stop a client is told of first."""
        point = None
        if stop.reason == StopReason.WATCHPOINT and stop.address is not None:
            point = self.points.hides(stop.address)
        if point is None:
            return stop
        return told_before(self.session, point, stop, origin, backward=backward)

    def _passed_milestone(self, milestone: Milestone) -> str:
        """The reply at a fork; of another program `_another_program` tells."""
        if milestone.child is None:
            return self.reply(_TRAP)
        self._is_vfork_open = milestone.kind == "vfork"
        child = self.names.of(milestone.child, milestone.child)
        return self.reply(_TRAP, f"{milestone.kind}:{child};")

    def _another_program(self) -> str | None:
        """The reply where another program runs than the client knows of."""
        image = self.tell_image() if "exec" in self.told_kinds else None
        if image is None:
            return None
        # The client's points are addresses of the other program; it inserts them anew.
        self.points.clear()
        return self.reply(_TRAP, f"exec:{printable(image.program).encode().hex()};")

    def _is_passed(self, stop: Stop) -> bool:
        """Whether a stop at a signal is one the client does not want to hear of."""
        if stop.reason != StopReason.CATCH or stop.event is None:
            return False
        if not is_death(self.session, stop) and self.points.is_breakpoint(
            self.session.registers.rip
        ):
            # At the first instruction of the handler, which would not be told any more.
            return False
        return self._is_unwanted(stop.event)

    def _is_unwanted(self, event: EventInfo) -> bool:
        """Whether an event is a signal the client does not want to hear of."""
        if event.kind == "signal":
            return event.code in self.passed or self._is_of_fault(event.index)
        return event.kind == "fault" and event.code in self.passed

    def _is_of_fault(self, event: int) -> bool:
        """Whether a signal was told already, as the fault that the event before it is."""
        events = self.session.trace.events(self.session.process, max(event - 1, 0), event)
        return any(found.kind == "fault" for found in events)

    def _stepped(self, wanted: Resumption) -> str:
        thread = wanted.thread or self.running
        if self.running != thread:
            stop = self._until_runs(thread, backward=wanted.backward)
            if stop.reason != StopReason.POSITION:
                return self._told_of_another(stop, thread, wanted)
        for _ in range(_MOST_STEPS):
            is_told = self.raised.event is not None
            before = self.session.registers.rip
            undone = self._undone() if wanted.backward else None
            passed = self.loops_back.passed() if wanted.backward and undone is None else None
            stop = passed or self._one_step(wanted, before)
            before = before if stop.thread == thread else self._address_of(thread)
            if stop.reason == StopReason.POSITION and stop.thread != thread:
                stop = self._until_runs(thread, backward=wanted.backward)
                if stop.reason != StopReason.POSITION:
                    return self._told_of_another(stop, thread, wanted)
                if self.session.registers.rip == before:
                    # It waited in a system call, which comes to its end now.
                    continue
            if stop.reason == StopReason.POSITION:
                stop, is_over = self._over_handler(stop, undone, wanted, is_told=is_told)
                if is_over and wanted.backward:
                    # Nothing has changed for the thread yet.
                    continue
            if stop.reason != StopReason.POSITION:
                return self._told(stop, backward=wanted.backward)
            milestone = self._milestones.at(stop.position)
            if milestone is not None and milestone.kind in self.told_kinds:
                return self._passed_milestone(milestone)
            address = self.session.registers.rip
            if wanted.until is None or self.points.is_breakpoint(address):
                break
            if not wanted.until[0] <= address < wanted.until[1]:
                break
        return self.reply(_TRAP)

    def _address_of(self, thread: int) -> int:
        """The next instruction of a thread that others have taken over from; 0: it has ended."""
        return next((one.registers.rip for one in self.threads() if one.tid == thread), 0)

    def _one_step(self, wanted: Resumption, address: int) -> Stop:
        """A step; of a line all that stay in it, as far as nothing else has to be told."""
        until = wanted.until
        if wanted.backward or until is None or not until[0] <= address < until[1]:
            stop = self.session.step_watched(backward=wanted.backward)
            # The signal that ended it is told first.
            is_end = stop.reason == StopReason.END
            return self._pass(None, backward=False) if is_end else stop
        # What its client calls a range is a row of the line table: the line has others, and it
        # would go on in those.
        line = self.session.symbols.statement(address)
        start, end = line if line is not None and _covers(line, until) else until
        ahead = self._milestones.after(self.session.position, self.told_kinds)
        stop = self.session.run_within(start, end, None if ahead is None else ahead.position)
        if is_death(self.session, stop):
            return self._pass(None, backward=False) if self._is_passed(stop) else stop
        is_signal = stop.event is not None and stop.event.kind == "signal"
        if stop.reason == StopReason.CATCH and (is_signal or self._is_passed(stop)):
            # A step looks by itself whether it has led into a handler.
            return replace(stop, reason=StopReason.POSITION, event=None)
        return stop

    def _undone(self) -> EventInfo | None:
        """The event that a step back undoes, if it is one."""
        position = self.session.canonical(self.session.position)
        return None if position.instructions else self.session.event_at(position)

    def _over_handler(
        self, stop: Stop, undone: EventInfo | None, wanted: Resumption, *, is_told: bool
    ) -> tuple[Stop, bool]:
        """Where a step goes on that has led into a signal handler; whether it has passed over it.

        Forwards single instructions enter handlers, steps over a line do not, and a signal that its
        client wants to hear of is told first (`is_told`: it has been). Backwards a client
        does not say which it is: handlers of signals it does not want to hear of are passed over.
        A stop on the way counts.
        """
        if wanted.backward:
            other_end = self._begin_of_handler(undone)
        elif stop.position.instructions or self.session.event.kind != "signal":
            other_end = None
        elif not is_told and not self._is_unwanted(self.session.event):
            return replace(stop, reason=StopReason.CATCH, event=self.session.event), False
        else:
            other_end = self._outline.handlers.end_of(stop.position.event) if wanted.until else None
        if other_end is None:
            return stop, False
        found = self._pass(Position(stop.position.process, other_end), backward=wanted.backward)
        if not wanted.backward or found.reason != StopReason.POSITION:
            return found, found.reason == StopReason.POSITION
        return self.session.reverse_stepi(), True

    def _begin_of_handler(self, undone: EventInfo | None) -> int | None:
        """The event at which the handler began that returned with an event."""
        if undone is None or undone.kind != "signal-return":
            return None
        begin = self._outline.handlers.begin_of(undone.index)
        if begin is None:
            return None
        event = self.session.event_at(Position(self.session.process, begin))
        return begin if self._is_unwanted(event) else None

    def _pass(self, until: Position | None, *, backward: bool) -> Stop:
        """Move to a position, or to a stop on the way that a client wants to be told."""
        move = self.session.reverse_continue if backward else self.session.continue_
        while True:
            stop = move(until)
            if not self._is_passed(stop):
                return stop
            if stop.position == until:
                return replace(stop, reason=StopReason.POSITION, event=None)

    def _until_runs(self, thread: int, *, backward: bool) -> Stop:
        """Go on to where a thread runs, which others do at the moment; or to a stop of them."""
        return self._pass(self.session.turn_of(thread, backward=backward), backward=backward)

    def _told_of_another(self, stop: Stop, thread: int, wanted: Resumption) -> str:
        """The reply where the step of a thread has led to a stop of another one."""
        reply = self._told(stop, backward=wanted.backward)
        if not wanted.is_alone or stop.reason in _LAST:
            return reply
        self._postponed = (reply, wanted.backward)
        return self.reply(_TRAP, thread=thread)

    def _told(self, stop: Stop, *, backward: bool) -> str:
        if stop.message and stop.reason == StopReason.START:
            self._say(f"reenact: {stop.message}\n")
        elif stop.message:
            self._say(f"reenact: the replay departs from the recording here: {stop.message}\n")
        text = death_text(self.session, stop)
        if text:
            self._say(text)
        if stop.reason == StopReason.CATCH and stop.event is not None:
            if stop.event.kind == "syscall":
                return self.reply(_TRAP, f"syscall_return:{stop.event.code:x};")
            if self._is_unwanted(stop.event):
                return self.reply(_TRAP, "swbreak:;")
            if stop.event.kind == "signal" and not is_death(self.session, stop):
                self.raised.tell(stop.event)
            return self.reply(to_gdb(stop.event.code))
        if stop.reason == StopReason.WATCHPOINT and stop.address is not None:
            return self.reply(_TRAP, f"{self.points.watch_name(stop.address)}:{stop.address:x};")
        end = "replaylog:begin;" if backward else "replaylog:end;"
        more = {
            StopReason.BREAKPOINT: "swbreak:;",
            StopReason.POSITION: "",
            StopReason.INTERRUPTED: "",
        }.get(stop.reason, end)
        return self.reply(INTERRUPT if stop.reason == StopReason.INTERRUPTED else _TRAP, more)

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

    def _print(self, _descriptor: int, content: bytes) -> None:
        self._say(content.decode("utf-8", "replace"))

    def _called(self) -> str:
        """Run the function a client has prepared, up to its return."""
        before = self.session.registers
        back = int.from_bytes(self.session.memory.read(before.rsp, 8), "little")
        try:
            after = self.session.run_prepared_call(self._print)
        except RefusedCallError as error:
            self._say(f"reenact: {error.message}: {error.hint_in_gdb}\n")
            self.session.set_registers(before)
            return self.reply(to_gdb(error.signal))
        self.session.set_registers(after.replaced(rip=back))
        return self.reply(_TRAP, "swbreak:;")


def _covers(outer: tuple[int, int], inner: tuple[int, int]) -> bool:
    return outer[0] <= inner[0] and inner[1] <= outer[1]
