"""Types of variables, as debug information describes them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from reenact import _native
from reenact.errors import UnknownNameError, UsageError

_POINTER_SIZE = 8
#: Aliases of aliases after which a description is taken for damaged.
_LONGEST_CHAIN = 32

# Encodings of base types (DWARF 5, table 7.11).
_BOOLEAN, _FLOAT, _SIGNED, _SIGNED_CHAR = 2, 4, 5, 6
_UNSIGNED, _UNSIGNED_CHAR, _UTF = 7, 8, 16


@dataclass(frozen=True)
class Member:
    """A member of a structure.

    Arguments:
        name: None: anonymous.
        offset: bytes from the start; None: it depends on the value (a virtual base).
        type: its type.
        bits: of a bit field: first bit from `offset` on, and number of bits.
        is_base_class: it is a base class.
        entry: where it is described.
    """

    name: str | None
    offset: int | None
    type: Type
    bits: tuple[int, int] | None
    is_base_class: bool
    entry: int


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
        own = self.actual.description
        return tuple(map(self._member, own.members if own is not None else ()))

    @cached_property
    def variants(self) -> tuple[Member | None, tuple[tuple[int | None, Member], ...]] | None:
        """Of a type with variants: the member that tells which one it is, and all with its value.

        A variant without a value stands for all others. None: it has no variants.
        """
        own = self.actual.description
        if own is None or own.variants is None:
            return None
        discriminant, members = own.variants
        return (
            None if discriminant is None else self._member(discriminant),
            tuple((value, self._member(member)) for value, member in members),
        )

    def _member(self, parts: _native._Member) -> Member:
        name, offset, entry, bits, is_base, own = parts
        return Member(name, offset, Type(self.actual.module, entry), bits, is_base, own)

    def find_member(self, name: str) -> tuple[Member, ...]:
        """The way to a member: through anonymous members and base classes, the nearest first.

        Errors: `UsageError` when there is none, or there are two as near.
        """
        ways: list[tuple[tuple[Member, ...], Type]] = [((), self)]
        for _ in range(_LONGEST_CHAIN):
            found = [
                (*way, member) for way, kind in ways for member in kind.members
                if member.name == name and not (member.is_base_class and len(ways) > 1)
            ]  # fmt: skip
            if found:
                return found[0]
            ways = [
                ((*way, member), member.type)
                for way, kind in ways
                for member in kind.members
                if member.name is None or member.is_base_class
            ]
            if not ways:
                break
        raise UnknownNameError(f"{self} has no member {name}")

    def enumerator(self, value: int) -> str | None:
        """The name of a value of an enumeration."""
        own = self.actual.description
        found = own.enumerators if own is not None else []
        return next((name for name, number in found if number == value), None)


@dataclass(frozen=True)
class _Plain:
    """What debug information would say of a type of the language itself."""

    name: str
    size: int
    encoding: int
    kind: str = "base"
    target: None = None
    counts: tuple[int, ...] = ()
    members: tuple[_native._Member, ...] = ()
    enumerators: tuple[tuple[str, int], ...] = ()
    is_declaration: bool = False
    variants: None = None


#: Types of C that every program has, whether or not its debug information names them.
_LANGUAGE = {
    "char": (1, _SIGNED_CHAR), "signed char": (1, _SIGNED_CHAR),
    "unsigned char": (1, _UNSIGNED_CHAR), "short int": (2, _SIGNED),
    "short unsigned int": (2, _UNSIGNED), "int": (4, _SIGNED), "unsigned int": (4, _UNSIGNED),
    "long int": (8, _SIGNED), "long unsigned int": (8, _UNSIGNED),
    "long long int": (8, _SIGNED), "long long unsigned int": (8, _UNSIGNED),
    "float": (4, _FLOAT), "double": (8, _FLOAT), "long double": (16, _FLOAT),
    "_Bool": (1, _BOOLEAN), "bool": (1, _BOOLEAN), "__int128": (16, _SIGNED),
    "__int128 unsigned": (16, _UNSIGNED),
}  # fmt: skip


class LanguageType(Type):
    """A type of the language itself. Errors: `UsageError` when there is none of this name."""

    def __init__(self, module: _native.Module, name: str) -> None:
        super().__init__(module, None)
        if name not in _LANGUAGE:
            raise UsageError(f"no type is named {name}")
        self._plain = _Plain(name, *_LANGUAGE[name])

    @property
    def description(self) -> Any:
        """As debug information would have it."""
        return self._plain

    @property
    def actual(self) -> Type:
        """Itself: it is no other name."""
        return self


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
