"""What the program means where a session stands: modules, call frames, variables."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reenact.errors import UsageError
from reenact.session.history import Key
from reenact.session.loads import all_loads
from reenact.session.values import Mapping, Registers
from reenact.symbols.files import ModuleFiles
from reenact.symbols.frames import DWARF_REGISTERS, RSP, Frame
from reenact.symbols.space import AddressSpace
from reenact.symbols.unwinding import unwind
from reenact.symbols.variables import FrameVariables

if TYPE_CHECKING:
    from reenact.session.navigator import Navigator
    from reenact.session.replayed import ReplayedProcess


@dataclass
class _Unwound:
    """The frames of a thread at a place, as far as somebody wanted them."""

    here: tuple[int, Key, int | None]
    registers: Registers
    frames: list[Frame]
    rest: Iterator[Frame]


class View:
    """Answers about the present of a session, or of a copy that asks in its place.

    Arguments:
        process: the session; not kept alive by this.
        navigator: where its present is.
    """

    def __init__(self, process: ReplayedProcess, navigator: Navigator) -> None:
        self._trace = process.trace
        self._number = process.process
        self._program = self._trace.processes[self._number].program
        self._navigator = navigator
        self._files: ModuleFiles | None = None
        #: Event, mappings, and what is loaded there.
        self._known: tuple[int, list[Mapping], AddressSpace] | None = None
        self._whole: AddressSpace | None = None
        self._unwound: _Unwound | None = None

    @property
    def files(self) -> ModuleFiles:
        """The files of the trace."""
        if self._files is None:
            self._files = ModuleFiles.of_trace(self._trace.path)
        return self._files

    def space(self) -> AddressSpace:
        """What is loaded now."""
        # Only events change mappings.
        event = self._navigator.live.place.event
        if self._known is None or self._known[0] != event:
            mappings = self._navigator.live.mappings()
            if self._known is not None and self._known[1] == mappings:
                self._known = (event, mappings, self._known[2])
            else:
                self._known = (event, mappings, AddressSpace(self.files, mappings))
        return self._known[2]

    def whole(self) -> AddressSpace:
        """What is loaded at any time, as far as functions, lines and variables are asked for."""
        if self._whole is None:
            first = self._navigator.history.start
            mappings = self._navigator.checkpoints.latest(first).mappings()
            loads = all_loads(self._trace, self._number, first[0], mappings)
            self._whole = AddressSpace(self.files, loads)
        return self._whole

    def read(self, address: int, length: int) -> bytes:
        """The program's memory now."""
        return self._navigator.live.read(address, length)

    def registers(self, thread: int | None) -> Registers:
        """Registers of a thread. Errors: `UsageError` when there is none of this tid."""
        server = self._navigator.live
        running, others = server.threads()
        if thread is None or thread == running:
            return server.registers()
        if thread not in others:
            raise UsageError(
                f"there is no thread {thread} at this position",
                f"there are {', '.join(map(str, sorted([*others, running])))}",
            )
        return server.registers(thread)

    def unwind(self, registers: Registers) -> Iterator[Frame]:
        """The call frames of a thread with these registers, innermost first."""
        known = {name: registers[name] for name in DWARF_REGISTERS}
        return unwind(self.space(), known, self.read)

    def frame(self, level: int, thread: int | None) -> tuple[Frame, Registers]:
        """One of the call frames. Errors: `UsageError` when there are not so many."""
        if level < 0:
            raise UsageError(f"there is no frame {level}", "0 is the innermost")
        server = self._navigator.live
        here = (server.pid, server.place.key, thread)
        # Several questions are asked at one place; in a branch it may have changed meanwhile.
        if self._unwound is None or self._unwound.here != here or server.is_changed:
            registers = self.registers(thread)
            self._unwound = _Unwound(here, registers, [], self.unwind(registers))
        found = self._unwound.frames
        found.extend(itertools.islice(self._unwound.rest, max(level + 1 - len(found), 0)))
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
            thread_pointer=registers["fs_base"],
            program=self._program,
        )
