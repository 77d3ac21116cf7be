"""Types as C writes them: `int (*)(char, long)`, `char *[3]`, `const node *`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from reenact import _native

#: Types in types that are written: damaged descriptions may form a circle.
_DEEPEST = 24


class Spellable(Protocol):
    """A type: `reenact.symbols.types.Type`, where its parts are told."""

    @property
    def description(self) -> _native.Type | None:
        """What the debug information says of it; None: void."""

    @property
    def name(self) -> str | None:
        """Its name, with what is around it."""

    @property
    def directly(self) -> Spellable:
        """What it refers to."""

    @property
    def holder(self) -> Spellable:
        """The class that has the member."""

    @property
    def element_type(self) -> Spellable:
        """What an array consists of."""

    @property
    def counts(self) -> list[int | None]:
        """Numbers of elements."""

    @property
    def parameters(self) -> Sequence[Spellable]:
        """Types of a function's parameters."""


def spelled(type: Spellable, inside: str = "", depth: int = 0) -> str:  # noqa: A002 (the word for it)
    """A type around what has it; `inside` is "" for none: `*`, `(*)`, `[3]`."""
    own = type.description
    if own is None or depth > _DEEPEST:
        return _joined("void" if own is None else "…", inside)
    writer = _WRITERS.get(own.kind)
    if writer is not None:
        return writer(type, own, inside, depth)
    return _joined(type.name or f"{own.kind} {{...}}", inside)


def _pointer(type: Spellable, own: _native.Type, inside: str, depth: int) -> str:  # noqa: A002
    sign = "*" if own.kind == "pointer" else "&&" if own.is_rvalue else "&"
    return _around(type.directly, f"{sign}{inside}", depth)


def _member_pointer(type: Spellable, _own: _native.Type, inside: str, depth: int) -> str:  # noqa: A002
    return _around(type.directly, f"{spelled(type.holder)}::*{inside}", depth)


def _array(type: Spellable, _own: _native.Type, inside: str, depth: int) -> str:  # noqa: A002
    counts = "".join(f"[{'' if count is None else count}]" for count in type.counts)
    return spelled(type.element_type, inside + counts, depth + 1)


def _function(type: Spellable, own: _native.Type, inside: str, depth: int) -> str:  # noqa: A002
    parameters = [spelled(one, "", depth + 1) for one in type.parameters]
    parameters += ["..."] * own.is_variadic
    listed = ", ".join(parameters) or "void"
    return spelled(type.directly, f"{inside}({listed})", depth + 1)


def _alias(type: Spellable, own: _native.Type, inside: str, depth: int) -> str:  # noqa: A002
    """Another name, or a qualifier: of a pointer it stands behind the star."""
    if own.qualifier is None:
        return (
            _joined(type.name or "", inside)
            if own.name
            else spelled(type.directly, inside, depth + 1)
        )
    target = type.directly
    if target.description is not None and target.description.kind == "pointer":
        return spelled(target, f" {own.qualifier}{_spaced(inside)}", depth + 1)
    return f"{own.qualifier} {spelled(target, inside, depth + 1)}"


_WRITERS: dict[str, Callable[[Spellable, _native.Type, str, int], str]] = {
    "pointer": _pointer,
    "reference": _pointer,
    "member pointer": _member_pointer,
    "array": _array,
    "function": _function,
    "alias": _alias,
}


def _around(target: Spellable, inside: str, depth: int) -> str:
    """A pointer's text around its target: of arrays and functions in parentheses."""
    own = target.description
    needs = own is not None and own.kind in ("array", "function")
    return spelled(target, f"({inside})" if needs else inside, depth + 1)


def _joined(name: str, inside: str) -> str:
    return name + _spaced(inside)


def _spaced(inside: str) -> str:
    return f" {inside}" if inside and inside[0] != " " else inside
