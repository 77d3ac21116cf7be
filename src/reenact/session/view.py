"""What the program means where a session stands: modules, call frames, variables."""

from __future__ import annotations

import itertools
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Union

from reenact.compiling.instructions import NotCompilableError
from reenact.compiling.probing import ProbedFrame
from reenact.errors import UsageError
from reenact.session.interface import ReplayedProcess
from reenact.session.loads import Load, all_loads
from reenact.session.positions import Key
from reenact.session.recorded_trace import RecordedTrace
from reenact.session.values import Mapping, Registers
from reenact.symbols import registers
from reenact.symbols.entry_values import EntryValues
from reenact.symbols.expressions import evaluate
from reenact.symbols.files import ModuleFiles
from reenact.symbols.frames import DWARF_REGISTERS, RSP, Frame
from reenact.symbols.space import AddressSpace
from reenact.symbols.unwinding import unwind
from reenact.symbols.values import Value
from reenact.symbols.variables import FrameVariables

_FILE_AND_LINE = re.compile(r"(?P<file>.*[^:]):(?P<line>[0-9]{1,9})")


@dataclass
class _Unwound:
    """The frames of a thread at a place, as far as somebody wanted them."""

    here: tuple[int, Key, int | None]
    registers: Registers
    frames: list[Frame]
    rest: Iterator[Frame]


