"""Which line an instruction of a code object belongs to. Pure: the three forms that tables have.

Sources: `Objects/lnotab_notes.txt` (3.9, 3.10), `Objects/locations.md` and PEP 626 (3.11 on).
"""

from __future__ import annotations

from collections.abc import Iterator

#: A stretch of instructions, bytes from its beginning, and its line; None: it has none.
Stretch = tuple[int, int, "int | None"]

_NO_LINE, _NO_COLUMNS, _LONG = 15, 13, 14
_ONE_LINE = range(10, 13)


def stretches(version: tuple[int, int], table: bytes, first: int, length: int) -> list[Stretch]:
    """All stretches of instructions, in order.

    Arguments:
        version: the release series.
        table: `co_lnotab` or `co_linetable`.
        first: `co_firstlineno`.
        length: bytes of all instructions; only 3.9 needs it.
    """
    if version < (3, 10):
        return list(_from_pairs(table, first, length))
    if version < (3, 11):
        return list(_from_ranges(table, first))
    return list(_from_locations(table, first))


def _from_pairs(table: bytes, first: int, length: int) -> Iterator[Stretch]:
    begin = at = 0
    line = first
    for bytes_on, lines_on in zip(table[::2], table[1::2]):
        if bytes_on:
            at += bytes_on
        if bytes_on and at > begin and lines_on:
            yield begin, at, line
            begin = at
        line += lines_on - 256 if lines_on >= 128 else lines_on
    yield begin, max(length, at), line


def _from_ranges(table: bytes, first: int) -> Iterator[Stretch]:
    at, line = 0, first
    for bytes_on, lines_on in zip(table[::2], table[1::2]):
        is_none = lines_on == 128
        if not is_none:
            line += lines_on - 256 if lines_on > 128 else lines_on
        if bytes_on:
            yield at, at + bytes_on, None if is_none else line
        at += bytes_on


def _from_locations(table: bytes, first: int) -> Iterator[Stretch]:
    offset, line, at = 0, first, 0
    while at < len(table):
        kind, size = table[at] >> 3 & 15, 2 * ((table[at] & 7) + 1)
        if kind in (_NO_COLUMNS, _LONG):
            line += _signed(table, at + 1)
        elif kind in _ONE_LINE:
            line += kind - 10
        yield offset, offset + size, None if kind == _NO_LINE else line
        offset += size
        at += 1
        while at < len(table) and not table[at] & 128:
            at += 1


def _signed(table: bytes, at: int) -> int:
    value = shift = 0
    while at < len(table):
        value |= (table[at] & 63) << shift
        shift += 6
        if not table[at] & 64:
            break
        at += 1
    return -(value >> 1) if value & 1 else value >> 1
