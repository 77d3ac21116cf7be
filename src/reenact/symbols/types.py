"""Types of variables, as debug information describes them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from reenact import _native
from reenact.errors import UsageError

_POINTER_SIZE = 8
#: Aliases of aliases after which a description is taken for damaged.
_LONGEST_CHAIN = 32

# Encodings of base types (DWARF 5, table 7.11).
_BOOLEAN, _FLOAT, _SIGNED, _SIGNED_CHAR = 2, 4, 5, 6
_UNSIGNED_CHAR, _UTF = 8, 16


@dataclass(frozen=True)
class Member:
    """A member of a structure; `bits`: first bit and number of bits of a bit field."""

    name: str | None
    offset: int
    type: Type
    bits: tuple[int, int] | None
    is_base_class: bool


class Type:
    """A type.

    Arguments:
        module: where it is described.
        entry: which it is, there; None: void.
        dimension: of an array of several dimensions, how many are already indexed.
    """

    def __init__(self, module: _native.Module, entry: int | None, dimension: int = 0) -> None:
        self.module = module
        self.entry = entry
        self.dimension = dimension

    def __repr__(self) -> str:
        return f"Type({str(self)!r})"

    def __str__(self) -> str:
        """As in C, as far as one word order goes: `int`, `char *`, `node [4]`."""
        own = self.description
        if own is None:
            return "void"
        if own.kind in ("pointer", "reference"):
            return f"{self.target} {'*' if own.kind == 'pointer' else '&'}"
        if own.kind == "array":
            return f"{self.element_type} {''.join(f'[{count}]' for count in self.counts)}"
        if own.name is None and own.kind == "alias":
            return str(Type(self.module, own.target))
        return own.name or own.kind

    @cached_property
    def description(self) -> _native.Type | None:
        """What the debug information says of it; None: void."""
        return None if self.entry is None else self.module.type_at(self.entry)

    @cached_property
    def actual(self) -> Type:
        """The type without other names and qualifiers, and complete where it is declared only."""
        found = self
        for _ in range(_LONGEST_CHAIN):
            own = found.description
            if own is None or own.kind != "alias":
                break
            found = Type(self.module, own.target)
        own = found.description
        if own is not None and own.is_declaration and own.name is not None:
            entry = self.module.type_named(own.name)
            if entry is not None:
                return Type(self.module, entry)
        return found

    @property
    def kind(self) -> str:
        """Base, pointer, array, structure, …; "void"; never "alias"."""
        own = self.actual.description
        return "void" if own is None else own.kind

    @property
    def target(self) -> Type:
        """What a pointer points to or an array consists of."""
        actual = self.actual
        own = actual.description
        if own is None:
            raise UsageError("void refers to nothing")
        if own.kind == "array" and actual.dimension + 1 < len(own.counts):
            return Type(actual.module, actual.entry, actual.dimension + 1)
        return Type(actual.module, own.target)

    @property
    def element_type(self) -> Type:
        """What an array consists of, when all its dimensions are indexed."""
        own = self.actual.description
        return Type(self.module, None if own is None else own.target)

    @property
    def counts(self) -> list[int | None]:
        """Numbers of elements of an array that is not indexed yet, by dimension."""
        own = self.actual.description
        return [] if own is None else own.counts[self.actual.dimension :]

    @property
    def size(self) -> int:
        """Bytes. Errors: `UsageError` where it has no size (void, a function, `int []`)."""
        actual = self.actual
        own = actual.description
        if own is not None and own.kind == "array" and own.size is None:
            size = actual.element_type.size
            for count in actual.counts:
                size *= count or 0
            return size
        if own is not None and own.kind in ("pointer", "reference"):
            return own.size or _POINTER_SIZE
        if own is None or own.size is None:
            raise UsageError(f"the size of {self} is not known")
        return own.size

    @property
    def has_size(self) -> bool:
        """Whether values of it have bytes."""
        if self.kind in ("void", "function", "other"):
            return False
        try:
            return self.size >= 0
        except UsageError:
            return False

    @property
    def is_signed(self) -> bool:
        """Of a number: whether it can be negative."""
        own = self.actual.description
        if own is not None and own.kind == "enumeration":
            return any(value < 0 for _, value in own.enumerators)
        return own is not None and own.encoding in (_SIGNED, _SIGNED_CHAR)

    @property
    def is_float(self) -> bool:
        """A floating-point number."""
        own = self.actual.description
        return own is not None and own.encoding == _FLOAT

    @property
    def is_boolean(self) -> bool:
        """A truth value."""
        own = self.actual.description
        return own is not None and own.encoding == _BOOLEAN

    @property
    def is_character(self) -> bool:
        """A `char` of one byte, signed or not: arrays of and pointers to it are texts."""
        own = self.actual.description
        if own is None or own.kind != "base" or own.size != 1:
            return False
        return own.encoding in (_SIGNED_CHAR, _UNSIGNED_CHAR, _UTF)

    @cached_property
    def members(self) -> tuple[Member, ...]:
        """Members of a structure or union."""
        actual = self.actual
        own = actual.description
        return tuple(
            Member(name, offset, Type(actual.module, entry), bits, is_base)
            for name, offset, entry, bits, is_base in (own.members if own is not None else ())
        )

    def find_member(self, name: str) -> Member:
        """A member by name, also of anonymous members and base classes.

        Errors: `UsageError` when there is none.
        """
        for member in self.all_members():
            if member.name == name:
                return member
        raise UsageError(f"{self} has no member {name}")

    def all_members(self, base: int = 0, depth: int = 0) -> Iterator[Member]:
        """Members with those of anonymous members and base classes; `base` is added to offsets."""
        for member in self.members:
            offset = base + member.offset
            yield Member(member.name, offset, member.type, member.bits, member.is_base_class)
            if (member.name is None or member.is_base_class) and depth < _LONGEST_CHAIN:
                yield from member.type.all_members(offset, depth + 1)

    def enumerator(self, value: int) -> str | None:
        """The name of a value of an enumeration."""
        own = self.actual.description
        found = own.enumerators if own is not None else []
        return next((name for name, number in found if number == value), None)


class PointerTo(Type):
    """A pointer that no debug information describes: what a cast makes."""

    def __init__(self, target: Type) -> None:
        super().__init__(target.module, None)
        self._target = target

    def __str__(self) -> str:
        return f"{self._target} *"

    @property
    def kind(self) -> str:
        """Always a pointer."""
        return "pointer"

    @property
    def target(self) -> Type:
        """What it points to."""
        return self._target

    @property
    def size(self) -> int:
        """Bytes."""
        return _POINTER_SIZE
