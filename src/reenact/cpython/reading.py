"""Words, strings and pages of a program's memory as it is at one place; each page is read once."""

from __future__ import annotations

import struct
from collections.abc import Callable

_PAGE = 1 << 12
#: One past the last address there can be.
_ADDRESSES = 1 << 64


class UnreadableError(Exception):
    """Memory that should be an interpreter's is not there, or is none of its."""


class Reading:
    """Memory at one place.

    Arguments:
        read: gives the bytes from an address on, fewer where some cannot be read.
    """

    def __init__(self, read: Callable[[int, int], bytes]) -> None:
        self._read = read
        self._pages: dict[int, bytes] = {}

    def read(self, address: int, length: int) -> bytes:
        """So many bytes. Errors: `UnreadableError`."""
        if address < 0 or length < 0 or address + length > _ADDRESSES:
            raise UnreadableError(f"there is no memory at {address:#x}")
        if length > _PAGE:
            found = self._read(address, length)
        else:
            first, last = address // _PAGE, (address + max(length, 1) - 1) // _PAGE
            found = b"".join(self._page(number) for number in range(first, last + 1))
            found = found[address - first * _PAGE :][:length]
        if len(found) < length:
            raise UnreadableError(f"the program has no memory at {address:#x}")
        return found

    def _page(self, number: int) -> bytes:
        page = self._pages.get(number)
        if page is None:
            page = self._pages[number] = self._read(number * _PAGE, _PAGE)
        return page

    def word(self, address: int) -> int:
        """A pointer or `Py_ssize_t` without a sign."""
        return int(struct.unpack("<Q", self.read(address, 8))[0])

    def signed(self, address: int) -> int:
        """A `Py_ssize_t`."""
        return int(struct.unpack("<q", self.read(address, 8))[0])

    def int32(self, address: int) -> int:
        """An `int`."""
        return int(struct.unpack("<i", self.read(address, 4))[0])

    def byte(self, address: int) -> int:
        """A byte."""
        return self.read(address, 1)[0]

    def words(self, address: int, count: int) -> tuple[int, ...]:
        """An array of pointers."""
        return struct.unpack(f"<{count}Q", self.read(address, 8 * count))

    def c_string(self, address: int, most: int = 256) -> str:
        """Text up to a zero byte."""
        found = b""
        while len(found) < most:
            part = self.read(address + len(found), min(32, 4096 - (address + len(found)) % 4096))
            found += part
            if 0 in part:
                break
        return found.split(b"\0")[0][:most].decode("utf-8", "replace")
