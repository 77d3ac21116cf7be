"""Pointers to members of classes. Source: Itanium C++ ABI 2.3."""

from __future__ import annotations

from typing import Any

from reenact.errors import UsageError
from reenact.symbols.declarators import spelled
from reenact.symbols.frames import Read
from reenact.symbols.made_types import UnknownFunction
from reenact.symbols.types import Member, Type
from reenact.symbols.values import Value

_SIZE = 8
_NULL = (1 << 64) - 1
#: Places in a table of virtual functions that are looked at.
_MOST_VIRTUAL = 1000


class MemberPointerTo(Type):
    """A pointer to a member that an expression makes."""

    def __init__(self, holder: Type, target: Type, size: int = _SIZE) -> None:
        super().__init__(target.module, None)
        self._holder = holder
        self._target = target
        self._size = size

    def __str__(self) -> str:
        return spelled(self._target, f"{self._holder}::*")

    @property
    def kind(self) -> str:
        """Always a pointer to a member."""
        return "member pointer"

    @property
    def holder(self) -> Type:
        """The class."""
        return self._holder

    @property
    def target(self) -> Type:
        """What it points to."""
        return self._target

    @property
    def size(self) -> int:
        """Bytes."""
        return self._size


def pointer_to_virtual(holder: Type, name: str, read: Read) -> Value | None:
    """`&class::function` of a virtual function; None: the class has none of this name.

    Its content is the place in the table of functions, not the address of one of them.
    """
    actual = holder.actual
    if actual.entry is None:
        return None
    for place in range(_MOST_VIRTUAL):
        found = actual.module.virtual_function(actual.entry, place)
        if found is not None and found.split("(")[0].rpartition("::")[2] == name:
            kind = MemberPointerTo(holder, UnknownFunction(actual.module), 2 * _SIZE)
            word = 1 + _SIZE * place
            return Value(kind, read, None, word.to_bytes(2 * _SIZE, "little"))
    return None


def pointer_to_member(holder: Type, way: tuple[Member, ...], read: Read) -> Value:
    """`&class::member`. Errors: `UsageError` for a member whose place depends on the object."""
    offset = 0
    for member in way:
        if member.offset is None or member.bits is not None:
            raise UsageError(f"no pointer leads to {member.name} of every {holder}")
        offset += member.offset
    kind = MemberPointerTo(holder, way[-1].type)
    return Value(kind, read, None, offset.to_bytes(_SIZE, "little"))


def pointed_member(left: Any, right: Any) -> Value:
    """`object.*pointer`, `address->*pointer`.

    Errors: `UsageError` for what is no pointer to a member of data, or leads nowhere.
    """
    if not isinstance(left, Value) or not isinstance(right, Value):
        raise UsageError("a plain number has no members")
    if right.type.kind == "reference":
        right = right.dereference()
    if right.type.kind != "member pointer" or right.type.actual.target.kind == "function":
        raise UsageError(f"{right.type} is no pointer to a member with a value")
    whole = left
    while whole.type.kind in ("pointer", "reference"):
        whole = whole.dereference()
    offset = int.from_bytes(right.content[:_SIZE], "little")
    if offset == _NULL:
        raise UsageError("the pointer to a member leads to none")
    holder = right.type.actual.holder
    base = _part(whole, str(holder.actual))
    if base is None or base.address is None:
        raise UsageError(f"{whole.type} is no {holder} in memory")
    return Value(right.type.actual.target, whole.read, base.address + offset)


def _part(whole: Value, name: str) -> Value | None:
    """The object, or the base class in it, of a type."""
    if str(whole.type.actual) == name:
        return whole
    for member in whole.type.members:
        found = _part(whole.part(member), name) if member.is_base_class else None
        if found is not None:
            return found
    return None
