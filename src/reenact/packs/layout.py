"""Where everything is in a pack: its frames and members, as the tables at its end say."""

from __future__ import annotations

import os
import re
import stat
import struct
import tarfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from reenact.errors import TraceError

#: What the name of a pack ends with.
ENDING = ".reenact"
#: Most bytes of the archive in one frame.
PIECE = 4 << 20
BLOCK = 512
#: Files of a trace, in the order in which they are wanted.
FILES = ("manifest.json", "files.jsonl", "sources.json", "bookmarks.json", "landings", "events")
FOLDERS = ("files", "sources")
ZSTD_MAGIC = (0xFD2FB528).to_bytes(4, "little")

_NAME = re.compile(r"(?:[a-z]+(?:\.jsonl?)?|(?:files|sources)/[0-9]{1,9})", re.ASCII)
#: A frame that decoders skip, with a table; the end of that of the frames; most frames.
_SKIPPED = struct.Struct("<II")
_SKIPPED_MAGIC = 0x184D2A5E
_ENTRY = struct.Struct("<II")
_FOOTER = struct.Struct("<IBI")
_FOOTER_MAGIC = 0x8F92EAB1
_MOST_FRAMES = 1 << 21
#: The table of the members: its frame, what it begins with, and an entry before the name.
_MEMBERS_MAGIC = 0x184D2A5D
_MEMBERS = struct.Struct("<4sI")
_MEMBERS_MARK = b"rnp1"
_MEMBER = struct.Struct("<IQB")
#: A frame of bytes that cannot be compressed is larger than these by less than so much.
_OVERHEAD = 64 << 10
_MOST_MEMBERS_BYTES = 64 << 20


@dataclass(frozen=True)
class Frame:
    """A frame of a pack: where it begins in the file, its bytes, and bytes of what is in it."""

    offset: int
    size: int
    content: int


@dataclass(frozen=True)
class Member:
    """A file of the trace in a pack: its name there, its bytes, its frames."""

    name: str
    size: int
    frames: Sequence[Frame]

    @property
    def begin(self) -> int:
        """Where it begins in the pack."""
        return self.frames[0].offset

    @property
    def end(self) -> int:
        """Where it ends in the pack."""
        return self.frames[-1].offset + self.frames[-1].size


@dataclass(frozen=True)
class Layout:
    """All of it.

    Arguments:
        frames: the frames with content, in order.
        members: by name; None where the pack has no table of them.
    """

    frames: Sequence[Frame]
    members: dict[str, Member] | None

    @property
    def content(self) -> int:
        """Bytes of the archive."""
        return sum(frame.content for frame in self.frames)


def damaged(pack: str, why: str) -> TraceError:
    """The failure for what is no whole pack."""
    return TraceError(f"{pack} is not a whole pack: {why}", "get it again from where it came from")


