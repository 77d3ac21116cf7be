"""Code objects of a recorded interpreter: what they are called, their lines, their variables."""

from __future__ import annotations

import bisect
import functools
from dataclasses import dataclass

from reenact.cpython.lines import Stretch, stretches
from reenact.cpython.objects import Objects
from reenact.cpython.reading import UnreadableError

#: `CO_OPTIMIZED`: variables are in the frame, not in a dict.
_OPTIMIZED = 1
#: Kinds of variables (3.11 on).
_CELL, _FREE = 0x40, 0x80
_MOST_CODE = 1 << 26
#: Fields that tell a code object from another one at the same address.
_TELLING = ("filename", "name", "line_table", "first_line", "constants")


@dataclass(frozen=True)
class Code:
    """A code object.

    Arguments:
        address: of it.
        file, function, qualified_name: what it belongs to; the last is the function's before 3.11.
        first_line: where its source begins.
        instructions: address of the first one.
        length: bytes of all of them.
        is_optimized: its variables are in the frame.
        variables: names in the order in which the frame has them, and whether each is in a cell.
        lines: which stretch of instructions belongs to which line.
        argument_count: how many of them are arguments.
        entry: offset of the last instruction before the function's own; below 0: there is none.
        unit: bytes by which a frame of 3.9 and 3.10 counts instructions; else 1.
    """

    address: int
    file: str
    function: str
    qualified_name: str
    first_line: int
    instructions: int
    length: int
    is_optimized: bool
    variables: tuple[tuple[str, bool], ...]
    lines: tuple[Stretch, ...]
    argument_count: int
    entry: int
    unit: int = 1

    def line_at(self, offset: int) -> int | None:
        """The line of the instruction at an offset; None: it has none."""
        if offset < 0:
            return self.first_line
        at = bisect.bisect_right(self._begins, offset) - 1
        begin, end, line = self.lines[at] if at >= 0 else (0, 0, None)
        return line if begin <= offset < end else None

    def begins_stretch(self, offset: int) -> bool:
        """Whether an instruction is the first of a stretch of its line."""
        return offset in self._begins

    @functools.cached_property
    def _begins(self) -> list[int]:
        return [begin for begin, _, _ in self.lines]

    @functools.cached_property
    def line_numbers(self) -> frozenset[int]:
        """All lines that have instructions."""
        return frozenset(line for _, _, line in self.lines if line is not None)


class KnownCode:
    """Code objects that have been taken apart, wherever the session was then.

    One that has gone may have another one in its place: what tells them apart is compared.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[int, bytes], Code] = {}

    def at(self, objects: Objects, address: int) -> Code:
        """The code object at an address. Errors: `UnreadableError`, `ValueError` for none."""
        layout = objects.layout
        places = [layout[f"code.{field}"] for field in _TELLING]
        begin = objects.memory.read(address, max(places) + 8)
        key = (address, b"".join(begin[place : place + 8] for place in places))
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = code_at(objects, address)
        return found


def code_at(objects: Objects, address: int) -> Code:
    """The code object at an address. Errors: `UnreadableError` for what is none."""
    if objects.kinds.of(address).base != "code":
        raise UnreadableError(f"there is no code object at {address:#x}")
    memory, layout = objects.memory, objects.layout

    def text(field: str) -> str:
        return objects.text(memory.word(address + layout[f"code.{field}"]))

    first = memory.int32(address + layout["code.first_line"])
    table = objects.octets(memory.word(address + layout["code.line_table"]))
    if layout.has_frame_objects:
        held = memory.word(address + layout["code.code_bytes"])
        length, instructions = objects.containers.length(held), held + layout["bytes.data"]
        variables = tuple(_old_variables(objects, address))
    else:
        length = 2 * objects.containers.length(address)
        instructions = address + layout["code.instructions"]
        variables = tuple(_variables(objects, address))
    if length > _MOST_CODE:
        raise UnreadableError("a code object has no such size")
    return Code(
        address,
        text("filename"),
        text("name"),
        text("name" if layout.has_frame_objects else "qualified_name"),
        first,
        instructions,
        length,
        bool(memory.int32(address + layout["code.flags"]) & _OPTIMIZED),
        variables,
        tuple(stretches(layout.version, table, first, length)),
        memory.int32(address + layout["code.argument_count"]),
        -1
        if layout.has_frame_objects
        else 2 * memory.int32(address + layout["code.first_traceable"]),
        2 if layout.version == (3, 10) else 1,
    )


def _names(objects: Objects, held: int) -> list[str]:
    return [objects.text(one) for one in objects.containers.items(held, "tuple")]


def _variables(objects: Objects, address: int) -> list[tuple[str, bool]]:
    memory, layout = objects.memory, objects.layout
    names = _names(objects, memory.word(address + layout["code.local_names"]))
    kinds = objects.octets(memory.word(address + layout["code.local_kinds"]))
    return [(name, bool(kind & (_CELL | _FREE))) for name, kind in zip(names, kinds)]


def _old_variables(objects: Objects, address: int) -> list[tuple[str, bool]]:
    memory, layout = objects.memory, objects.layout
    found: list[tuple[str, bool]] = []
    for field in ("local_names", "cell_names", "free_names"):
        held = memory.word(address + layout[f"code.{field}"])
        found += [(name, field != "local_names") for name in _names(objects, held)]
    return found
