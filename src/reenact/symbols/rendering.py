"""Values as text, as C would write them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from reenact.errors import UsageError
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

    def variant(self) -> Member | None:
        """Of a type with variants the one it is."""

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
    if kind == "other":
        reason = f"a value of the type {value.type} is not followed here"
        if depth == 0:
            raise UsageError(reason, "such as a pointer to a member; gdb shows it")
        return f"<{reason}>"
    if kind in ("void", "function"):
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
    return "{" + ", ".join(_parts(value, depth, set())) + "}"


def _parts(value: Renderable, depth: int, shown: set[str]) -> Iterator[str]:
    """Members as text; of a virtual base class, which several classes share, the first only."""
    for member in value.type.members:
        label = _label(member)
        if member.is_base_class:
            if member.offset is None:
                if str(member.type) in shown:
                    continue
                shown.add(str(member.type))
            if depth < DEEPEST and member.type.kind == "structure":
                inner = ", ".join(_parts(value.part(member), depth + 1, shown))
                yield f"{label} = {{{inner}}}"
                continue
        yield (f"{label} = " if label else "") + render(value.part(member), depth + 1)
    if value.type.variants is not None:
        variant = value.variant()
        if variant is None:
            yield "<no variant that is known>"
        else:
            yield f"{variant.name} = {render(value.part(variant), depth + 1)}"


def _label(member: Member) -> str | None:
    return f"<{member.type.actual}>" if member.is_base_class else member.name


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
