"""Values at every hit of a place in the program, in one pass: printf put in afterwards."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Union

from reenact import _native
from reenact.errors import UsageError
from reenact.session.points import Breakpoint, Point
from reenact.session.positions import Position
from reenact.session.session import Session
from reenact.session.values import StopReason
from reenact.symbols.expressions import evaluate
from reenact.symbols.files import ModuleFiles
from reenact.symbols.frames import DWARF_REGISTERS
from reenact.symbols.rendering import render
from reenact.symbols.space import AddressSpace
from reenact.symbols.unwinding import unwind
from reenact.symbols.values import Plain, Value
from reenact.symbols.variables import FrameVariables

_FILE_AND_LINE = re.compile(r"(?P<file>.*[^:]):(?P<line>\d+)")

#: `mmap`, its protection PROT_EXEC and its flag MAP_ANONYMOUS (asm-generic/mman-common.h).
_MMAP = 9
_EXECUTABLE = 4
_ANONYMOUS = 0x20

#: Where the XSAVE area has xmm0 to xmm15 (Intel SDM volume 1, 13.4.2).
_VECTORS = range(160, 160 + 16 * 16, 16)


@dataclass(frozen=True)
class Answer:
    """An expression's value at a hit.

    Arguments:
        text: as C would write it; "" where there is none.
        value: as Python's own; pointers are numbers.
        problem: why there is no value; "" where there is one.
    """

    text: str
    value: Plain
    problem: str = ""


@dataclass(frozen=True)
class Hit:
    """The program at the place.

    Arguments:
        position: the moment before the place's instruction.
        thread: the thread that runs.
        function, file, line: what the address belongs to; None where nothing tells.
        answers: one for each expression.
    """

    position: Position
    thread: int
    function: str | None
    file: str | None
    line: int | None
    answers: tuple[Answer, ...]


class Tracing:
    """One pass over a process, from the session's position to the end.

    Arguments:
        session: moved by the pass; it should have no points of its own.
        place: a function, or `FILE:LINE`.
        expressions: to evaluate at each hit, in the notation of C.
    """

    def __init__(self, session: Session, place: str, expressions: Sequence[str]) -> None:
        self._session = session
        self._place = place
        self._expressions = tuple(expressions)
        self._files = ModuleFiles.of_trace(session.trace.path)
        self._space = AddressSpace(self._files, ())
        self._breakpoints: dict[int, Breakpoint] = {}
        self._unknown: UsageError | None = None
        self._was_found = False
        #: In what the replay departs from the recording, once the pass has ended there.
        self.divergence = ""

    def hits(self) -> Iterator[Hit]:
        """Every hit, in order. What a library brings counts from the moment it is loaded.

        Errors: `UsageError`, at the end, for a place that no file of the process had.
        """
        session = self._session
        loads = _loads(session)
        catching: list[Point] = []
        if loads:
            catching = [
                session.catch("exec"),
                session.catch("syscall", (_MMAP,), lambda at: at.position.event in loads),
            ]
        last = max(loads, default=-1)
        thread = next((thread.tid for thread in session.threads if thread.is_running), 0)
        if self._resolve():
            yield self._hit(thread)
        while True:
            # The rest of the pass need not stop at system calls.
            while catching and session.position.event >= last:
                catching.pop().remove()
            stop = session.continue_()
            # An event may lead right to a place: nothing else would stop there.
            if stop.reason == StopReason.BREAKPOINT or (
                stop.reason == StopReason.CATCH and self._resolve()
            ):
                yield self._hit(stop.thread)
            elif stop.reason != StopReason.CATCH:
                break
        if stop.reason == StopReason.DIVERGENCE:
            self.divergence = stop.message or "the replay cannot go on"
        if self._unknown is not None and not self._was_found:
            raise UsageError(
                f"{self._unknown.message}, as far as the process goes",
                "see what it executes: reenact ps; separate debug files: REENACT_DEBUG_PATH",
            )

    def _resolve(self) -> bool:
        """Look at what is loaded now; whether the session stands at the place."""
        self._space = AddressSpace(self._files, self._session.mappings)
        try:
            addresses = set(_addresses(self._space, self._place))
            self._was_found = True
        except UsageError as error:
            addresses = set()
            self._unknown = error
        for address in self._breakpoints.keys() - addresses:
            self._breakpoints.pop(address).remove()
        for address in addresses - self._breakpoints.keys():
            self._breakpoints[address] = self._session.add_breakpoint(address)
        return self._session.registers.rip in addresses

    def _hit(self, thread: int) -> Hit:
        session, space = self._session, self._space
        registers = session.registers
        known = {name: registers[name] for name in DWARF_REGISTERS}
        frame = next(unwind(space, known, session.memory.read))
        vectors = tuple(registers.xsave[start : start + 16] for start in _VECTORS)
        variables = FrameVariables(space, frame, session.memory.read, vectors)
        return Hit(
            position=session.position,
            thread=thread,
            function=frame.function,
            file=frame.file,
            line=frame.line,
            answers=tuple(_answer(text, variables) for text in self._expressions),
        )


def _loads(session: Session) -> frozenset[int]:
    """Events from the session's position on after which other code is in memory."""
    events = session.trace.events(
        session.process, session.position.event + 1, kinds=("syscall", "image-ready")
    )
    return frozenset(
        event.index
        for event in events
        if event.kind == "image-ready"
        or (event.code == _MMAP and event.args[2] & _EXECUTABLE and not event.args[3] & _ANONYMOUS)
    )


def _addresses(space: AddressSpace, place: str) -> tuple[int, ...]:
    line = _FILE_AND_LINE.fullmatch(place)
    if line is None:
        return space.functions(place)
    return space.lines(line["file"], int(line["line"]))


def _answer(expression: str, variables: FrameVariables) -> Answer:
    try:
        found: Union[Value, int, float] = evaluate(expression, variables)
        if isinstance(found, Value):
            return Answer(render(found), found.plain())
        return Answer(str(found), found)
    except UsageError as error:
        return Answer("", None, error.message)
    except (ArithmeticError, TypeError, ValueError, _native.SymbolError) as error:
        return Answer("", None, f"cannot be computed: {error}")
