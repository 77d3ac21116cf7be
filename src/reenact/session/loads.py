"""All files a process ever maps: what names in the program can mean, at any of its positions."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from reenact.session.recorded_trace import RecordedTrace
from reenact.symbols.space import MappingLike

#: `mmap` and `mremap`; new images bring mappings, too.
_CALLS = (9, 25)
#: `MapRecord` in crates/trace/src/attachment.rs: length, protection, flags, file, object, offset.
_RECORD = struct.Struct("<QIIIIQ")
_NO_FILE = 0xFFFF_FFFF


@dataclass(frozen=True)
class Load:
    """A file that is mapped at some time.

    Arguments:
        start, end: addresses; `end` is one past the last byte.
        file: its number in the trace.
        offset: in the file, of the byte at `start`.
    """

    start: int
    end: int
    file: int | None
    offset: int


def all_loads(
    trace: RecordedTrace, process: int, first: int, present: Iterable[MappingLike]
) -> tuple[Load, ...]:
    """Every mapping of a file that a process ever has.

    Arguments:
        trace: the trace.
        process: number of the process.
        first: the event after which it can first be looked at.
        present: its mappings there.
    """
    found = dict.fromkeys(
        Load(known.start, known.end, known.file, known.offset)
        for known in present
        if known.file is not None
    )
    found.update((load, None) for _, load in _later(trace, process, first))
    return tuple(found)


def changes(trace: RecordedTrace, process: int, first: int) -> tuple[int, ...]:
    """The events that map files, in order; arguments as of `all_loads`."""
    return tuple(sorted({event for event, _ in _later(trace, process, first)}))


def _later(trace: RecordedTrace, process: int, first: int) -> Iterator[tuple[int, Load]]:
    """What is mapped by events after the first, and by which."""
    for kind, codes in (("syscall", _CALLS), ("image-begin", ())):
        events = trace.events(process, first + 1, kinds=(kind,), codes=codes, with_attachments=True)
        for event in events:
            for attachment in event.attachments:
                if attachment.tag != "map" or len(attachment.content) < _RECORD.size:
                    continue
                length, _, _, file, _, offset = _RECORD.unpack_from(attachment.content)
                if file != _NO_FILE:
                    start = attachment.address
                    yield event.index, Load(start, start + length, file, offset)
