"""What the dynamic linker has loaded, as it tells debuggers.

Source: `struct r_debug` and `struct link_map` in the GNU C library's elf/link.h.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from reenact.symbols.frames import Read
from reenact.symbols.space import AddressSpace

#: Version, first `link_map`, address of a function, state, base of the linker, next namespace.
_DEBUG = struct.Struct("<5Q")
_NEXT_NAMESPACE = struct.Struct("<Q")
_VERSION_WITH_NAMESPACES = 2
#: Bias, name, dynamic section, next.
_LINK_MAP = struct.Struct("<4Q")
#: More than a program has; memory can say what it wants.
_MOST_MODULES, _MOST_NAMESPACES, _LONGEST_NAME = 10_000, 16, 4096


@dataclass(frozen=True)
class LinkMap:
    """A module.

    Arguments:
        address: of the structure in the program's memory.
        bias: address in memory less address in the file.
        name: address of its path.
        dynamic: address of its dynamic section.
        namespace: address of the list it is in.
        is_first: of its list: the program itself, in the namespace of the program.
    """

    address: int
    bias: int
    name: int
    dynamic: int
    namespace: int
    is_first: bool


def link_maps(space: AddressSpace, read: Read) -> Iterator[LinkMap]:
    """All of them, those of the program's own namespace first."""
    for address, _ in space.variables("_r_debug"):
        namespace: int | None = address
        for _ in range(_MOST_NAMESPACES):
            head = read(namespace, _DEBUG.size) if namespace else b""
            if len(head) < _DEBUG.size or not namespace:
                break
            version, first, *_ = _DEBUG.unpack(head)
            yield from _of_namespace(first, namespace, read)
            has_more = version & 0xFFFF_FFFF >= _VERSION_WITH_NAMESPACES
            following = read(namespace + _DEBUG.size, _NEXT_NAMESPACE.size) if has_more else b""
            namespace = int.from_bytes(following, "little")


def path_of(link_map: LinkMap, read: Read) -> bytes:
    """The path the dynamic linker has opened; empty for the program."""
    return read(link_map.name, _LONGEST_NAME).partition(b"\0")[0] if link_map.name else b""


def _of_namespace(first: int, namespace: int, read: Read) -> Iterator[LinkMap]:
    at = first
    for _ in range(_MOST_MODULES):
        content = read(at, _LINK_MAP.size) if at else b""
        if len(content) < _LINK_MAP.size:
            return
        bias, name, dynamic, following = _LINK_MAP.unpack(content)
        yield LinkMap(at, bias, name, dynamic, namespace, is_first=at == first)
        at = following
