"""Values as text, as C would write them."""

from __future__ import annotations

from reenact.symbols.values import DEEPEST, MOST_ELEMENTS, Value


def render(value: Value, depth: int = 0) -> str:
    """A value as C would write it; `depth`: how many structures and arrays are around it."""
    if depth > DEEPEST:
        return "{…}"
    kind = value.type.kind
    if kind in _COMPOUND:
        return _COMPOUND[kind](value, depth)
    if kind in ("void", "function", "other"):
        return str(value.type)
    return repr(float(value)) if value.type.is_float else _number(value, kind)


def _number(value: Value, kind: str) -> str:
    number = int(value)
    if kind == "enumeration":
        return value.type.enumerator(number) or str(number)
    if value.type.is_boolean:
        return "true" if number else "false"
    if value.type.is_character and 32 <= number < 127:
        return f"{number} '{chr(number)}'"
    return str(number)


def _structure(value: Value, depth: int) -> str:
    parts = [
        (f"{member.name} = " if member.name else "") + render(value.part(member), depth + 1)
        for member in value.type.members
    ]
    return "{" + ", ".join(parts) + "}"


def _array(value: Value, depth: int) -> str:
    text = value.text()
    if text is not None:
        return _quoted(text)
    count = value.type.counts[0] or 0
    shown = [render(value.index(n), depth + 1) for n in range(min(count, MOST_ELEMENTS))]
    return "{" + ", ".join(shown + ["…"] * (count > MOST_ELEMENTS)) + "}"


def _pointer(value: Value, _depth: int) -> str:
    text = value.text()
    return f"{int(value):#x}" + ("" if text is None else f" {_quoted(text)}")


def _reference(value: Value, depth: int) -> str:
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