def is_pack(path: str) -> bool:
    """Whether a path is that of a file that begins as a pack does."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except (OSError, ValueError):
        return False
    try:
        is_file = stat.S_ISREG(os.fstat(descriptor).st_mode)
        return is_file and os.pread(descriptor, len(ZSTD_MAGIC), 0) == ZSTD_MAGIC
    except OSError:
        return False
    finally:
        os.close(descriptor)


def is_name(name: str) -> bool:
    """Whether a member of a pack may have this name."""
    return _NAME.fullmatch(name) is not None and (name in FILES or "/" in name)


def tables(entries: Sequence[tuple[int, int]], members: Sequence[tuple[str, int, int]]) -> bytes:
    """What a pack ends with.

    Arguments:
        entries: bytes of each frame, and of what is in it.
        members: name, bytes, and number of the first frame of each.
    """
    listed = b"".join(
        _MEMBER.pack(first, size, len(name)) + name.encode() for name, size, first in members
    )
    index = _MEMBERS.pack(_MEMBERS_MARK, len(members)) + listed
    index = _SKIPPED.pack(_MEMBERS_MAGIC, len(index)) + index
    entries = [*entries, (len(index), 0)]
    table = b"".join(_ENTRY.pack(*entry) for entry in entries)
    footer = _FOOTER.pack(len(entries), 0, _FOOTER_MAGIC)
    return index + _SKIPPED.pack(_SKIPPED_MAGIC, len(table) + len(footer)) + table + footer


def read(pack: str, size: int, read_at: Callable[[int, int], bytes]) -> Layout:
    """The layout of a pack.

    Arguments:
        pack: what to call it.
        size: its bytes.
        read_at: gives bytes of it: where they begin, and how many.

    Errors: `TraceError` for what does not fit together.
    """
    entries, begin = _table(pack, size, read_at)
    frames, index, offset = [], None, 0
    for length, content in entries:
        if content:
            frames.append(Frame(offset, length, content))
        else:
            index = (offset, length)
        offset += length
    if any(one.size > one.content + _OVERHEAD or one.content > PIECE + BLOCK for one in frames):
        raise damaged(pack, "its table is damaged")
    if index is None or sum(index) != begin or index[1] > _MOST_MEMBERS_BYTES:
        return Layout(frames, None)
    return Layout(frames, _members(pack, frames, read_at(*index)))


def _table(
    pack: str, size: int, read_at: Callable[[int, int], bytes]
) -> tuple[list[tuple[int, int]], int]:
    """Bytes of each frame and of what is in it; where the table begins."""
    if size < _SKIPPED.size + _FOOTER.size:
        raise damaged(pack, "it is too short")
    count, how, magic = _FOOTER.unpack(read_at(size - _FOOTER.size, _FOOTER.size))
    length = count * _ENTRY.size + _FOOTER.size
    begin = size - length - _SKIPPED.size
    if magic != _FOOTER_MAGIC or how != 0 or count > _MOST_FRAMES or begin < 0:
        raise damaged(pack, "its end is missing")
    table = read_at(begin, _SKIPPED.size + count * _ENTRY.size)
    if _SKIPPED.unpack_from(table) != (_SKIPPED_MAGIC, length):
        raise damaged(pack, "its table is damaged")
    entries = list(_ENTRY.iter_unpack(table[_SKIPPED.size :]))
    if sum(frame for frame, _ in entries) != begin:
        raise damaged(pack, "its table is damaged")
    return entries, begin


def _members(pack: str, frames: list[Frame], frame: bytes) -> dict[str, Member]:
    wrong = damaged(pack, "its list of files is damaged")
    try:
        magic, length = _SKIPPED.unpack_from(frame)
        mark, count = _MEMBERS.unpack_from(frame, _SKIPPED.size)
        if (magic, length, mark) != (_MEMBERS_MAGIC, len(frame) - _SKIPPED.size, _MEMBERS_MARK):
            raise wrong
        place = _SKIPPED.size + _MEMBERS.size
        found: list[tuple[int, int, str]] = []
        # Each has a frame of its own: that bounds them.
        for _ in range(min(count, len(frames) + 1)):
            first, size, of_name = _MEMBER.unpack_from(frame, place)
            place += _MEMBER.size
            found.append((first, size, frame[place : place + of_name].decode("ascii")))
            place += of_name
    except (struct.error, UnicodeError) as error:
        raise wrong from error
    # The last frame is the end of the archive.
    ends = [first for first, _, _ in found[1:]] + [len(frames) - 1]
    members: dict[str, Member] = {}
    if place != len(frame) or len(found) != count or not found or found[0][0] != 0:
        raise wrong
    for (first, size, name), end in zip(found, ends):
        own = frames[first:end]
        content = sum(one.content for one in own)
        if not own or not is_name(name) or name in members:
            raise wrong
        if content != BLOCK + size + -size % BLOCK:
            raise wrong
        members[name] = Member(name, size, own)
    return members


def header_of(pack: str, block: bytes) -> tarfile.TarInfo:
    """The header of a member. Errors: `TraceError` for what no trace has."""
    try:
        header = tarfile.TarInfo.frombuf(block, "utf-8", "strict")
    except (tarfile.HeaderError, UnicodeError) as error:
        raise damaged(pack, "a header is damaged") from error
    if not is_name(header.name) or not header.isreg() or header.size < 0:
        raise damaged(pack, "it holds what no trace has")
    return header
