"""What is in a dict, a set, a list and an instance, as pairs and lists of addresses."""

from __future__ import annotations

from collections.abc import Iterator

from reenact.cpython.kinds import Kind
from reenact.cpython.layouts import Layout
from reenact.cpython.reading import Reading, UnreadableError

#: What a container may say it has; more is no container.
_MOST = 1 << 40
#: Forms of the keys of a dict (3.11 on).
_GENERAL = 0
#: Words in front of an instance, where its dict is (3.12 on), and in 3.11.
_DICT_BEFORE, _VALUES_BEFORE_311 = 24, 32
_WORD = 8


class Containers:
    """Containers at one place.

    Arguments:
        memory: there.
        layout: of the interpreter.
    """

    def __init__(self, memory: Reading, layout: Layout) -> None:
        self._memory = memory
        self._layout = layout

    def length(self, address: int) -> int:
        """`Py_SIZE` of an object. Errors: `UnreadableError` for what is none."""
        found = self._memory.signed(address + self._layout["object.size"])
        return self._checked(found)

    def items(self, address: int, base: str, begin: int = 0, most: int = 1 << 20) -> list[int]:
        """Elements of a list or tuple, from `begin` on."""
        count = min(max(self.length(address) - begin, 0), most)
        if base == "tuple":
            start = address + self._layout["tuple.items"]
        else:
            start = self._memory.word(address + self._layout["list.items"])
        return list(self._memory.words(start + _WORD * begin, count)) if count else []

    def used(self, address: int) -> int:
        """How many pairs a dict has."""
        return self._checked(self._memory.signed(address + self._layout["dict.used"]))

    def pairs(self, address: int) -> Iterator[tuple[int, int]]:
        """Keys and values of a dict, in their order."""
        for key, _, value in self.slots(address):
            yield key, value

    def slots(self, address: int) -> Iterator[tuple[int, int, int]]:
        """Of each pair of a dict the key, where the reference to the value is, and the value."""
        keys = self._memory.word(address + self._layout["dict.keys"])
        values = self._memory.word(address + self._layout["dict.values"])
        yield from self._split(keys, values) if values else self._combined(keys)

    def _combined(self, keys: int) -> Iterator[tuple[int, int, int]]:
        start, count, size = self._entries(keys)
        for number in range(count):
            at = start + size * number + size - 2 * _WORD
            key, value = self._memory.words(at, 2)
            if value:
                yield key, at + _WORD, value

    def _split(self, keys: int, values: int) -> Iterator[tuple[int, int, int]]:
        memory = self._memory
        start, count, size = self._entries(keys)
        places = values + (0 if self._layout.has_frame_objects else self._layout["values.values"])
        for number in self._order(values, count):
            if number >= count:
                raise UnreadableError("the order of the keys is none")
            value = memory.word(places + _WORD * number)
            if value:
                key = memory.word(start + size * number + size - 2 * _WORD)
                yield key, places + _WORD * number, value

    def _order(self, values: int, count: int) -> list[int]:
        """In which order the values of a split dict have come."""
        version, memory = self._layout.version, self._memory
        if version < (3, 11):
            return list(range(count))
        if version < (3, 13):
            # Bytes in front of them, backwards: how many there are, then their numbers.
            size = memory.byte(values - 2)
            return [memory.byte(values - 3 - number) for number in range(size)]
        capacity, size = memory.byte(values), memory.byte(values + 1)
        begin = values + self._layout["values.values"] + _WORD * capacity
        return list(memory.read(begin, size)) if size else []

    def _entries(self, keys: int) -> tuple[int, int, int]:
        """Where the entries of a dict's keys are, how many, and the bytes of one."""
        memory, layout = self._memory, self._layout
        if layout.has_frame_objects:
            size, count = memory.signed(keys + 8), memory.signed(keys + 32)
            self._checked(size)
            width = next(
                w for w, top in ((1, 0xFF), (2, 0xFFFF), (4, 1 << 32), (8, _MOST)) if size <= top
            )
            return keys + 40 + width * size, self._checked(count), 3 * _WORD
        index_bytes = memory.byte(keys + layout["keys.log2_index_bytes"])
        if index_bytes > 44:
            raise UnreadableError("the keys of a dict are none")
        kind = memory.byte(keys + layout["keys.kind"])
        count = self._checked(memory.signed(keys + layout["keys.entries"]))
        size = 3 * _WORD if kind == _GENERAL else 2 * _WORD
        return keys + layout["keys.indices"] + (1 << index_bytes), count, size

    def members(self, address: int) -> Iterator[int]:
        """Elements of a set."""
        memory, layout = self._memory, self._layout
        used = self._checked(memory.signed(address + layout["set.used"]))
        mask = self._checked(memory.signed(address + layout["set.mask"]))
        table = memory.word(address + layout["set.table"])
        at = 0
        while used > 0 and at <= mask:
            key, code = memory.words(table + 2 * _WORD * at, 2)
            # A removed element has the hash -1.
            if key and code != (1 << 64) - 1:
                yield key
                used -= 1
            at += 1

    def attributes(self, address: int, kind: Kind) -> Iterator[tuple[int, int, int]]:
        """Of each attribute in an instance's dict the name, where the reference is, the value."""
        memory, layout = self._memory, self._layout
        if kind.has_managed_dict and not layout.has_frame_objects:
            yield from self._managed(address, kind)
            return
        offset = kind.dict_offset
        if offset == 0:
            return
        if offset < 0:
            size = abs(memory.signed(address + layout["object.size"]))
            whole = kind.basic_size + self._checked(size) * kind.item_size
            offset += -(-whole // _WORD) * _WORD
        found = memory.word(address + offset)
        if found:
            yield from self.slots(found)

    def _managed(self, address: int, kind: Kind) -> Iterator[tuple[int, int, int]]:
        memory, version = self._memory, self._layout.version
        found = memory.word(address - _DICT_BEFORE)
        values = 0
        if version < (3, 12):
            values = memory.word(address - _VALUES_BEFORE_311)
        elif version < (3, 13):
            # The lowest bit tells which of both it is.
            if found & 1:
                values, found = found + 1, 0
        elif kind.has_inline_values and not found and memory.byte(address + kind.basic_size + 3):
            values = address + kind.basic_size
        if values:
            keys = memory.word(kind.address + self._layout["heap_type.cached_keys"])
            yield from self._split(keys, values)
        elif found:
            yield from self.slots(found)

    def members_in_slots(self, address: int, kind: Kind) -> Iterator[tuple[str, int, int]]:
        """Of each attribute in `__slots__` the name, where the reference is, and the value."""
        memory, layout = self._memory, self._layout
        for base in reversed(kind.bases):
            if not memory.word(base + layout["type.flags"]) >> 9 & 1:
                continue
            at = memory.word(base + layout["type.members"])
            while at:
                name = memory.word(at)
                if not name:
                    break
                form, offset = memory.int32(at + 8), memory.signed(at + 16)
                # T_OBJECT and T_OBJECT_EX.
                if form in (6, 16):
                    value = memory.word(address + offset)
                    if value:
                        yield memory.c_string(name), address + offset, value
                at += 40

    @staticmethod
    def _checked(count: int) -> int:
        if not 0 <= count < _MOST:
            raise UnreadableError("a container has no such size")
        return count
