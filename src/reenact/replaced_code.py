"""Which code a recording replaced in the program's memory, and what of it was executed.

Instructions that are not deterministic become breakpoints, system calls that are made often become
jumps. Both are placed only where code is known to be; what was executed proves it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from reenact.events import Event
from reenact.trace import Trace

#: `MapRecord` in crates/trace/src/attachment.rs: length, protection, flags, file, object, offset.
_MAP = struct.Struct("<QIIIIQ")
_NO_FILE = 0xFFFF_FFFF
_ADDRESS = struct.Struct("<Q")
_SYSCALL_LENGTH = 2
_FORKED = 1
#: Bytes of a patch that is a breakpoint: the new one, and the one it stands for.
_BREAKPOINT = 2


@dataclass(frozen=True, order=True)
class Place:
    """A place in the code of a file.

    Arguments:
        file: its path; empty for code that is in no file, whose offset is its address.
        offset: bytes from the start of the file.
    """

    file: str
    offset: int


@dataclass
class ReplacedCode:
    """What was replaced, over all processes of a recording.

    Arguments:
        breakpoints: instructions that became breakpoints.
        executed: those of them that were executed.
        jumps: calls that became jumps; each had been executed before.
        taken: those of them that were executed again.
    """

    breakpoints: set[Place] = field(default_factory=set)
    executed: set[Place] = field(default_factory=set)
    jumps: set[Place] = field(default_factory=set)
    taken: set[Place] = field(default_factory=set)

    def lines(self) -> Iterator[str]:
        """What there is to say: a summary, then what was not executed, a line for each file."""
        yield (
            f"{len(self.executed)} of {len(self.breakpoints)} breakpoints and {len(self.taken)} of "
            f"{len(self.jumps)} jumps in the program's code were executed"
        )
        for what, never in (
            ("breakpoints", self.breakpoints - self.executed),
            ("jumps", self.jumps - self.taken),
        ):
            offsets: dict[str, list[str]] = {}
            for place in sorted(never):
                offsets.setdefault(place.file, []).append(f"{place.offset:#x}")
            for file, known in offsets.items():
                yield f"{what} never executed in {file or 'no file'}: {', '.join(known)}"


@dataclass
class _Memory:
    """What is known of a process's memory: mapped files, the latest last, and replaced places."""

    files: list[tuple[int, int, str, int]] = field(default_factory=list)
    breakpoints: dict[int, Place] = field(default_factory=dict)
    jumps: dict[int, Place] = field(default_factory=dict)

    def copy(self) -> _Memory:
        return _Memory(list(self.files), dict(self.breakpoints), dict(self.jumps))

    def place(self, address: int) -> Place:
        for start, end, path, offset in reversed(self.files):
            if start <= address < end:
                return Place(path, offset + address - start)
        return Place("", address)


def replaced_code(trace: Trace) -> ReplacedCode:
    """Read what a recording replaced.

    Raises TraceError when the trace cannot be read.
    """
    paths = trace.file_paths()
    found = ReplacedCode()
    memories: dict[int, _Memory] = {}
    for process in trace.processes:
        memory = memories[process.number] = _Memory()
        for event in trace.events(process.number, with_attachments=True):
            if (
                event.kind == "process-start"
                and event.code == _FORKED
                and event.args[0] in memories
            ):
                memory = memories[process.number] = memories[event.args[0]].copy()
            elif event.kind == "image-begin":
                memory = memories[process.number] = _Memory()
            _note_execution(event, memory, found)
            _note_replacement(event, memory, found, paths)
    return found


def _note_execution(event: Event, memory: _Memory, found: ReplacedCode) -> None:
    if event.kind == "instruction" and event.ip in memory.breakpoints:
        found.executed.add(memory.breakpoints[event.ip])
    elif event.kind == "syscall" and "patched" in event.flags and event.ip in memory.jumps:
        found.taken.add(memory.jumps[event.ip])


def _note_replacement(
    event: Event, memory: _Memory, found: ReplacedCode, paths: dict[int, str]
) -> None:
    for attachment in event.attachments:
        if attachment.tag == "map" and len(attachment.content) >= _MAP.size:
            length, _, _, file, _, offset = _MAP.unpack_from(attachment.content)
            if file != _NO_FILE:
                start = attachment.address
                memory.files.append((start, start + length, paths.get(file, ""), offset))
        elif attachment.tag == "breakpoints":
            whole = len(attachment.content) // _ADDRESS.size * _ADDRESS.size
            for (address,) in _ADDRESS.iter_unpack(attachment.content[:whole]):
                place = memory.breakpoints[address] = memory.place(address)
                found.breakpoints.add(place)
        elif attachment.tag == "patch" and len(attachment.content) == _BREAKPOINT:
            # Of the state with which a log begins.
            place = memory.breakpoints[attachment.address] = memory.place(attachment.address)
            found.breakpoints.add(place)
        elif attachment.tag == "patch":
            half = len(attachment.content) // 2
            original = attachment.content[half:]
            # A `mov` of five bytes before the instruction, or the instruction with what follows it.
            begins_with_call = original[:_SYSCALL_LENGTH] == b"\x0f\x05"
            call = attachment.address + (0 if begins_with_call else half)
            place = memory.place(call)
            memory.jumps[call + _SYSCALL_LENGTH] = place
            found.jumps.add(place)
