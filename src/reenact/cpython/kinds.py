"""Types of a recorded interpreter: what an object is, told by its type's flags and bases."""

from __future__ import annotations

from dataclasses import dataclass

from reenact.cpython.layouts import Layout
from reenact.cpython.reading import Reading, UnreadableError

#: `Py_TPFLAGS_…` of the types that have one of their own.
_BY_FLAG = {
    24: "int", 25: "list", 26: "tuple", 27: "bytes", 28: "str", 29: "dict", 30: "exception",
    31: "type",
}  # fmt: skip
_HEAP_TYPE, _MANAGED_DICT, _INLINE_VALUES = 1 << 9, 1 << 4, 1 << 2
#: Types that are told by their names: of those that the interpreter or a library defines in C.
_BY_NAME = {
    "bool": "bool", "float": "float", "complex": "complex", "set": "set", "frozenset": "set",
    "bytearray": "bytearray", "NoneType": "none", "module": "module", "function": "function",
    "method": "method", "cell": "cell", "code": "code", "frame": "frame",
    "traceback": "traceback", "ellipsis": "ellipsis", "generator": "generator",
    "coroutine": "generator", "async_generator": "generator", "collections.deque": "deque",
    "builtin_function_or_method": "builtin", "numpy.ndarray": "array", "range": "range",
    "NotImplementedType": "notimplemented",
}  # fmt: skip
_MOST_BASES = 64


@dataclass(frozen=True)
class Kind:
    """A type.

    Arguments:
        address: of it.
        name: `__qualname__` as far as the type tells it.
        base: what of the interpreter's own kinds it is, by the words above; "object" for others.
        flags: `tp_flags`.
        basic_size, item_size, dict_offset: as the type has them.
        bases: types along `__mro__`, itself first.
    """

    address: int
    name: str
    base: str
    flags: int
    basic_size: int
    item_size: int
    dict_offset: int
    bases: tuple[int, ...]

    @property
    def is_heap_type(self) -> bool:
        """Made by a class statement, or alike."""
        return bool(self.flags & _HEAP_TYPE)

    @property
    def has_managed_dict(self) -> bool:
        """The instance's dict is in front of it (3.11 on)."""
        return bool(self.flags & _MANAGED_DICT)

    @property
    def has_inline_values(self) -> bool:
        """Attributes are behind the instance (3.13 on)."""
        return bool(self.flags & _INLINE_VALUES)


class Kinds:
    """The types at one place.

    Arguments:
        memory: there.
        layout: of the interpreter.
    """

    def __init__(self, memory: Reading, layout: Layout) -> None:
        self._memory = memory
        self._layout = layout
        self._known: dict[int, Kind] = {}

    def of(self, address: int) -> Kind:
        """The type of an object. Errors: `UnreadableError` for what is none."""
        return self.at(self._memory.word(address + self._layout["object.type"]))

    def at(self, address: int) -> Kind:
        """The type at an address. Errors: `UnreadableError` for what is none."""
        found = self._known.get(address)
        if found is None:
            if address % 8 or address < 4096:
                raise UnreadableError(f"there is no type at {address:#x}")
            found = self._known[address] = self._read(address)
        return found

    def _read(self, address: int) -> Kind:
        memory, layout = self._memory, self._layout
        flags = memory.word(address + layout["type.flags"])
        full = memory.c_string(memory.word(address + layout["type.name"]))
        base = next((name for bit, name in _BY_FLAG.items() if flags >> bit & 1), "object")
        bases = tuple(self._bases(address))
        for each in bases:
            if base not in ("object", "int"):
                break
            if memory.word(each + layout["type.flags"]) & _HEAP_TYPE:
                name = memory.c_string(memory.word(each + layout["type.name"]))
                base = _BY_NAME.get(name, base) if "." in name else base
                continue
            name = memory.c_string(memory.word(each + layout["type.name"]))
            base = _BY_NAME.get(name, base)
        return Kind(
            address,
            full if flags & _HEAP_TYPE else full.rpartition(".")[2],
            base,
            flags,
            memory.signed(address + layout["type.basic_size"]),
            memory.signed(address + layout["type.item_size"]),
            memory.signed(address + layout["type.dict_offset"]),
            bases,
        )

    def _bases(self, address: int) -> list[int]:
        memory, layout = self._memory, self._layout
        mro = memory.word(address + layout["type.mro"])
        if mro:
            count = memory.signed(mro + layout["object.size"])
            if 0 < count <= _MOST_BASES:
                return list(memory.words(mro + layout["tuple.items"], count))
        return [address]
