"""Values as text, as C would write them."""

from __future__ import annotations

from typing import Protocol

from reenact.symbols.types import Member, Type

#: Elements of an array, levels of structures that are shown.
MOST_ELEMENTS = 200
DEEPEST = 4


class Renderable(Protocol):
    """What can be written as text: `reenact.symbols.values.Value`, where the members are told."""

    type: Type

    def __int__(self) -> int: ...

    def __float__(self) -> float: ...

    def text(self) -> str | None:
        """The text in an array or behind a pointer."""

    def part(self, member: Member) -> Renderable:
        """The value of a member."""

    def index(self, number: int) -> Renderable:
        """An element."""

    def dereference(self) -> Renderable:
        """What a pointer or reference leads to."""


def render(value: Renderable, depth: int = 0) -> str:
    """A value as C would write it; `depth`: how many structures and arrays are around it."""
    if depth > DEEPEST:
        return "{…}"
    kind = value.type.kind
    if kind in _COMPOUND:
        return _COMPOUND[kind](value, depth)
    if kind in ("void", "function", "other"):
        return str(value.type)
    return repr(float(value)) if value.type.is_float else _number(value, kind)


def _number(value: Renderable, kind: str) -> str:
    number = int(value)
    if kind == "enumeration":
        return value.type.enumerator(number) or str(number)
    if value.type.is_boolean:
        return "true" if number else "false"
    if value.type.is_character and 32 <= number < 127:
        return f"{number} '{chr(number)}'"
    return str(number)


def _structure(value: Renderable, depth: int) -> str:
    parts = [
        (f"{member.name} = " if member.name else "") + render(value.part(member), depth + 1)
        for member in value.type.members
    ]
    return "{" + ", ".join(parts) + "}"


def _array(value: Renderable, depth: int) -> str:
    text = value.text()
    if text is not None:
        return _quoted(text)
    count = value.type.counts[0] or 0
    shown = [render(value.index(n), depth + 1) for n in range(min(count, MOST_ELEMENTS))]
    return "{" + ", ".join(shown + ["…"] * (count > MOST_ELEMENTS)) + "}"


def _pointer(value: Renderable, _depth: int) -> str:
    text = value.text()
    return f"{int(value):#x}" + ("" if text is None else f" {_quoted(text)}")


def _reference(value: Renderable, depth: int) -> str:
    return render(value.dereference(), depth + 1)


_COMPOUND = {
    "structure": _structure,
    "union": _structure,
    "array": _array,
    "pointer": _pointer,
    "reference": _reference,
}


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
