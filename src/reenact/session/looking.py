"""The part of a session that looks: registers, threads, memory, and what they mean."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterable, Iterator

from reenact.errors import UsageError
from reenact.session.base import SessionBase
from reenact.session.interface import MovementInterrupted
from reenact.session.last_words import LastWords
from reenact.session.positions import Key
from reenact.session.thread_names import pthread_of
from reenact.session.thread_table import RecordedThread
from reenact.session.values import Mapping, Registers, Thread
from reenact.symbols.expressions import Result, evaluate
from reenact.symbols.foresight import check
from reenact.symbols.frames import Frame, Read
from reenact.symbols.space import AddressSpace
from reenact.symbols.values import Value

#: Largest value whose bytes are taken at once, so that it stays what it was.
_MOST_TAKEN = 1 << 20


class Looking(SessionBase):
    """Looks at the process where it stands."""

    # What is there

    @property
    def registers(self) -> Registers:
        """Registers of the running thread."""
        return self._replayed.present.registers()

    @property
    def thread(self) -> int:
        """The running thread: the one whose instruction is next; at the end, the one that ended."""
        return self._replayed.state.tid

    @property
    def threads(self) -> tuple[Thread, ...]:
        """All threads, by number; at the end of the process, the one that ended it.

        Example:
            >>> [thread.number for thread in session.threads], session.threads[0].name
            ([1], 'walk')
        """
        present = self._replayed.present
        _, others = present.threads()
        running, event = self.thread, self._replayed.key[0]
        tids = sorted({*others, running})
        registers = {tid: present.registers(0 if tid == running else tid) for tid in tids}
        found = [
            Thread(
                tid,
                registers[tid],
                is_running=tid == running,
                number=self._thread_table.number(tid, event),
                name=name.decode("utf-8", "replace"),
                pthread=pthread_of(registers[tid], present.read),
            )
            for tid, name in zip(tids, present.thread_names(tids))
        ]
        return tuple(sorted(found, key=lambda thread: (thread.number or math.inf, thread.tid)))

    @property
    def all_threads(self) -> tuple[RecordedThread, ...]:
        """Every thread that the process ever has, by number, as the log tells them."""
        return self._thread_table.all

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

    @property
    def standing(self) -> tuple[int, Key]:
        """As long as it is the same, and nothing is written in a branch, memory is, too."""
        return self._replayed.present.pid, self._replayed.state.key

    def check_expression(self, expression: str, addresses: Iterable[int]) -> None:
        """Refuse an expression that cannot have a value at some instructions, whatever happens.

        Arguments:
            expression: as for `evaluate`.
            addresses: the instructions before which it is going to be evaluated.

        Errors: `UsageError` for what is no expression, and for names of variables, members and
        registers that mean nothing at any of the addresses.

        Example:
            >>> point = session.add_breakpoint("add")
            >>> session.check_expression("times", point.addresses)
            >>> session.check_expression("tims", point.addresses)
            Traceback (most recent call last):
            ...
            reenact.errors.UnknownNameError: no variable tims can be seen here
        """
        check(expression, self._view.whole(), addresses)

    def register_of(self, what: str, frame: int = 0, *, thread: int | None = None) -> int | None:
        """The register that a name means in a frame: `$rbx`, or a variable that is in one.

        Its number is DWARF's (System V ABI, AMD64); None: something else is meant.
        """
        return self._view.register_of(what, frame, thread)

    def last_words(self) -> str:
        """What the program said as it ended itself, in one line; empty where it said nothing.

        Of a program that was aborted: the message that the C library keeps (assertions, errors of
        the heap, a smashed stack), else what was printed to standard error right before (C++
        exceptions that nobody catches). Empty wherever else than at such an end.
        """
        if self.death is None or not self.is_at_death:
            return ""
        read = self._replayed.present.read
        try:
            words = LastWords(self.trace, self.process, self.death)
            return words.said(self.symbols, read, self._reading_at)
        except MovementInterrupted:
            return ""

    @contextlib.contextmanager
    def _reading_at(self, event: int) -> Iterator[Read]:
        """Memory as it is behind an event; the session stays where it is."""
        origin = self._replayed.key
        try:
            self._replayed.goto((event, 0))
            yield self._replayed.present.read
        finally:
            self._replayed.return_to(origin)


def _taken(found: Value) -> Value:
    """A value that does not change any more. Errors: `UsageError` where it cannot be read."""
    if found.address is not None and found.type.has_size and found.size <= _MOST_TAKEN:
        _ = found.content
    return found
