"""Values of enumerations as text: a name, or names of bits."""

from __future__ import annotations

from reenact.symbols.types import Type


def enumeration_text(kind: Type, number: int) -> str:
    """The name of a value; of one that has none, the names of its bits, where they are flags."""
    name = kind.enumerator(number)
    if name is not None:
        return name
    flags = [(name, value) for name, value in kind.enumerators if value]
    if not _are_flags(kind.enumerators):
        return str(number)
    found = []
    for name, value in flags:
        if number & value:
            found.append(name)
            number &= ~value
    if not found:
        return f"(unknown: {number:#x})" if number else "0"
    return "(" + " | ".join(found + [f"unknown: {number:#x}"] * bool(number)) + ")"


def _are_flags(enumerators: list[tuple[str, int]]) -> bool:
    """Whether each is a bit, or some bits in a row, as debuggers take it."""
    return all(value >= 0 and _is_one_run(value) for _, value in enumerators)


def _is_one_run(value: int) -> bool:
    if value == 0:
        return True
    shifted = value // (value & -value)
    return shifted & (shifted + 1) == 0