class View:
    """Answers about the present of a replayed process, or the copy that is asked in its place.

    Arguments:
        trace: where its files are.
        number: the process' number in the trace.
        process: what is looked at.
    """

    def __init__(self, trace: RecordedTrace, number: int, process: ReplayedProcess) -> None:
        self._trace = trace
        self._number = number
        self._program = next(one.program for one in trace.processes if one.number == number)
        self._process = process
        self._files: ModuleFiles | None = None
        #: Event, mappings, and what is loaded there.
        self._known: tuple[int, list[Mapping], AddressSpace] | None = None
        self._whole: AddressSpace | None = None
        self._loads: tuple[Load, ...] = ()
        self._unwound: _Unwound | None = None

    @property
    def files(self) -> ModuleFiles:
        """The files of the trace."""
        if self._files is None:
            self._files = ModuleFiles.of_trace(self._trace.path)
        return self._files

    @property
    def program(self) -> str:
        """Path of the program."""
        return self._program

    def space(self) -> AddressSpace:
        """What is loaded now."""
        # Only events change mappings.
        event = self._process.state.event
        if self._known is None or self._known[0] != event:
            mappings = self._process.present.mappings()
            if self._known is not None and self._known[1] == mappings:
                self._known = (event, mappings, self._known[2])
            else:
                self._known = (event, mappings, AddressSpace(self.files, mappings))
        return self._known[2]

    def whole(self) -> AddressSpace:
        """What is loaded at any time, as far as functions, lines and variables are asked for."""
        if self._whole is None:
            first = self._process.history.start[0]
            mappings = self._process.mappings_at_start()
            self._loads = all_loads(self._trace, self._number, first, mappings)
            self._whole = AddressSpace(self.files, self._loads)
        return self._whole

    def is_lasting(self, address: int) -> bool:
        """Whether an address belongs to the same file all the time, when it belongs to one."""
        self.whole()
        return len({load.file for load in self._loads if load.start <= address < load.end}) <= 1

    def lasting_frame(self, address: int) -> ProbedFrame:
        """The frame before an instruction, as far as it is the same at any time.

        Errors: `NotCompilableError` where it is not.
        """
        frame = ProbedFrame(self.whole(), address, self._program, is_lasting=self.is_lasting)
        if not self.is_lasting(address):
            raise NotCompilableError("several files are there in the course of the process")
        return frame

    def code_at(self, place: str) -> tuple[int, ...]:
        """Every address a name of code may mean in the course of the process.

        Arguments:
            place: a function, or `FILE:LINE`.

        Errors: `UsageError` when nothing of that name has code.
        """
        line = _FILE_AND_LINE.fullmatch(place)
        space = self.whole()
        return space.lines(line["file"], int(line["line"])) if line else space.functions(place)

    def memory_of(
        self, what: Union[int, str], size: int | None, frame: int = 0, thread: int | None = None
    ) -> tuple[int, int]:
        """Address and size of what is meant: an address, or the value of an expression in a frame.

        Errors: `UsageError` for an expression that is not in memory.
        """
        if isinstance(what, int):
            return what, 8 if size is None else size
        found = evaluate(what, self.variables(frame, thread))
        if not isinstance(found, Value) or found.address is None:
            raise UsageError(
                f"{what} is not in memory here: it is computed, or in a register",
                "name a variable in memory, or what a pointer points to",
            )
        return found.address, found.size if size is None else size

    def register_of(self, what: Union[int, str], frame: int, thread: int | None) -> int | None:
        """The register, by DWARF's number, that is meant: `$rbx`, or a variable that is in one.

        None: something else is meant.
        """
        if not isinstance(what, str):
            return None
        if what.startswith("$"):
            name = registers.part(what[1:])[0]
            return DWARF_REGISTERS.index(name) if name in DWARF_REGISTERS else None
        if not what.isidentifier():
            return None
        return self.variables(frame, thread).register_of(what)

    def read(self, address: int, length: int) -> bytes:
        """The program's memory now."""
        return self._process.present.read(address, length)

    def registers(self, thread: int | None) -> Registers:
        """Registers of a thread. Errors: `UsageError` when there is none of this tid."""
        present = self._process.present
        running, (_, others) = present.state.tid, present.threads()
        if thread is None or thread == running:
            return present.registers()
        if thread not in others:
            raise UsageError(
                f"there is no thread {thread} at this position",
                f"there are {', '.join(map(str, sorted([*others, running])))}",
            )
        return present.registers(thread)

    def unwind(self, registers: Registers) -> Iterator[Frame]:
        """The call frames of a thread with these registers, innermost first."""
        known = {name: registers[name] for name in DWARF_REGISTERS}
        return unwind(self.space(), known, self.read)

    def frame(self, level: int, thread: int | None) -> tuple[Frame, Registers]:
        """One of the call frames. Errors: `UsageError` when there are not so many."""
        if level < 0:
            raise UsageError(f"there is no frame {level}", "0 is the innermost")
        present = self._process.present
        here = (present.pid, present.state.key, thread)
        # Several questions are asked at one place; in a branch it may have changed meanwhile.
        if self._unwound is None or self._unwound.here != here or present.is_changed:
            registers = self.registers(thread)
            self._unwound = _Unwound(here, registers, [], self.unwind(registers))
        found = self._unwound.frames
        found.extend(
            itertools.islice(self._unwound.rest, min(max(level + 1 - len(found), 0), sys.maxsize))
        )
        if len(found) <= level:
            raise UsageError(
                f"there is no frame {level}: the stack has {len(found)} here", "0 is the innermost"
            )
        return found[level], self._unwound.registers

    def variables(self, level: int, thread: int | None) -> FrameVariables:
        """What can be seen from a frame."""
        frame, registers = self.frame(level, thread)
        vectors = tuple(registers.vector(number) for number in range(16))
        # Vector registers of outer frames are nowhere kept.
        known = vectors if frame.registers[RSP] == registers.rsp else ()
        return FrameVariables(
            self.space(),
            frame,
            self.read,
            known,
            flags=registers["rflags"] if known else None,
            thread_pointer=registers["fs_base"],
            program=self._program,
            entry_value=EntryValues(
                self.space(), lambda of: self._frame_or_none(of, thread), frame, self.read
            ).value,
        )

    def _frame_or_none(self, level: int, thread: int | None) -> Frame | None:
        try:
            return self.frame(level, thread)[0]
        except UsageError:
            return None
