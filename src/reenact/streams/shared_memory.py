"""Who wrote what is in memory that processes share: the store, in whichever process it was.

A process that is replayed alone finds what others have changed at the event that begins its turn.
The file `shared-changes` (docs/trace-format.md) has the order of all turns, and what each process
had changed at the end of its own: so it tells in which turn of which process the store was.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from reenact import _native
from reenact.errors import ReplayError, UsageError
from reenact.session import shared_changes
from reenact.session.followed import Followed
from reenact.session.positions import Position
from reenact.session.recorded_trace import RecordedTrace
from reenact.session.schedule import Schedule
from reenact.session.session import Session
from reenact.session.values import Mapping, Stop, StopReason

_BLOCK = 512
#: A changed block: magic, process, memory, offset. A turn: magic, process, event.
_HEADER = struct.Struct("<4sIQQ8x")
_CHANGED, _TURN = b"rnsb", b"rnst"
#: mmap, munmap, mremap, shmat, shmdt.
_MAPPING_CALLS = (9, 11, 25, 30, 67)
#: Bytes of a value that are followed at once.
_MOST_BYTES = 1 << 16
_THROUGH = "shared memory"


@dataclass(frozen=True)
class _Record:
    """A turn that begins (`content` is None, `event` its event), or a block changed in one."""

    process: int
    memory: int
    offset: int
    content: bytes | None

    @property
    def event(self) -> int:
        return self.memory


@dataclass(frozen=True)
class _Turn:
    """A turn of a process: from the event that begins it until that of its next one, if any."""

    process: int
    begin: int
    next: int | None


class SharedWrites:
    """Finds stores to shared memory.

    Arguments:
        trace: the trace.
    """

    def __init__(self, trace: RecordedTrace) -> None:
        self._trace = trace

    def writer(self, position: Position, address: int, size: int) -> Followed:
        """Where memory was written that has its value at a position, by whichever process.

        Arguments:
            position: the process and the moment.
            address: of the memory, in that process.
            size: bytes, at most 65,536.

        Errors: `UsageError` for memory that is not shared, that nobody recorded has written, and
        where the store cannot be found.
        """
        if not 0 < size <= _MOST_BYTES:
            raise UsageError(f"cannot follow {size} bytes", f"name 1 to {_MOST_BYTES} bytes")
        with Session(self._trace, position.process) as session:
            session.goto(position)
            shared = _shared_at(session, address, size)
            stop = session.last_write(address, size)
            if stop.reason != StopReason.WATCHPOINT:
                return self._before_fork(position.process, address, size)
            turn = self._turn_that_changes(session, stop, address, size)
            if turn is None:
                return _followed(stop, size)
            session.goto(stop.position)
            before = session.memory.read(address, size)
        offset = shared.offset + address - shared.start
        found = self._changing_turn(position.process, turn, (shared.memory, offset), before)
        return self._store_in(found, (shared.memory, offset), size)

    def _addresses(
        self, session: Session, begin: Position, end: Position, place: tuple[int, int]
    ) -> list[int]:
        """Where a process has some shared memory at any time between two positions."""
        memory, offset = place
        changing = self._trace.events(
            begin.process, begin.event, end.event, kinds=("syscall",), codes=_MAPPING_CALLS
        )
        places = [begin, end, *(Position(begin.process, event.index) for event in changing)]
        found = {}
        for position in sorted(set(places)):
            session.goto(position)
            for one in session.mappings:
                inside = offset - one.offset
                if one.memory == memory and 0 <= inside < one.end - one.start:
                    found[one.start + inside] = True
        return list(found)

    def _before_fork(self, process: int, address: int, size: int) -> Followed:
        """What a process has from its parent."""
        processes = _native.Trace(self._trace.path).processes()
        known = next(one for one in processes if one.number == process)
        is_forked = next(self._trace.events(process, 0, 0, kinds=("process-start",)), None)
        if known.parent is None or known.parent_event is None or is_forked is None:
            raise UsageError(
                f"process {process} has not written the {size} bytes at {address:#x}, "
                "nor has another recorded process",
                "they are as they were mapped, or somebody else has written them",
            )
        return self.writer(Position(known.parent, known.parent_event), address, size)

    def _turn_that_changes(
        self, session: Session, stop: Stop, address: int, size: int
    ) -> int | None:
        """The event by which others' changes came; None: the process writes itself."""
        before = session.memory.read(address, size)
        after = session.stepi().position
        events = self._trace.events(
            session.process, stop.position.event + 1, after.event, kinds=("turn",)
        )
        for event in events:
            session.goto(Position(session.process, event.index))
            if session.memory.read(address, size) != before:
                return event.index
        return None

    def _changing_turn(
        self, process: int, event: int, place: tuple[int, int], before: bytes
    ) -> _Turn:
        """The last turn of another process before one that has changed memory.

        Arguments:
            process: the one that finds the change.
            event: that of the turn in which it does.
            place: number of the shared memory, and the offset there.
            before: what it held.
        """
        value = bytearray(before)
        begun: dict[int, int] = {}
        found: _Turn | None = None
        is_over = False
        for record in self._records(process):
            if record.content is None:
                if found is not None and record.process == found.process and found.next is None:
                    found = _Turn(found.process, found.begin, record.event)
                if is_over and (found is None or found.next is not None):
                    break
                begun[record.process] = record.event
                if record.process == process:
                    is_over = is_over or record.event == event
                    if record.event < event:
                        # Nothing before is of interest: the value is that at its end.
                        value[:], found = before, None
                continue
            if is_over or record.process == process or record.memory != place[0]:
                continue
            if _change(value, place[1], record):
                found = _Turn(record.process, begun.get(record.process, 0), None)
        if found is None:
            raise ReplayError(
                "what processes changed in shared memory does not tell who wrote this",
                "remove the file shared-changes of the trace, so that it is made anew",
            )
        return found

    def _records(self, process: int) -> Iterator[_Record]:
        descriptor = shared_changes.descriptor(self._trace, process)
        if descriptor is None:
            return
        with os.fdopen(descriptor, "rb") as file:
            file.seek(0)
            while len(header := file.read(_HEADER.size)) == _HEADER.size:
                magic, of, first, second = _HEADER.unpack(header)
                if magic == _TURN:
                    yield _Record(of, first, second, None)
                    continue
                content = file.read(_BLOCK)
                if magic != _CHANGED or len(content) < _BLOCK:
                    return
                yield _Record(of, first, second, content)

    def _store_in(self, turn: _Turn, place: tuple[int, int], size: int) -> Followed:
        """The last store of a turn to some memory."""
        with Session(self._trace, turn.process) as session:
            before = None
            if turn.next is not None:
                before = Schedule(self._trace, turn.process).event_before(turn.next)
            begin = max(Position(turn.process, turn.begin), session.start)
            last = session.end if before is None else Position(turn.process, before)
            session.goto(max(last, begin))
            here = session.position
            found = [
                stop
                for address in self._addresses(session, begin, here, place)
                if (stop := _last_store(session, address, size, here, begin)) is not None
            ]
        if found:
            return _followed(max(found, key=lambda stop: stop.position), size)
        until = "its end" if turn.next is None else f"{turn.process}:{turn.next}"
        raise UsageError(
            f"process {turn.process} wrote it between {begin} and {until}, "
            "but the store itself is not found",
            f"look there: reenact replay -p {turn.process} --goto {begin}",
        )


