"""How compilers write the types of C: each has its own order of the words. Pure."""

from __future__ import annotations

_SPELLINGS = (
    ("unsigned int", "unsigned", "u32"),
    ("long int", "long", "i64", "isize"),
    ("long unsigned int", "unsigned long", "u64", "usize"),
    ("long long int", "long long"),
    ("long long unsigned int", "unsigned long long"),
    ("short int", "short"),
    ("short unsigned int", "unsigned short"),
    ("_Bool", "bool"),
)

#: What people write for the names that compilers of C give.
_SHORT = {
    "long int": "long", "long unsigned int": "unsigned long", "long long int": "long long",
    "long long unsigned int": "unsigned long long", "short int": "short",
    "short unsigned int": "unsigned short",
}  # fmt: skip


def short(name: str) -> str:
    """The name of a base type as people write it, and other debuggers."""
    return _SHORT.get(name, name)


def spellings(name: str) -> tuple[str, ...]:
    """All ways to write a type, the given one first."""
    for alike in _SPELLINGS:
        if name in alike:
            return (name, *(other for other in alike if other != name))
    return (name,)
