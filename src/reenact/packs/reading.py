"""Making a trace of a pack, all of it or some of its files."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from typing import IO

from reenact import _native, places
from reenact.errors import ReenactError
from reenact.packs import layout
from reenact.packs.layout import BLOCK, Frame, damaged
from reenact.packs.placing import check_free, unpacking

#: Bytes that are left free on the disk.
LEFT_FREE = 64 << 20
#: The latest time that a file is given, seconds since the epoch: any number may be in a header.
_LATEST = 1 << 33


def unpack(pack: str, target: str) -> None:
    """Make a trace directory of a pack.

    Arguments:
        pack: path of the file.
        target: path of the directory to make; it is there whole or not at all.

    Errors: `TraceError` for what is no pack, is damaged or holds what no trace has;
    `ReenactError` when the trace cannot be written.
    """
    check_free(target)
    with unpacking(pack, target) as made, open(pack, "rb") as file:
        _read_all(pack, file, made)


class Content:
    """What some frames of a pack have in them, from the first to the last.

    Arguments:
        pack: what to call it.
        file: gives the bytes of the frames, one after the other.
        frames: the frames.
    """

    def __init__(self, pack: str, file: IO[bytes], frames: Sequence[Frame]) -> None:
        self._pack = pack
        self._file = file
        self._frames = iter(frames)
        self._piece = memoryview(b"")

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
        frame = next(self._frames, None)
        if frame is None:
            raise damaged(self._pack, "it ends early")
        try:
            return _native.decompress_frame(self._file.read(frame.size), frame.content)
        except ValueError as error:
            raise damaged(self._pack, str(error)) from error


def check_room(pack: str, needed: int, target: str, hint: str) -> None:
    """Refuse what does not fit on the disk. Errors: `ReenactError`."""
    free = shutil.disk_usage(target).free
    if needed + LEFT_FREE > free:
        raise ReenactError(
            f"{pack} needs {needed >> 20} MiB unpacked, and {free >> 20} MiB are free", hint
        )


def write_member(content: Content, path: str, size: int, mtime: float) -> None:
    """Make a file of the next bytes."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as made:
        for piece in content.pieces(size):
            made.write(piece)
    moment = min(max(mtime, 0), _LATEST)
    os.utime(path, (moment, moment))
    content.take(-size % BLOCK)


def _read_all(pack: str, file: IO[bytes], target: str) -> None:
    def read_at(offset: int, length: int) -> bytes:
        return os.pread(file.fileno(), length, offset)

    found = layout.read(pack, file.seek(0, os.SEEK_END), read_at)
    file.seek(0)
    needed = found.content
    check_room(pack, needed, target, "choose another place: reenact unpack FILE -o TRACE")
    content = Content(pack, file, found.frames)
    seen: set[str] = set()
    while True:
        block = content.take(BLOCK)
        if not any(block):
            break
        header = layout.header_of(pack, block)
        if header.name in seen or header.size > needed:
            raise damaged(pack, "it holds what no trace has")
        seen.add(header.name)
        path = os.path.join(target, header.name)
        if "/" in header.name:
            os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        write_member(content, path, header.size, header.mtime)
    if places.MANIFEST not in seen:
        raise damaged(pack, f"it has no {places.MANIFEST}")
    if found.members is not None and seen != found.members.keys():
        raise damaged(pack, "its list of files is damaged")
