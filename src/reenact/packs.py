"""Packs: a trace in one file, which moves to another machine.

A pack is a tar archive in frames of zstd, as `tar --zstd` reads it, with a table of the frames at
its end (docs/pack-format.md). What is read may come from anybody: only files of a trace are taken
from a pack, each at its place in a new directory.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import stat
import struct
import tarfile
import tempfile
from collections.abc import Iterator
from typing import IO

from reenact import _native, places
from reenact.errors import ReenactError, TraceError

#: What the name of a pack ends with.
ENDING = ".reenact"
#: zstd's default: some 300 MB/s a core.
LEVEL = 3
#: Most bytes of the archive in one frame.
_PIECE = 4 << 20
_BLOCK = 512
#: A frame that decoders skip, with the table; the table's end; most frames (the format's limit).
_SKIPPED = struct.Struct("<II")
_SKIPPED_MAGIC = 0x184D2A5E
_ENTRY = struct.Struct("<II")
_FOOTER = struct.Struct("<IBI")
_FOOTER_MAGIC = 0x8F92EAB1
_MOST_FRAMES = 0x8000000
_ZSTD_MAGIC = (0xFD2FB528).to_bytes(4, "little")
#: Files of a trace, in the order in which they are wanted.
_FILES = ("manifest.json", "files.jsonl", "sources.json", "bookmarks.json", "landings", "events")
_FOLDERS = ("files", "sources")
_NAME = re.compile(r"(?:[a-z]+(?:\.jsonl?)?|(?:files|sources)/[0-9]{1,9})")
#: Packs that are kept unpacked in the cache, and bytes that are left free on the disk.
_MOST_KEPT = 8
_LEFT_FREE = 64 << 20
_PART = "packs"


def is_pack(path: str) -> bool:
    """Whether a path is that of a file that begins as a pack does."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except (OSError, ValueError):
        return False
    try:
        is_file = stat.S_ISREG(os.fstat(descriptor).st_mode)
        return is_file and os.pread(descriptor, len(_ZSTD_MAGIC), 0) == _ZSTD_MAGIC
    except OSError:
        return False
    finally:
        os.close(descriptor)


def write(trace: str, target: str) -> int:
    """Make a pack of a trace.

    Arguments:
        trace: path of the trace directory.
        target: path of the file to make; it is there whole or not at all.

    Returns: its bytes.

    Errors: `ReenactError` when it is there already, or cannot be written.
    """
    if os.path.lexists(target):
        raise ReenactError(f"{target} exists", "choose another name with -o FILE, or remove it")
    folder = os.path.dirname(os.path.abspath(target))
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".packing-", delete=False) as file:
            try:
                _write_all(trace, file)
                os.link(file.name, target)
            finally:
                os.unlink(file.name)
            return file.tell()
    except OSError as error:
        raise ReenactError(
            f"the pack {target} cannot be written: {error.strerror}",
            "choose another place with -o FILE",
        ) from error


def unpack(pack: str, target: str) -> None:
    """Make a trace directory of a pack.

    Arguments:
        pack: path of the file.
        target: path of the directory to make; it is there whole or not at all.

    Errors: `TraceError` for what is no pack, is damaged or holds what no trace has;
    `ReenactError` when the trace cannot be written.
    """
    if os.path.lexists(target):
        raise ReenactError(f"{target} exists", "choose another place with -o TRACE")
    parent = os.path.dirname(os.path.abspath(target))
    try:
        made = tempfile.mkdtemp(dir=parent, prefix=".unpacking-")
        try:
            with open(pack, "rb") as file:
                _read_all(pack, file, made)
            os.rename(made, target)
        except BaseException:
            shutil.rmtree(made, ignore_errors=True)
            raise
    except OSError as error:
        raise ReenactError(
            f"{pack} cannot be unpacked to {target}: {error.strerror}",
            "choose another place with -o TRACE",
        ) from error


def _write_all(trace: str, file: IO[bytes]) -> None:
    entries: list[tuple[int, int]] = []

    def add(content: bytes) -> None:
        frame = _native.compress_frame(content, LEVEL)
        file.write(frame)
        entries.append((len(frame), len(content)))

    for name in _names(trace):
        path = os.path.join(trace, name)
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as source:
            for piece in _member(name, source):
                add(piece)
    add(bytes(2 * _BLOCK))
    table = b"".join(_ENTRY.pack(*entry) for entry in entries)
    footer = _FOOTER.pack(len(entries), 0, _FOOTER_MAGIC)
    file.write(_SKIPPED.pack(_SKIPPED_MAGIC, len(table) + len(footer)) + table + footer)


def _names(trace: str) -> Iterator[str]:
    for name in _FILES:
        if os.path.isfile(os.path.join(trace, name)):
            yield name
    for folder in _FOLDERS:
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            found = (name for name in os.listdir(os.path.join(trace, folder)) if name.isdecimal())
            yield from (f"{folder}/{name}" for name in sorted(found, key=int))


def _member(name: str, source: IO[bytes]) -> Iterator[bytes]:
    """A file as the archive has it, in pieces."""
    status = os.fstat(source.fileno())
    header = tarfile.TarInfo(name)
    header.size, header.mtime = status.st_size, int(status.st_mtime)
    header.mode = 0o600
    piece = header.tobuf(tarfile.GNU_FORMAT)
    left = status.st_size
    while left:
        content = source.read(min(_PIECE - len(piece), left))
        if not content:
            raise ReenactError(f"{name} of the trace became shorter", "pack it when it is not used")
        left -= len(content)
        piece += content if left else content + bytes(-status.st_size % _BLOCK)
        yield piece
        piece = b""
    if piece:
        yield piece


