"""What of a value has to be collected at a hit so that it can be written later, and how it is.

A plan is an agent expression that leaves the value, or its address, and collects on its way all
memory that writing the value reads. Writing it is what `reenact.symbols.rendering` does of any
value: its memory is what was collected.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass

from reenact.compiling.expressions import Compiled, bits_of, compiled
from reenact.compiling.instructions import (
    ADD,
    DUP,
    POP,
    Code,
    NotCompilableError,
    assembled,
    constant,
    reference,
)
from reenact.compiling.numbers import Number
from reenact.compiling.probing import Place, ProbedFrame
from reenact.errors import UsageError
from reenact.symbols.rendering import DEEPEST, MOST_ELEMENTS, render
from reenact.symbols.types import Type
from reenact.symbols.values import LONGEST_TEXT, Plain, Value

#: Most bytes of one piece of memory; `MOST_PIECE` of `crates/replayer/src/control/observed.rs`.
_MOST_BYTES = 16 << 10
_WORD = 8
_NUMBERS = ("base", "enumeration", "pointer")
_FLOATS = (4, 8)
_WHOLE = (1, 2, 4, 8)
#: Before each piece of memory: its address and length.
_PIECE = struct.Struct("<QI")
#: Values that are remembered as text: of most expressions there are few.
_MOST_REMEMBERED = 4096

#: A value as text, as Python's own, and whether it is true.
Written = tuple[str, Plain, bool]


class NotCollectedError(Exception):
    """Writing a value has read memory that was not collected: it is to be asked for."""


@dataclass(frozen=True)
class Plan:
    """How a value is collected, and written later.

    Arguments:
        code: the agent expression.
        write: makes of the value of the expression, and the pieces of memory that were collected,
            what it is written as. Errors: those of `reenact.symbols`, and `NotCollectedError`.
    """

    code: bytes
    write: Callable[[int, bytes], Written]


def plan(text: str, frame: ProbedFrame) -> Plan:
    """How the value of an expression is collected.

    Errors: `NotCompilableError` for what has to be asked for at each hit.
    """
    try:
        return _plan(compiled(text, frame))
    except UsageError as error:
        raise NotCompilableError(error.message) from None


def _plan(value: Compiled) -> Plan:
    if isinstance(value, Number):
        return Plan(assembled(value.code), _number_writer(is_signed=value.is_signed))
    kind = value.type
    if kind.kind in _NUMBERS and kind.size in (_FLOATS if kind.is_float else _WHOLE):
        # Pointers to text lead to it.
        code: Code = (*_content(value), *_text(kind))
        return Plan(assembled(code), _content_writer(kind))
    if not isinstance(value, Place) or value.bits is not None:
        raise NotCompilableError(f"a value of the type {kind} that is in no memory")
    if kind.kind not in ("base", "structure", "union", "array", "reference"):
        raise NotCompilableError(f"a value of the type {kind}")
    return Plan(assembled((*value.code, *_whole(kind, 0))), _remembering(_place_writer(kind)))


def _content(value: Compiled) -> Code:
    """The bytes of a number as a number, as many as its type has."""
    if isinstance(value, Number):
        return value.code
    if value.type.is_float:
        read = reference(value.type.size) if isinstance(value, Place) else ()
        return (*value.code, *read)
    code = bits_of(value)
    if isinstance(value, Place) and value.bits is not None and value.type.is_signed:
        return (*code, *(() if value.bits[1] == 8 * _WORD else (("ext", value.bits[1]),)))
    return code


# Code that finds the address of a value on the stack, and leaves it there.


def _whole(kind: Type, depth: int) -> Code:
    """Collect a value, and what writing it reads besides."""
    size, whole = _extent(kind), kind.size
    if size > _MOST_BYTES:
        raise NotCompilableError(f"{size} bytes of {kind}")
    code: Code = (*DUP, *constant(size), ("trace", 0))
    if size < whole:
        # What cannot be read to its end has no value.
        code = (*code, *_inside(whole - 1, reference(1)))
    return (*code, *_behind(kind, depth))


def _extent(kind: Type) -> int:
    """How much of it is written: of an array that is no text the first elements."""
    if kind.kind == "array" and not kind.target.is_character:
        return min(kind.counts[0] or 0, MOST_ELEMENTS) * kind.target.size
    return kind.size


def _behind(kind: Type, depth: int) -> Code:
    """Collect what pointers to text and references in a value lead to."""
    if depth > DEEPEST:
        return ()
    what = kind.kind
    if what == "pointer" and kind.target.is_character:
        return (*DUP, *reference(_WORD), *_text(kind), *POP)
    if what == "reference" and depth == 0:
        return (*DUP, *reference(_WORD), *_whole(kind.target, depth + 1), *POP)
    if what == "array" and not kind.target.is_character:
        inner, size = _behind(kind.target, depth + 1), kind.target.size
        count = min(kind.counts[0] or 0, MOST_ELEMENTS) if inner else 0
        return tuple(one for number in range(count) for one in _inside(number * size, inner))
    if what in ("structure", "union"):
        return _behind_members(kind, depth)
    return ()


def _behind_members(kind: Type, depth: int) -> Code:
    if kind.variants is not None:
        raise NotCompilableError("which variant a value has is known at the hit")
    code: Code = ()
    for member in kind.members:
        if member.offset is None:
            raise NotCompilableError("where a virtual base class is is known at the hit")
        inner = () if member.bits is not None else _behind(member.type, depth + 1)
        if inner:
            code = (*code, *_inside(member.offset, inner))
    return code


def _inside(offset: int, inner: Code) -> Code:
    """Do something with a part of the value."""
    return (*DUP, *constant(offset), *ADD, *inner, *POP)


def _text(kind: Type) -> Code:
    """Collect the text that a pointer leads to, which is on the stack in place of an address."""
    if kind.kind != "pointer" or not kind.target.is_character:
        return ()
    return (*DUP, *constant(LONGEST_TEXT), ("tracenz", 0))


# Writing what was collected.


def _number_writer(*, is_signed: bool) -> Callable[[int, bytes], Written]:
    """Of a number with a sign the code has extended that."""
    sign = 1 << 63 if is_signed else 0

    def write(value: int, _pieces: bytes) -> Written:
        number = value - 2 * (value & sign)
        return str(number), number, number != 0

    return write


def _content_writer(kind: Type) -> Callable[[int, bytes], Written]:
    """Of a value that is sent itself."""
    size = kind.size
    is_plain = not (kind.is_float or kind.is_boolean or kind.is_character or kind.wide_prefix)
    mask, sign = (1 << 8 * size) - 1, 1 << 8 * size - 1
    if kind.kind == "base" and is_plain:
        if not kind.is_signed:
            sign = 0

        def write_number(value: int, _pieces: bytes) -> Written:
            number = value & mask
            number -= 2 * (number & sign)
            return str(number), number, number != 0

        return write_number
    if kind.kind == "pointer" and not kind.target.is_character:
        return lambda value, _pieces: (f"{value & mask:#x}", value & mask, value & mask != 0)

    def write(value: int, pieces: bytes) -> Written:
        content = (value & mask).to_bytes(size, "little")
        return _written(Value(kind, CollectedMemory(pieces).read, None, content))

    return _remembering(write)


def _place_writer(kind: Type) -> Callable[[int, bytes], Written]:
    """Of a value whose address is sent, and what is there."""
    return lambda value, pieces: _written(Value(kind, CollectedMemory(pieces).read, value))


def _written(value: Value) -> Written:
    return render(value), value.plain(), bool(value)


def _remembering(write: Callable[[int, bytes], Written]) -> Callable[[int, bytes], Written]:
    """The same, which remembers what it has written: numbers and texts."""
    known: dict[tuple[int, bytes], Written] = {}

    def remembered(value: int, pieces: bytes) -> Written:
        key = (value, pieces)
        found = known.get(key)
        if found is None:
            found = write(value, pieces)
            # Lists and dictionaries may be changed by whoever gets them.
            if len(known) < _MOST_REMEMBERED and not isinstance(found[1], (list, dict)):
                known[key] = found
        return found

    return remembered


class CollectedMemory:
    """Memory as it was collected.

    Arguments:
        pieces: each with its address and length.

    Errors: `NotCollectedError` where one is cut.
    """

    def __init__(self, pieces: bytes) -> None:
        self._pieces: list[tuple[int, bytes]] = []
        at = 0
        while at < len(pieces):
            if len(pieces) - at < _PIECE.size:
                raise NotCollectedError("a piece that is cut")
            address, length = _PIECE.unpack_from(pieces, at)
            at += _PIECE.size
            self._pieces.append((address, pieces[at : at + length]))
            at += length
        self._longest = dict(sorted(self._pieces, key=lambda piece: len(piece[1])))

    def read(self, address: int, length: int) -> bytes:
        """As `Value` reads: a text is read up to where it ends, or can be read."""
        for start, content in self._pieces:
            if start <= address and address + length <= start + len(content):
                return content[address - start : address - start + length]
        text = self._longest.get(address)
        if text is None or length != LONGEST_TEXT:
            raise NotCollectedError(f"{length} bytes at {address:#x}")
        return text
