"""Makes of a trace with snapshots one whose logs begin with them, as a ring leaves it."""

from __future__ import annotations

import json
import os
import shutil
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path

from trace_editing import checksum

from reenact import _native
from reenact.session.images import image_at

#: Of a chunk, without its own checksum; and what each begins with.
_CHUNK = struct.Struct("<IIQIBBHIIQ")
_CHUNK_SIZE = 48
_MAGIC = 0x74636E72
_RAW = 0
_START, _END, _SNAPSHOT, _BEGINNING = 1, 16, 32, 64
#: Of an event; and of an attachment.
_EVENT = struct.Struct("<IBBHIIQQQq6Q")
_ATTACHMENT = struct.Struct("<HHIQ")
_DATA, _PROCESS_START = 2, 3
#: What is told of the program, by number of the tag.
_TOLD = {"path": 7, "argv": 8, "envp": 9, "auxv": 14}
_VERSION = 2


def begin_later(trace: Path, target: Path, chosen: Mapping[int, int]) -> set[int]:
    """Make the trace; the processes that are in it.

    Arguments:
        trace: the whole trace, with a file of snapshots.
        target: to be made.
        chosen: processes whose logs begin later, and the event behind which each does.
    """
    names = shutil.ignore_patterns("events", "snapshots", "manifest.json")
    shutil.copytree(trace, target, copy_function=os.link, ignore=names)
    native = _native.Trace(str(trace))
    kept = _kept(native, chosen)
    with (target / "events").open("wb") as out:
        for process, event in chosen.items():
            out.write(_identity(native, process, event))
            for header, content in _chunks(trace / "snapshots"):
                if (header[1], header[2]) == (process, event):
                    out.write(_sealed(header, content, header[5] | _BEGINNING))
                    if header[5] & _SNAPSHOT:
                        break
        for header, content in _chunks(trace / "events"):
            process, first, count, marks = header[1], header[2], header[3], header[5]
            is_over = not marks & _END and first + count <= chosen.get(process, -1) + 1
            if process in kept and not is_over:
                out.write(_sealed(header, content, marks))
    manifest = json.loads((trace / "manifest.json").read_text())
    left_out = [
        {"number": one.number, "pid": one.pid, "program": one.program, "why": "ended"}
        for one in native.processes()
        if one.number not in kept
    ]
    manifest["format_version"] = _VERSION
    manifest["left_out"] = {"count": len(left_out), "processes": left_out}
    (target / "manifest.json").write_text(json.dumps(manifest))
    return kept


def _kept(native: _native.Trace, chosen: Mapping[int, int]) -> set[int]:
    kept = set()
    for one in native.processes():
        is_made = one.parent in kept and (one.parent_event or 0) > chosen.get(one.parent or 0, -1)
        if one.number in chosen or one.start != "fork" or is_made:
            kept.add(one.number)
    return kept


def _chunks(path: Path) -> Iterator[tuple[tuple[int, ...], bytes]]:
    content, at = path.read_bytes(), 0
    while at < len(content):
        header = _CHUNK.unpack_from(content, at)
        start, stored = at + _CHUNK_SIZE, header[7]
        yield header, content[start : start + stored]
        at = start + (stored + 7) // 8 * 8


def _sealed(header: tuple[int, ...], content: bytes, marks: int) -> bytes:
    head = _CHUNK.pack(*header[:5], marks, *header[6:])
    return head + struct.pack("<Q", checksum(head)) + content + bytes(-len(content) % 8)


def _identity(native: _native.Trace, process: int, event: int) -> bytes:
    """The chunk that says how the process has started, and which program it runs."""
    start = next(native.events(process, 0, 0))
    records = _record(start, _PROCESS_START, [])
    found = image_at(native, process, event)
    assert found is not None
    number, image = found
    told: list[tuple[str, int, bytes]] = []
    for one in native.events(number, 0, image.event):
        told = [*told, *one.attachments()] if one.kind in ("data", "image-begin") else []
    for tag, address, payload in told:
        if tag in _TOLD:
            head = _ATTACHMENT.pack(_TOLD[tag], 0, len(payload), address)
            body = head + payload + bytes(-len(payload) % 8)
            records += _record(start, _DATA, [body])
    count = 1 + sum(tag in _TOLD for tag, _, _ in told)
    marks = _BEGINNING | _START
    fields = (_MAGIC, process, event, count, _RAW, marks, 0, len(records), len(records))
    return _sealed((*fields, checksum(records)), records, marks)


def _record(start: _native.Event, kind: int, bodies: list[bytes]) -> bytes:
    body = b"".join(bodies)
    head = _EVENT.pack(
        _EVENT.size + len(body),
        kind,
        start.flags if kind == _PROCESS_START else 0,
        start.code if kind == _PROCESS_START else 0,
        start.tid,
        len(bodies),
        start.time,
        start.ip,
        start.register_checksum,
        start.result,
        *start.args,
    )
    return head + body
