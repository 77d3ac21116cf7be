"""Values as text, as C would write them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

from reenact.errors import UsageError
from reenact.symbols.enumerations import enumeration_text
from reenact.symbols.floats import Exact
from reenact.symbols.floats import text as float_text
from reenact.symbols.types import Member, Type

#: Elements of an array, characters of a text that are shown.
MOST_ELEMENTS = 200
#: Levels of structures, and values in all, that are shown.
DEEPEST = 20
_MOST_VALUES = 20_000
_ESCAPES = {7: "\\a", 8: "\\b", 9: "\\t", 10: "\\n", 11: "\\v", 12: "\\f", 13: "\\r"}


class Renderable(Protocol):
    """What can be written as text: `reenact.symbols.values.Value`, where the members are told."""

    type: Type
    address: int | None

    def __int__(self) -> int: ...

    @property
    def exact(self) -> Exact:
        """A floating-point number."""

    @property
    def parts_of_complex(self) -> tuple[Exact, Exact]:
        """The two parts of a complex number."""

    @property
    def missing(self) -> str | None:
        """What has become of a part of it that is nowhere."""

    @property
    def content(self) -> bytes:
        """Its bytes."""

    def text_bytes(self) -> bytes | None:
        """The text in an array or behind a pointer."""

    def wide_text(self) -> list[int] | None:
        """Codes of the characters of a text of wide ones."""

    def part(self, member: Member) -> Renderable:
        """The value of a member."""

    def variant(self) -> Member | None:
        """Of a type with variants the one it is."""

    def index(self, number: int) -> Renderable:
        """An element."""

    def dereference(self) -> Renderable:
        """What a pointer or reference leads to."""


def render(value: Renderable) -> str:
    """A value as C would write it.

    Errors: `UsageError` where it cannot be read, or is of a kind that is not followed.
    """
    return _Text().of(value)


class _Text:
    """Writes one value; damaged memory may want endlessly many."""

    def __init__(self) -> None:
        self._left = _MOST_VALUES

    def of(self, value: Renderable, depth: int = 0) -> str:
        """`depth`: how many structures and arrays are around it."""
        self._left -= 1
        if depth > DEEPEST or self._left < 0:
            return "{…}"
        kind = value.type.kind
        if kind in ("structure", "union"):
            parts = "{" + ", ".join(self._parts(value, depth, set())) + "}"
            return "<incomplete type>" if value.type.is_incomplete else parts
        if kind == "array":
            return self._array(value, depth)
        if value.missing is not None and depth > 0:
            return f"<{value.missing}>"
        if kind == "reference":
            return self._reference(value, depth)
        return self._scalar(value, depth)

    @staticmethod
    def _scalar(value: Renderable, depth: int) -> str:
        try:
            return _scalar(value)
        except UsageError as error:
            if depth == 0:
                raise
            return f"<{error.message}>"

    def _parts(self, value: Renderable, depth: int, shown: set[str]) -> Iterator[str]:
        """Members as text; of a virtual base class, which several share, the first only."""
        for member in value.type.members:
            label = f"<{member.type.actual}>" if member.is_base_class else member.name
            if member.is_base_class:
                if member.offset is None:
                    if str(member.type) in shown:
                        continue
                    shown.add(str(member.type))
                base = self._base_class(value, member)
                if base is None:
                    yield f"{label} = <invalid address>"
                    continue
                if depth < DEEPEST and member.type.kind == "structure":
                    inner = ", ".join(self._parts(base, depth + 1, shown))
                    yield f"{label} = {{{inner}}}"
                    continue
            yield (f"{label} = " if label else "") + self.of(value.part(member), depth + 1)
        if value.type.variants is not None:
            variant = value.variant()
            if variant is None:
                yield "<no variant that is known>"
            else:
                yield f"{variant.name} = {self.of(value.part(variant), depth + 1)}"

    @staticmethod
    def _base_class(value: Renderable, member: Member) -> Renderable | None:
        """None: it cannot be told where it is, as the object is not made yet."""
        try:
            return value.part(member)
        except UsageError:
            if member.offset is not None:
                raise
            return None

    def _array(self, value: Renderable, depth: int) -> str:
        if value.type.counts[0] is None:
            # Nothing says how many there are.
            place = "" if value.address is None else f"{value.address:#x} "
            return f"{place}<of unknown length>"
        text = None if value.missing is not None else _text_of(value)
        if text is not None:
            return text
        count = value.type.counts[0] or 0
        shown = []
        for number in range(min(count, MOST_ELEMENTS)):
            shown.append(self.of(value.index(number), depth + 1))
            if self._left < 0:
                break
        return "{" + ", ".join(shown + ["…"] * (count > MOST_ELEMENTS)) + "}"

    def _reference(self, value: Renderable, depth: int) -> str:
        """What it refers to; inside of something else where that is, as it may lead in circles."""
        return self.of(value.dereference()) if depth == 0 else f"@{int(value):#x}"


def _scalar(value: Renderable) -> str:
    """What has no parts."""
    writer = _WRITERS.get(value.type.kind)
    if writer is None:
        raise UsageError(
            f"a value of the type {value.type} is not followed here", "gdb may show it"
        )
    return writer(value)


def _pointer(value: Renderable) -> str:
    text = _text_of(value)
    return f"{int(value):#x}" + ("" if text is None else f" {text}")


def _base(value: Renderable) -> str:
    kind = value.type
    if kind.is_float:
        return float_text(value.exact, kind.float_format)
    if kind.is_complex:
        real, imaginary = (float_text(one, kind.float_format) for one in value.parts_of_complex)
        return f"{real} + {imaginary}i"
    number = int(value)
    if kind.flags:
        set_ = [name for bit, name in kind.flags.items() if number >> bit & 1]
        return " ".join(["[", *set_, "]"])
    if kind.is_boolean and number in (0, 1):
        return "true" if number else "false"
    if kind.wide_prefix:
        return f"{number} {kind.wide_prefix}'{_code_point(number)}'"
    return f"{number} {_character(number)}" if kind.is_character else str(number)


def _text_of(value: Renderable) -> str | None:
    """A text in quotes; None: it is none."""
    text = value.text_bytes()
    if text is not None:
        return quoted(text)
    codes = value.wide_text()
    if codes is None:
        return None
    prefix = value.type.target.wide_prefix
    letters = "".join(map(_code_point, codes[:MOST_ELEMENTS]))
    return f'{prefix}"{letters}"' + "..." * (len(codes) > MOST_ELEMENTS)


def _code_point(code: int) -> str:
    if 0 <= code < 0x110000 and not 0xD800 <= code < 0xE000:
        return "\\" + chr(code) if chr(code) in '\\"' else _printed(chr(code))
    return f"\\{code:o}"


def _member_pointer(value: Renderable) -> str:
    """`&class::member`, where that is known."""
    word = int.from_bytes(value.content[:8], "little")
    holder = value.type.actual.holder
    if value.type.actual.target.kind != "function":
        # Itanium C++ ABI 2.3: an offset; -1 for none.
        if word == (1 << 64) - 1:
            return "NULL"
        return _member_at(holder, word) or str(word)
    if word == 0:
        return "NULL"
    moved = int.from_bytes(value.content[8:16], "little", signed=True)
    behind = f", this adjustment {moved}" if moved else ""
    if not word & 1:
        return f"{word:#x}{behind}"
    # One more than the offset in the table of virtual functions.
    place = (word - 1) // 8
    for kind in (holder, *(base.type for base in holder.members if base.is_base_class)):
        actual = kind.actual
        if actual.entry is not None:
            name = actual.module.virtual_function(actual.entry, place)
            if name is not None:
                return f"&virtual {name}{behind}"
    return f"&virtual table offset {word - 1}{behind}"


def _member_at(holder: Type, offset: int) -> str | None:
    for member in holder.members:
        if member.offset is None or member.bits is not None:
            continue
        if member.is_base_class:
            inner = offset - member.offset
            if 0 <= inner < member.type.size:
                found = _member_at(member.type, inner)
                if found is not None:
                    return found
        elif member.offset == offset and member.name is not None:
            return f"&{holder}::{member.name}"
    return None


_WRITERS: dict[str, Callable[[Renderable], str]] = {
    "pointer": _pointer,
    "base": _base,
    "enumeration": lambda value: enumeration_text(value.type, int(value)),
    "function": lambda value: f"{{{value.type}}} {int(value):#x}",
    "member pointer": _member_pointer,
    "void": lambda _value: "void",
}


def quoted(text: bytes) -> str:
    """A text as C writes it: what cannot be printed by its number."""
    shown = text[:MOST_ELEMENTS]
    found = []
    for letter in shown.decode("utf-8", "surrogateescape"):
        code = ord(letter)
        if letter in '\\"':
            found.append(f"\\{letter}")
        elif 0xDC80 <= code <= 0xDCFF:
            found.append(f"\\{code - 0xDC00:03o}")
        else:
            found.append(_printed(letter))
    return '"' + "".join(found) + '"' + "..." * (len(text) > MOST_ELEMENTS)


def _printed(letter: str) -> str:
    code = ord(letter)
    if code in _ESCAPES:
        return _ESCAPES[code]
    if letter.isprintable():
        return letter
    return "".join(f"\\{byte:03o}" for byte in letter.encode())


def _character(number: int) -> str:
    """A character behind its number."""
    code = number & 0xFF
    if code in (0x27, 0x5C):
        return f"'\\{chr(code)}'"
    return f"'{_printed(chr(code))}'" if code < 0x80 else f"'\\{code:03o}'"
