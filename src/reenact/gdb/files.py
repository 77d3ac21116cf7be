"""The recorded machine's files, as far as the trace kept them (`vFile` packets).

Source: "File-I/O Remote Protocol Extension" and "Host I/O Packets" in gdb's manual.
"""

from __future__ import annotations

import functools
import os
import struct

from reenact.gdb.packets import escaped
from reenact.gdb.process_files import ProcessFiles
from reenact.gdb.recorded_names import soname
from reenact.printable import printable
from reenact.symbols.files import ModuleFiles

_NOT_FOUND = 2
_BAD_DESCRIPTOR = 9
#: `struct stat` of the protocol: big-endian.
_STAT = struct.Struct(">7I3Q3I")
_REGULAR = 0o100444
#: Whatever the arguments: one machine's files, which cannot be changed (EROFS).
_CONSTANT = {"setfs": b"F0", "pwrite": b"F-1,1e", "unlink": b"F-1,1e"}


class TraceFiles:
    """Answers `vFile` requests.

    Arguments:
        files: the files of the trace.
        numbers: all their numbers.
        process_files: those of `/proc`.
    """

    def __init__(self, files: ModuleFiles, numbers: list[int], process_files: ProcessFiles) -> None:
        self._process_files = process_files
        self._files = files
        self._numbers = numbers
        self._open: dict[int, int | bytes] = {}

    @functools.cached_property
    def _names(self) -> tuple[dict[str, int], dict[str, int]]:
        """Numbers of files by their paths, and by names that only one of them has.

        Libraries and their loader are asked for by links to them: by the last part of the path and
        by DT_SONAME. All files are opened for that, which a client that has them from elsewhere
        does not need.
        """
        by_path: dict[str, int] = {}
        names: dict[str, set[int]] = {}
        for number in self._numbers:
            kept = self._files.open(number)
            if kept is None:
                continue
            path = _usual(self._files.path(number))
            by_path[path] = number
            for name in {os.path.basename(path), soname(kept)} - {None}:
                names.setdefault(str(name), set()).add(number)
            os.close(kept)
        # A client hears of a path with control characters as it can be shown, and asks for that.
        for path, number in list(by_path.items()):
            by_path.setdefault(printable(path), number)
        return by_path, {name: found.pop() for name, found in names.items() if len(found) == 1}

    def answer(self, request: str, arguments: list[str]) -> bytes | None:
        """The answer to `vFile:request:arguments`; None: not known."""
        if request == "open":
            return self._opened(_text(arguments[0]))
        if request == "readlink":
            return self._link(_text(arguments[0]))
        if request == "pread":
            return self._read(*(int(argument, 16) for argument in arguments[:3]))
        if request in ("fstat", "close"):
            number = int(arguments[0], 16)
            return self._status(number) if request == "fstat" else self._close(number)
        return _CONSTANT.get(request)

    def close(self) -> None:
        """Close what a client left open."""
        for number in list(self._open):
            self._close(number)

    def _opened(self, path: str) -> bytes:
        opened: int | bytes | None = self._process_files.content(path)
        if opened is None:
            by_path, by_name = self._names
            kept = by_path.get(_usual(path), by_name.get(os.path.basename(path)))
            opened = None if kept is None else self._files.open(kept)
            if opened is None:
                return _failed(_NOT_FOUND)
        number = next(n for n in range(1, len(self._open) + 2) if n not in self._open)
        self._open[number] = opened
        return b"F%x" % number

    def _read(self, number: int, count: int, offset: int) -> bytes:
        opened = self._open.get(number)
        if opened is None:
            return _failed(_BAD_DESCRIPTOR)
        count = min(count, 0x8000)
        if isinstance(opened, bytes):
            content = opened[offset : offset + count]
        else:
            content = os.pread(opened, count, offset)
        return b"F%x;" % len(content) + escaped(content)

    def _link(self, path: str) -> bytes:
        found = self._process_files.link(path)
        return _failed(_NOT_FOUND) if found is None else b"F%x;" % len(found) + escaped(found)

    def _status(self, number: int) -> bytes:
        opened = self._open.get(number)
        if opened is None:
            return _failed(_BAD_DESCRIPTOR)
        size = len(opened) if isinstance(opened, bytes) else os.fstat(opened).st_size
        content = _STAT.pack(0, number, _REGULAR, 1, 0, 0, 0, size, 4096, -(-size // 512), 0, 0, 0)
        return b"F%x;" % len(content) + escaped(content)

    def _close(self, number: int) -> bytes:
        opened = self._open.pop(number, None)
        if opened is None:
            return _failed(_BAD_DESCRIPTOR)
        if isinstance(opened, int):
            os.close(opened)
        return b"F0"


def _usual(path: str) -> str:
    """A path without the difference between /lib and /usr/lib, which often are the same."""
    path = os.path.normpath("/" + path)
    path = "/" + path.lstrip("/")
    return path.removeprefix("/usr") if path.startswith(("/usr/lib", "/usr/bin")) else path


def _text(hexadecimal: str) -> str:
    return bytes.fromhex(hexadecimal).decode("utf-8", "surrogateescape")


def _failed(error: int) -> bytes:
    return b"F-1,%x" % error
