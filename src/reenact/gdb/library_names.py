"""The name by which programs ask for a shared library: DT_SONAME of its ELF file.

A library is often asked for by a link (`libstdc++.so.6`), while the trace has the file itself
(`libstdc++.so.6.0.30`). Source: System V ABI, chapters 4 and 5.
"""

from __future__ import annotations

import contextlib
import os
import struct

_MAGIC = b"\x7fELF\x02\x01"
_PROGRAM_HEADER = struct.Struct("<2I6Q")
_DYNAMIC = struct.Struct("<qQ")
_PT_LOAD, _PT_DYNAMIC = 1, 2
_DT_STRTAB, _DT_SONAME = 5, 14
#: More than any library has; a file can say what it wants.
_MOST_HEADERS, _MOST_DYNAMIC, _LONGEST_NAME = 256, 1 << 16, 256


def soname(path: str) -> str | None:
    """The name in a file; None where there is none, or where it is no ELF file as it should be."""
    with contextlib.suppress(OSError, struct.error, ValueError, OverflowError):
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            return _soname(descriptor)
        finally:
            os.close(descriptor)
    return None


def _soname(descriptor: int) -> str | None:
    head = os.pread(descriptor, 64, 0)
    if not head.startswith(_MAGIC):
        return None
    (table,) = struct.unpack_from("<Q", head, 32)
    size, count = struct.unpack_from("<2H", head, 54)
    if size != _PROGRAM_HEADER.size or count > _MOST_HEADERS:
        return None
    headers = list(_PROGRAM_HEADER.iter_unpack(os.pread(descriptor, size * count, table)))
    dynamic = next((found for found in headers if found[0] == _PT_DYNAMIC), None)
    if dynamic is None:
        return None
    length = min(dynamic[5], _MOST_DYNAMIC) // _DYNAMIC.size * _DYNAMIC.size
    entries = dict(_DYNAMIC.iter_unpack(os.pread(descriptor, length, dynamic[2])))
    if _DT_SONAME not in entries or _DT_STRTAB not in entries:
        return None
    address = entries[_DT_STRTAB] + entries[_DT_SONAME]
    for kind, _, offset, start, _, size_in_file, *_ in headers:
        if kind == _PT_LOAD and start <= address < start + size_in_file:
            name = os.pread(descriptor, _LONGEST_NAME, offset + address - start)
            return name.partition(b"\0")[0].decode("utf-8", "surrogateescape")
    return None
