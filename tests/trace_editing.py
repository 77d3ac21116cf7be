"""Changes single values in a recorded trace, with all checksums made right again."""

from __future__ import annotations

import shutil
import struct
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import skips

_MASK = (1 << 64) - 1
_K1, _K2, _K3 = 0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9
#: ChunkHeader in crates/trace/src/chunk.rs, without the checksum of the header.
_CHUNK = struct.Struct("<IIQIBBHIIQ")
_CHUNK_SIZE = 48
_EVENT_SIZE = 96
_ATTACHMENT = struct.Struct("<HHIQ")
_ZSTD = 1
_DATA = 2


def _rotated(value: int, count: int) -> int:
    return (value << count | value >> (64 - count)) & _MASK


def _round(lane: int, word: int) -> int:
    return _rotated((lane + word * _K2) & _MASK, 31) * _K1 & _MASK


def checksum(content: bytes) -> int:
    """As crates/trace/src/checksum.rs."""
    lanes = [(_K1 + _K2) & _MASK, _K2, 0, -_K1 & _MASK]
    whole = len(content) // 32 * 32
    for index, word in enumerate(struct.unpack(f"<{whole // 8}Q", content[:whole])):
        lanes[index % 4] = _round(lanes[index % 4], word)
    value = len(content) * _K3 & _MASK
    for lane in lanes:
        value = ((value ^ _round(0, lane)) * _K1 + _K3) & _MASK
    rest = content[whole:]
    words = len(rest) // 8
    for word in struct.unpack(f"<{words}Q", rest[: words * 8]):
        value = _rotated(value ^ _round(0, word), 27) * _K1 & _MASK
    for byte in rest[words * 8 :]:
        value = _rotated(value ^ byte * _K3 & _MASK, 11) * _K1 & _MASK
    for shift, factor in ((33, _K2), (29, _K3), (32, 1)):
        value = (value ^ value >> shift) * factor & _MASK
    return value


@dataclass(frozen=True)
class Attached:
    """An attachment: where its payload lies in the decompressed chunk at `chunk` of the file."""

    event_kind: int
    event_flags: int
    chunk: int
    tag: int
    address: int
    start: int
    length: int


def _zstd(option: str, content: bytes) -> bytes:
    program = shutil.which("zstd")
    if program is None:
        skips.skip(skips.Reason.NO_PROGRAM, "zstd")
    command = [program, "-q", option, "-c"]
    return subprocess.run(command, input=content, capture_output=True, check=True).stdout


class EditableTrace:
    """The event file of a trace, whose chunks are decompressed as they are needed."""

    def __init__(self, trace: Path) -> None:
        self.path = trace / "events"
        self._content = self.path.read_bytes()

    def chunks(self) -> Iterator[tuple[int, bytes]]:
        """Offset and decompressed content of each chunk of events."""
        at = 0
        while at < len(self._content):
            header = _CHUNK.unpack_from(self._content, at)
            events, codec, stored = header[3], header[4], header[7]
            if events:
                start = at + _CHUNK_SIZE
                content = self._content[start : start + stored]
                yield at, _zstd("-d", content) if codec == _ZSTD else content
            at += _CHUNK_SIZE + (stored + 7) // 8 * 8

    def attachments(self) -> Iterator[Attached]:
        """All attachments of all events; those of a long one lie in `data` events before it."""
        before: list[tuple[int, int, int, int, int]] = []
        for chunk, raw in self.chunks():
            at = 0
            while at < len(raw):
                size, kind, flags = struct.unpack_from("<IBB", raw, at)
                inside = at + _EVENT_SIZE
                while inside < at + size:
                    tag, _, length, address = _ATTACHMENT.unpack_from(raw, inside)
                    start = inside + _ATTACHMENT.size
                    before.append((chunk, tag, address, start, length))
                    inside = start + (length + 7) // 8 * 8
                if kind != _DATA:
                    yield from (Attached(kind, flags, *each) for each in before)
                    before.clear()
                at += size

    def save_with(self, where: Attached, offset: int, flipped: int, target: Path) -> None:
        """Write the event file to `target` with some bits of one payload byte changed."""
        raw = bytearray(dict(self.chunks())[where.chunk])
        raw[where.start + offset] ^= flipped
        stored = _zstd("-3", bytes(raw))
        magic, process, first, events, _, marks, spare, before, _, _ = _CHUNK.unpack_from(
            self._content, where.chunk
        )
        fields = (magic, process, first, events, _ZSTD, marks, spare, len(stored), len(raw))
        header = _CHUNK.pack(*fields, checksum(stored))
        header += struct.pack("<Q", checksum(header))
        padding = bytes(-len(stored) % 8)
        behind = where.chunk + _CHUNK_SIZE + (before + 7) // 8 * 8
        target.write_bytes(
            self._content[: where.chunk] + header + stored + padding + self._content[behind:]
        )
