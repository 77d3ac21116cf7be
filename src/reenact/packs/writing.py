"""Making a pack of a trace."""

from __future__ import annotations

import contextlib
import os
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from typing import IO

from reenact import _native
from reenact.errors import ReenactError
from reenact.packs import layout
from reenact.packs.layout import BLOCK, FILES, FOLDERS, PIECE

#: zstd's default: some 300 MB/s a core.
LEVEL = 3


def write(trace: str, target: str, on_progress: Callable[[int, int], None] | None = None) -> int:
    """Make a pack of a trace.

    Arguments:
        trace: path of the trace directory.
        target: path of the file to make; it is there whole or not at all.
        on_progress: called now and then with the bytes that are done, and with all.

    Returns: its bytes.

    Errors: `ReenactError` when it is there already, or cannot be written.
    """
    if os.path.lexists(target):
        raise ReenactError(f"{target} exists", "choose another name with -o FILE, or remove it")
    folder = os.path.dirname(os.path.abspath(target))
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".packing-", delete=False) as file:
            try:
                _write_all(trace, file, on_progress)
                os.link(file.name, target)
            finally:
                os.unlink(file.name)
            return file.tell()
    except OSError as error:
        raise ReenactError(
            f"the pack {target} cannot be written: {error.strerror}",
            "choose another place with -o FILE",
        ) from error


def names(trace: str) -> Iterator[str]:
    """The files of a trace that a pack has, in the order in which it has them."""
    for name in FILES:
        if os.path.isfile(os.path.join(trace, name)):
            yield name
    for folder in FOLDERS:
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            found = (name for name in os.listdir(os.path.join(trace, folder)) if name.isdecimal())
            yield from (f"{folder}/{name}" for name in sorted(found, key=int))


def _write_all(trace: str, file: IO[bytes], on_progress: Callable[[int, int], None] | None) -> None:
    entries: list[tuple[int, int]] = []
    members: list[tuple[str, int, int]] = []
    packed = list(names(trace))
    total = sum(os.lstat(os.path.join(trace, name)).st_size for name in packed)

    done = 0

    def add(content: bytes) -> None:
        nonlocal done
        frame = _native.compress_frame(content, LEVEL)
        file.write(frame)
        entries.append((len(frame), len(content)))
        done += len(content)
        if on_progress is not None:
            on_progress(min(done, total), total)

    for name in packed:
        path = os.path.join(trace, name)
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as source:
            status = os.fstat(descriptor)
            members.append((name, status.st_size, len(entries)))
            for piece in _member(name, source, status):
                add(piece)
    add(bytes(2 * BLOCK))
    file.write(layout.tables(entries, members))


def _member(name: str, source: IO[bytes], status: os.stat_result) -> Iterator[bytes]:
    """A file as the archive has it, in pieces."""
    header = tarfile.TarInfo(name)
    header.size, header.mtime = status.st_size, int(status.st_mtime)
    header.mode = 0o600
    piece = header.tobuf(tarfile.GNU_FORMAT)
    left = status.st_size
    while left:
        content = source.read(min(PIECE - len(piece), left))
        if not content:
            raise ReenactError(f"{name} of the trace became shorter", "pack it when it is not used")
        left -= len(content)
        piece += content if left else content + bytes(-status.st_size % BLOCK)
        yield piece
        piece = b""
    if piece:
        yield piece