def _last_store(
    session: Session, address: int, size: int, here: Position, begin: Position
) -> Stop | None:
    """The last store to some memory between two positions; that it was mapped is none."""
    session.goto(here)
    while True:
        stop = session.last_write(address, size, since=begin)
        if stop.reason != StopReason.WATCHPOINT:
            return None
        before = session.memory.read(address, size)
        is_event = session.stepi().position.event != stop.position.event
        is_same = session.memory.read(address, size) == before
        if len(before) == size and not (is_event and is_same):
            return stop
        session.goto(stop.position)


def _shared_at(session: Session, address: int, size: int) -> Mapping:
    for mapping in session.mappings:
        if mapping.start <= address < mapping.end and mapping.memory:
            if address + size > mapping.end:
                raise UsageError(
                    f"{size} bytes at {address:#x} are more than is shared there", "name fewer"
                )
            return mapping
    raise UsageError(
        f"the memory at {address:#x} is not shared with another recorded process",
        "last finds what wrote it, without an expression this finds what a read has got",
    )


def _change(value: bytearray, offset: int, record: _Record) -> bool:
    """Take over what a block has of a value; whether it is another one now."""
    content = record.content or b""
    first = max(offset, record.offset)
    last = min(offset + len(value), record.offset + len(content))
    if first >= last:
        return False
    new = content[first - record.offset : last - record.offset]
    has_changed = value[first - offset : last - offset] != new
    value[first - offset : last - offset] = new
    return has_changed


def _followed(stop: Stop, size: int) -> Followed:
    return Followed(stop.position, 0, 0, size, _THROUGH, is_compared=True, is_call=False)