def _damaged(pack: str, why: str) -> TraceError:
    return TraceError(f"{pack} is not a whole pack: {why}", "get it again from where it came from")


def _table(pack: str, file: IO[bytes]) -> list[tuple[int, int]]:
    """Bytes of each frame, and of what is in it."""
    size = file.seek(0, os.SEEK_END)
    if size < _SKIPPED.size + _FOOTER.size:
        raise _damaged(pack, "it is too short")
    file.seek(size - _FOOTER.size)
    count, how, magic = _FOOTER.unpack(file.read(_FOOTER.size))
    length = count * _ENTRY.size + _FOOTER.size
    begin = size - length - _SKIPPED.size
    if magic != _FOOTER_MAGIC or how != 0 or count > _MOST_FRAMES or begin < 0:
        raise _damaged(pack, "its end is missing")
    file.seek(begin)
    if _SKIPPED.unpack(file.read(_SKIPPED.size)) != (_SKIPPED_MAGIC, length):
        raise _damaged(pack, "its table is damaged")
    entries = list(_ENTRY.iter_unpack(file.read(count * _ENTRY.size)))
    sizes = [content for _, content in entries]
    if sum(frame for frame, _ in entries) != begin or any(one > _PIECE + _BLOCK for one in sizes):
        raise _damaged(pack, "its table is damaged")
    return entries


class _Content:
    """The archive in a pack, from its beginning to its end."""

    def __init__(self, pack: str, file: IO[bytes], entries: list[tuple[int, int]]) -> None:
        self._pack = pack
        self._file = file
        self._entries = iter(entries)
        self._piece = memoryview(b"")
        file.seek(0)

    def pieces(self, size: int) -> Iterator[memoryview]:
        """The next bytes, as they come."""
        while size:
            if not self._piece:
                self._piece = memoryview(self._next())
            part = self._piece[:size]
            self._piece = self._piece[len(part) :]
            size -= len(part)
            yield part

    def take(self, size: int) -> bytes:
        """The next few bytes."""
        return b"".join(self.pieces(size))

    def _next(self) -> bytes:
        for frame, content in self._entries:
            try:
                found = _native.decompress_frame(self._file.read(frame), content)
            except ValueError as error:
                raise _damaged(self._pack, str(error)) from error
            if found:
                return found
        raise _damaged(self._pack, "it ends early")


def _read_all(pack: str, file: IO[bytes], target: str) -> None:
    entries = _table(pack, file)
    needed = sum(content for _, content in entries)
    free = shutil.disk_usage(target).free
    if needed + _LEFT_FREE > free:
        raise ReenactError(
            f"{pack} needs {needed >> 20} MiB unpacked, and {free >> 20} MiB are free",
            "choose another place: reenact unpack FILE -o TRACE",
        )
    content = _Content(pack, file, entries)
    seen: set[str] = set()
    while True:
        block = content.take(_BLOCK)
        if not any(block):
            break
        try:
            header = tarfile.TarInfo.frombuf(block, "utf-8", "strict")
        except (tarfile.HeaderError, UnicodeError) as error:
            raise _damaged(pack, "a header is damaged") from error
        name, size = header.name, header.size
        is_known = _NAME.fullmatch(name) and (name in _FILES or "/" in name) and header.isreg()
        if not is_known or name in seen or not 0 <= size <= needed:
            raise _damaged(pack, "it holds what no trace has")
        seen.add(name)
        path = os.path.join(target, name)
        if "/" in name:
            os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as made:
            for piece in content.pieces(size):
                made.write(piece)
        os.utime(path, (header.mtime, header.mtime))
        content.take(-size % _BLOCK)
    if places.MANIFEST not in seen:
        raise _damaged(pack, f"it has no {places.MANIFEST}")


def unpacked(pack: str) -> str:
    """The directory of the trace in a pack: in the user's cache, where the latest few are kept.

    Errors: as for `unpack`.
    """
    status = os.stat(pack)
    with open(pack, "rb") as file:
        # The table has the sizes of all frames; another pack of the same has another time.
        file.seek(max(0, status.st_size - (1 << 20)))
        said = f"{os.path.realpath(pack)}:{status.st_size}:{status.st_mtime_ns}:".encode()
        name = hashlib.sha256(said + file.read()).hexdigest()[:32]
    parent = os.path.join(places.cache(), _PART)
    target = os.path.join(parent, name)
    if places.is_trace(target):
        with contextlib.suppress(OSError):
            os.utime(target)
        return target
    try:
        os.makedirs(parent, mode=0o700, exist_ok=True)
    except OSError as error:
        raise ReenactError(
            f"{parent} cannot be made: {error.strerror}",
            "unpack the trace elsewhere: reenact unpack FILE -o TRACE",
        ) from error
    _forget_old(parent)
    try:
        unpack(pack, target)
    except ReenactError:
        # Somebody else has just unpacked it.
        if not places.is_trace(target):
            raise
    return target


def _forget_old(parent: str) -> None:
    with contextlib.suppress(OSError):
        kept = sorted(os.scandir(parent), key=lambda entry: entry.stat().st_mtime, reverse=True)
        for entry in kept[_MOST_KEPT - 1 :]:
            shutil.rmtree(entry.path, ignore_errors=True)
