"""Names of general registers, of their parts, and gdb's names for some of them. Pure."""

from __future__ import annotations

from reenact.symbols.frames import DWARF_REGISTERS

_ALIASES = {"pc": "rip", "sp": "rsp", "fp": "rbp"}
_OLD = ("ax", "bx", "cx", "dx", "si", "di", "bp", "sp")
_NEW = tuple(f"r{number}" for number in range(8, 16))


def _parts() -> dict[str, tuple[str, int, int]]:
    found = {name: (name, 8, 0) for name in DWARF_REGISTERS}
    found.update({name: (whole, 8, 0) for name, whole in _ALIASES.items()})
    for name in _OLD:
        found[f"e{name}"] = (f"r{name}", 4, 0)
        found.setdefault(name, (f"r{name}", 2, 0))
        if name[1] == "x":
            found[f"{name[0]}l"] = (f"r{name}", 1, 0)
            found[f"{name[0]}h"] = (f"r{name}", 1, 8)
        else:
            found[f"{name}l"] = (f"r{name}", 1, 0)
    for name in _NEW:
        found.update({f"{name}d": (name, 4, 0), f"{name}w": (name, 2, 0), f"{name}l": (name, 1, 0)})
    return found


_PARTS = _parts()


def part(name: str) -> tuple[str, int, int]:
    """Of a name: the whole register, bytes of the part, and its first bit."""
    return _PARTS.get(name, (name, 8, 0))
