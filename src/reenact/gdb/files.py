"""The recorded machine's files, as far as the trace kept them (`vFile` packets).

Source: "File-I/O Remote Protocol Extension" and "Host I/O Packets" in gdb's manual.
"""

from __future__ import annotations

import os
import struct

from reenact.gdb.packets import escaped
from reenact.symbols.files import ModuleFiles

_NOT_FOUND = 2
_BAD_DESCRIPTOR = 9
_NOT_SUPPORTED = 38
#: `struct stat` of the protocol: big-endian.
_STAT = struct.Struct(">7I3Q3I")
_REGULAR = 0o100444


class TraceFiles:
    """Answers `vFile` requests.

    Arguments:
        files: the files of the trace.
        numbers: all their numbers.
    """

    def __init__(self, files: ModuleFiles, numbers: list[int]) -> None:
        self._by_path: dict[str, str] = {}
        for number in numbers:
            kept = files.kept(number)
            if kept is not None and os.path.exists(kept):
                self._by_path[_usual(files.path(number))] = kept
        # The loader is asked for by a name that is a link to it: a name that only one file has.
        names = [os.path.basename(path) for path in self._by_path]
        self._by_name = {
            os.path.basename(path): kept
            for path, kept in self._by_path.items()
            if names.count(os.path.basename(path)) == 1
        }
        self._open: dict[int, int] = {}

    def answer(self, request: str, arguments: list[str]) -> bytes | None:
        """The answer to `vFile:request:arguments`; None: not known."""
        if request == "setfs":
            return b"F0"
        if request == "open":
            return self._opened(_text(arguments[0]))
        if request == "pread":
            return self._read(*(int(argument, 16) for argument in arguments[:3]))
        if request == "fstat":
            return self._status(int(arguments[0], 16))
        if request == "close":
            return self._close(int(arguments[0], 16))
        return _failed(_NOT_SUPPORTED) if request in ("pwrite", "unlink", "readlink") else None

    def close(self) -> None:
        """Close what a client left open."""
        for descriptor in self._open.values():
            os.close(descriptor)
        self._open.clear()

    def _opened(self, path: str) -> bytes:
        kept = self._by_path.get(_usual(path)) or self._by_name.get(os.path.basename(path))
        if kept is None:
            return _failed(_NOT_FOUND)
        number = next(n for n in range(1, len(self._open) + 2) if n not in self._open)
        self._open[number] = os.open(kept, os.O_RDONLY | os.O_CLOEXEC)
        return b"F%x" % number

    def _read(self, number: int, count: int, offset: int) -> bytes:
        if number not in self._open:
            return _failed(_BAD_DESCRIPTOR)
        content = os.pread(self._open[number], min(count, 0x8000), offset)
        return b"F%x;" % len(content) + escaped(content)

    def _status(self, number: int) -> bytes:
        if number not in self._open:
            return _failed(_BAD_DESCRIPTOR)
        size = os.fstat(self._open[number]).st_size
        content = _STAT.pack(0, number, _REGULAR, 1, 0, 0, 0, size, 4096, -(-size // 512), 0, 0, 0)
        return b"F%x;" % len(content) + escaped(content)

    def _close(self, number: int) -> bytes:
        if number not in self._open:
            return _failed(_BAD_DESCRIPTOR)
        os.close(self._open.pop(number))
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
