"""Types that no debug information describes: of the language itself, and what expressions make."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from reenact import _native
from reenact.errors import UsageError
from reenact.symbols.declarators import spelled
from reenact.symbols.types import (
    BOOLEAN,
    FLOAT,
    POINTER_SIZE,
    SIGNED,
    SIGNED_CHAR,
    UNSIGNED,
    UNSIGNED_CHAR,
    Member,
    Type,
)  # fmt: skip


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
    qualifier: None = None
    is_rvalue: bool = False
    holder: None = None
    parameters: tuple[int | None, ...] = ()
    is_variadic: bool = False
    enumerators: tuple[tuple[str, int], ...] = ()
    is_declaration: bool = False
    variants: None = None


#: Types of C that every program has, whether or not its debug information names them.
_LANGUAGE = {
    "char": (1, SIGNED_CHAR), "signed char": (1, SIGNED_CHAR),
    "unsigned char": (1, UNSIGNED_CHAR), "short int": (2, SIGNED),
    "short unsigned int": (2, UNSIGNED), "int": (4, SIGNED), "unsigned int": (4, UNSIGNED),
    "long int": (8, SIGNED), "long unsigned int": (8, UNSIGNED),
    "long long int": (8, SIGNED), "long long unsigned int": (8, UNSIGNED),
    "float": (4, FLOAT), "double": (8, FLOAT), "long double": (16, FLOAT),
    "_Bool": (1, BOOLEAN), "bool": (1, BOOLEAN), "__int128": (16, SIGNED),
    "__int128 unsigned": (16, UNSIGNED), "int8_t": (1, SIGNED),
    "signed": (4, SIGNED), "unsigned": (4, UNSIGNED),
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
        needs = self._target.kind in ("array", "function")
        return spelled(self._target, "(*)" if needs else "*")

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
        return POINTER_SIZE


class ArrayOf(Type):
    """An array that no debug information describes."""

    def __init__(self, target: Type, count: int) -> None:
        super().__init__(target.module, None)
        self._target = target
        self._count = count

    def __str__(self) -> str:
        return spelled(self._target, f"[{self._count}]")

    @property
    def kind(self) -> str:
        """Always an array."""
        return "array"

    @property
    def target(self) -> Type:
        """What it consists of."""
        return self._target

    @property
    def counts(self) -> list[int | None]:
        """The number of its elements."""
        return [self._count, *(self._target.counts if self._target.kind == "array" else [])]

    @property
    def size(self) -> int:
        """Bytes."""
        return self._count * self._target.size


class UnknownFunction(Type):
    """A function that only a table of symbols knows."""

    def __init__(self, module: _native.Module) -> None:
        super().__init__(module, None)

    def __str__(self) -> str:
        return "<text variable, no debug info>"

    @property
    def kind(self) -> str:
        """Always a function."""
        return "function"


#: Names of bits of the flags (Intel's manual, volume 1, figure 3-8).
_FLAGS = {
    0: "CF", 2: "PF", 4: "AF", 6: "ZF", 7: "SF", 8: "TF", 9: "IF", 10: "DF", 11: "OF",
}  # fmt: skip


class Flags(LanguageType):
    """The processor's flags: a number that is written as the names of those that are set."""

    def __init__(self, module: _native.Module) -> None:
        super().__init__(module, "int")

    @property
    def flags(self) -> dict[int, str]:
        """Names of its bits."""
        return _FLAGS


class Registers(Type):
    """A vector register: the same bytes as arrays of numbers of all sizes, as gdb has it."""

    def __init__(self, module: _native.Module) -> None:
        super().__init__(module, None)

    def __str__(self) -> str:
        return "vec128"

    @property
    def kind(self) -> str:
        """Always a union."""
        return "union"

    @property
    def size(self) -> int:
        """Bytes."""
        return 16

    @property
    def members(self) -> tuple[Member, ...]:
        """One for each way to see it."""
        found = []
        for name, element, count in _LANES:
            kind: Type = LanguageType(self.module, element)
            kind = kind if count == 1 else ArrayOf(kind, count)
            found.append(Member(name, 0, kind, None, is_base_class=False, entry=0))
        return tuple(found)


#: Members of a vector register.
_LANES = (
    ("v4_float", "float", 4), ("v2_double", "double", 2), ("v16_int8", "int8_t", 16),
    ("v8_int16", "short int", 8), ("v4_int32", "int", 4), ("v2_int64", "long int", 2),
    ("uint128", "__int128 unsigned", 1),
)  # fmt: skip
