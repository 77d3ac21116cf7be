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


def spellings(name: str) -> tuple[str, ...]:
    """All ways to write a type, the given one first."""
    for alike in _SPELLINGS:
        if name in alike:
            return (name, *(other for other in alike if other != name))
    return (name,)
