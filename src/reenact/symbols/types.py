"""Types of variables, as debug information describes them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from reenact import _native
from reenact.errors import UnknownNameError, UsageError
from reenact.symbols.declarators import spelled
from reenact.symbols.floats import Format, format_of
from reenact.symbols.type_spellings import short

POINTER_SIZE = 8
#: Aliases of aliases after which a description is taken for damaged.
_LONGEST_CHAIN = 32

# Encodings of base types (DWARF 5, table 7.11).
BOOLEAN, FLOAT, SIGNED, SIGNED_CHAR = 2, 4, 5, 6
UNSIGNED, UNSIGNED_CHAR, UTF = 7, 8, 16
COMPLEX = 3
#: Characters of several bytes.
_WIDE = {"wchar_t": "L", "char16_t": "u", "char32_t": "U"}
_WHOLE = (BOOLEAN, SIGNED, SIGNED_CHAR, UNSIGNED, UNSIGNED_CHAR, UTF)


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
        """As in C: `int`, `char *`, `node [4]`, `int (*)(long)`."""
        return spelled(self)

    @cached_property
    def name(self) -> str | None:
        """Its name, with the namespaces and classes around it; None: it has none."""
        own = self.description
        if own is None or own.name is None:
            return None
        if own.kind == "base" or self.entry is None:
            return short(str(own.name))
        return self.module.full_name(self.entry) or str(own.name)

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
            entry = None if found.entry is None else self.module.complete_type(found.entry)
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
    def directly(self) -> Type:
        """What a description refers to, other names and all: `const int` of `const int *`."""
        own = self.description
        return Type(self.module, None if own is None else own.target)

    @property
    def holder(self) -> Type:
        """Of a pointer to a member: the class that has the member."""
        actual = self.actual
        own = actual.description
        if own is None or own.holder is None:
            raise UsageError(f"{self.kind} belongs to no class")
        return Type(actual.module, own.holder)

    @property
    def parameters(self) -> list[Type]:
        """Of a function: types of its parameters."""
        own = self.description
        return [] if own is None else [Type(self.module, entry) for entry in own.parameters]

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
                if count is None:
                    # A flexible one, or one whose length is computed when the program runs.
                    raise UsageError(f"the length of {self} is not known")
                size *= count
            return size
        if own is not None and own.kind in ("pointer", "reference"):
            return own.size or POINTER_SIZE
        if own is not None and own.kind == "member pointer":
            return 2 * POINTER_SIZE if actual.target.kind == "function" else POINTER_SIZE
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
    def is_incomplete(self) -> bool:
        """A structure or union that is declared only, also everywhere else: members may be."""
        own = self.actual.description
        return own is not None and own.is_declaration and own.kind in ("structure", "union")

    @property
    def is_signed(self) -> bool:
        """Of a number: whether it can be negative."""
        own = self.actual.description
        if own is not None and own.kind == "enumeration":
            return any(value < 0 for _, value in own.enumerators)
        return own is not None and own.encoding in (SIGNED, SIGNED_CHAR)

    @property
    def is_float(self) -> bool:
        """A floating-point number."""
        own = self.actual.description
        return own is not None and own.encoding == FLOAT

    @property
    def float_format(self) -> Format:
        """Of a floating-point number, or a part of a complex one: how it is laid out.

        Errors: `UsageError` for one of another kind.
        """
        own = self.actual.description
        size = 0 if own is None else own.size or 0
        found = format_of(size // 2 if self.is_complex else size, (own and own.name) or "")
        if found is None:
            raise UsageError(f"numbers of the type {self} are not followed here")
        return found

    @property
    def is_complex(self) -> bool:
        """Two floating-point numbers in one."""
        own = self.actual.description
        return own is not None and own.encoding == COMPLEX

    @property
    def flags(self) -> dict[int, str]:
        """Of a register of flags the names of its bits; of all else none."""
        return {}

    @property
    def is_whole(self) -> bool:
        """A base type whose bits are a whole number, a truth value or a character."""
        own = self.actual.description
        return own is not None and own.kind == "base" and own.encoding in _WHOLE

    @property
    def is_boolean(self) -> bool:
        """A truth value."""
        own = self.actual.description
        return own is not None and own.encoding == BOOLEAN

    @property
    def is_character(self) -> bool:
        """A `char` of one byte, signed or not: arrays of and pointers to it are texts."""
        own = self.actual.description
        if own is None or own.kind != "base" or own.size != 1:
            return False
        return own.encoding in (SIGNED_CHAR, UNSIGNED_CHAR, UTF)

    @property
    def wide_prefix(self) -> str:
        """Of a character of several bytes what C writes before it: L, u, U; "" for none."""
        found = self
        for _ in range(_LONGEST_CHAIN):
            own = found.description
            if own is None:
                break
            if own.name in _WIDE:
                return _WIDE[own.name]
            if own.kind != "alias":
                break
            found = Type(found.module, own.target)
        return ""

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
        """The way to a member: through anonymous members and base classes, as C++ looks for it.

        Errors: `UsageError` when there is none, or several may be meant.
        """
        ways = _ways(self, name, (), 0)
        # What is in a base class that several share is there once, and a class that has that base
        # class, too, hides it (C++ standard, class.member.lookup).
        found = {tuple(_subobject(way)): way for way in ways}
        if len(found) > 1:
            found = {key: way for key, way in found.items() if not _is_hidden(way, ways)}
        if len(found) > 1:
            raise UsageError(f"{self} has {len(found)} members {name}", "name the class")
        for way in found.values():
            return way
        if self.is_incomplete:
            raise UsageError(f"{self} is declared only: its members are not known")
        raise UnknownNameError(f"{self} has no member {name}")

    def enumerator(self, value: int) -> str | None:
        """The name of a value of an enumeration."""
        return next((name for name, number in self.enumerators if number == value), None)

    @property
    def enumerators(self) -> list[tuple[str, int]]:
        """Names and values of an enumeration."""
        own = self.actual.description
        return [] if own is None else list(own.enumerators)


def _ways(kind: Type, name: str, way: tuple[Member, ...], depth: int) -> list[tuple[Member, ...]]:
    """All ways to members of a name that are hidden by none on the way."""
    if depth > _LONGEST_CHAIN:
        return []
    for member in kind.members:
        if member.name == name and (depth == 0 or not member.is_base_class):
            return [(*way, member)]
    for member in kind.members:
        if member.name is None and not member.is_base_class:
            inside = _ways(member.type, name, (*way, member), depth + 1)
            if inside:
                return inside
    return [
        found
        for member in kind.members
        if member.is_base_class
        for found in _ways(member.type, name, (*way, member), depth + 1)
    ]


def _virtual_bases(kind: Type, depth: int = 0) -> set[str]:
    """Names of the virtual base classes, those of base classes too."""
    found = set()
    for member in kind.members:
        if member.is_base_class and depth < _LONGEST_CHAIN:
            if member.offset is None:
                found.add(str(member.type.actual))
            found |= _virtual_bases(member.type, depth + 1)
    return found


def _subobject(way: tuple[Member, ...]) -> list[object]:
    """What tells a member of an object from others: the way from the last shared base class on."""
    last = max((at for at, one in enumerate(way) if one.is_base_class and one.offset is None),
               default=-1)  # fmt: skip
    names: list[object] = [str(way[last].type.actual)] if last >= 0 else []
    return names + [one.entry for one in way[last + 1 :]]


def _is_hidden(way: tuple[Member, ...], ways: list[tuple[Member, ...]]) -> bool:
    """Whether it is in a shared base class of a class that has a member of the name itself."""
    shared = {str(one.type.actual) for one in way if one.is_base_class and one.offset is None}
    for other in ways:
        bases = [one for one in other if one.is_base_class]
        if bases and shared & _virtual_bases(bases[-1].type):
            return True
    return False
