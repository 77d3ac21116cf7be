"""Objects of a recorded interpreter as text and as values, from memory alone."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator
from typing import ClassVar, TypeVar, Union

from reenact.cpython.containers import Containers
from reenact.cpython.kinds import Kind, Kinds
from reenact.cpython.layouts import Layout
from reenact.cpython.reading import Reading, UnreadableError

#: What an object is in the Python of who asks; only of kinds that are the same there.
Plain = Union[int, float, complex, str, bytes, bool, None]

_T = TypeVar("_T")

#: Longest text and longest number that is read, bytes.
_MOST_TEXT, _MOST_DIGITS = 1 << 20, 4096
#: What a `repr` shows: depth, elements of a container, characters of a string, and of all of it.
_DEPTH, _ELEMENTS, _CHARACTERS, _WHOLE = 4, 20, 200, 2000
#: Objects in it: containers in containers would be many.
_OBJECTS = 500
_MORE = "..."
#: Elements of an array by the letter of its type (NumPy, "array protocol").
_NUMBERS = {
    "?": "?", "b": "b", "B": "B", "h": "h", "H": "H", "i": "i", "I": "I", "l": "q", "L": "Q",
    "q": "q", "Q": "Q", "e": "e", "f": "f", "d": "d",
}  # fmt: skip
#: Fields of NumPy's arrays, the same in its releases 1 and 2.
_ARRAY_DATA, _ARRAY_DIMENSIONS, _ARRAY_SHAPE, _ARRAY_STRIDES, _ARRAY_TYPE = 16, 24, 32, 40, 56
_TYPE_LETTER = 25
_MOST_DIMENSIONS = 64
_BRACKETS = {"list": "[]", "tuple": "()", "set": "{}", "dict": "{}"}

#: Kinds whose objects are written without the name of their type, and those that are one object.
_UNNAMED = frozenset(
    [
        "int",
        "float",
        "complex",
        "bool",
        "NoneType",
        "str",
        "bytes",
        "list",
        "tuple",
        "set",
        "dict",
        "frozenset",
    ]
)
_FIXED = {"ellipsis": "Ellipsis", "notimplemented": "NotImplemented"}
#: Writes an object: address, type, depth that is left, objects it is in.
_Special = Callable[["Objects", int, Kind, int, tuple[int, ...]], str]


class Objects:
    """The objects at one place.

    Arguments:
        memory: there.
        layout: of the interpreter.
    """

    def __init__(self, memory: Reading, layout: Layout) -> None:
        self.memory = memory
        self.layout = layout
        self.kinds = Kinds(memory, layout)
        self.containers = Containers(memory, layout)
        #: Objects that the text that is being made may still have in it.
        self._left = 0

    # Values

    def plain(self, address: int) -> Plain:
        """The value of an object of a simple kind. Errors: `UnreadableError` for others."""
        kind = self.kinds.of(address)
        if kind.base == "none":
            return None
        reading = self._PLAIN.get(kind.base)
        if reading is not None:
            return reading(self, address)
        raise UnreadableError(f"it is of type {kind.name}")

    def _float(self, address: int) -> float:
        return self._double(address + self.layout["float.value"])

    def _complex(self, address: int) -> complex:
        at = address + self.layout["float.value"]
        return complex(self._double(at), self._double(at + 8))

    def _double(self, at: int) -> float:
        return float(struct.unpack("<d", self.memory.read(at, 8))[0])

    def _integer(self, address: int) -> int:
        layout, memory = self.layout, self.memory
        if "long.tag" in layout:
            tag = memory.word(address + layout["long.tag"])
            count, sign = tag >> 3, (1, 0, -1, 0)[tag & 3]
        else:
            size = memory.signed(address + layout["object.size"])
            count, sign = abs(size), 1 if size > 0 else -1
        if count > _MOST_DIGITS:
            raise UnreadableError("an integer has too many digits")
        digits = struct.unpack(
            f"<{count}I", memory.read(address + layout["long.digits"], 4 * count)
        )
        value: int = sum(digit << 30 * number for number, digit in enumerate(digits))
        return sign * value

    def text(self, address: int) -> str:
        """A `str`, whatever its form. Errors: `UnreadableError` for what is none."""
        layout, memory = self.layout, self.memory
        length = memory.signed(address + layout["unicode.length"])
        state = memory.word(address + layout["unicode.state"])
        # In front of it is whether it is interned.
        state >>= 2
        width, is_compact, is_ascii = state & 7, state >> 3 & 1, state >> 4 & 1
        if width == 0 and layout.version < (3, 12):
            raise UnreadableError("a string has not been made yet")
        if width not in (1, 2, 4) or not 0 <= length * width <= _MOST_TEXT:
            raise UnreadableError(f"there is no string at {address:#x}")
        if is_compact:
            start = address + layout["unicode.ascii" if is_ascii else "unicode.compact"]
        else:
            start = memory.word(address + layout["unicode.compact"])
        codec = {1: "latin-1", 2: "utf-16-le", 4: "utf-32-le"}[width]
        try:
            return memory.read(start, length * width).decode(codec, "surrogatepass")
        except UnicodeDecodeError:
            raise UnreadableError(f"there is no string at {address:#x}") from None

    def octets(self, address: int) -> bytes:
        """A `bytes`, as much of it as may be read at once."""
        count = min(self.containers.length(address), _MOST_TEXT)
        return self.memory.read(address + self.layout["bytes.data"], count)

    def attributes(self, address: int) -> dict[str, tuple[int, int]]:
        """Attributes of an instance by name: where the reference is, and the value."""
        kind = self.kinds.of(address)
        if kind.base == "module":
            inside = self.memory.word(address + self.layout["module.dict"])
            return self.named(self.containers.slots(inside)) if inside else {}
        found = {
            name: (place, value)
            for name, place, value in self.containers.members_in_slots(address, kind)
        }
        found.update(self.named(self.containers.attributes(address, kind)))
        return found

    def class_attribute(self, address: int, name: str) -> int | None:
        """What an attribute is in the type of an object, or what that is made from."""
        for base in self.kinds.of(address).bases:
            inside = self.memory.word(base + self.layout["type.dict"])
            if inside:
                found = self.named(self.containers.slots(inside)).get(name)
                if found is not None:
                    return found[1]
        return None

    def named(self, slots: Iterable[tuple[int, int, int]]) -> dict[str, tuple[int, int]]:
        """Those whose key is a string, by it."""
        found = {}
        for key, place, value in slots:
            if self.kinds.of(key).base == "str":
                found[self.text(key)] = (place, value)
        return found

    # Text

    def repr(self, address: int, *, most: int = _WHOLE) -> str:
        """What an object is, in one line, bounded; never fails: damage is said in `<…>`."""
        self._left = _OBJECTS
        text = self._repr(address, _DEPTH, ())
        return text if len(text) <= most else text[: most - len(_MORE)] + _MORE

    def _repr(self, address: int, depth: int, outside: tuple[int, ...]) -> str:
        if not address:
            return "<NULL>"
        try:
            kind = self.kinds.of(address)
            self._left -= 1
            if address in outside or depth < 0 or self._left < 0:
                brackets = _BRACKETS.get(kind.base, "<>")
                return brackets[0] + _MORE + brackets[1]
            return self._known(address, kind, depth, (*outside, address))
        except (UnreadableError, ValueError, RecursionError) as error:
            return f"<unreadable object at {address:#x}: {error}>"

    def _known(self, address: int, kind: Kind, depth: int, outside: tuple[int, ...]) -> str:
        base = kind.base
        if base in self._PLAIN or base == "none":
            return self._simple(address, kind)
        if base in _BRACKETS:
            text = self._container(address, kind, depth, outside)
            return text if kind.name in _UNNAMED else f"{kind.name}({text})"
        if base in _FIXED:
            return _FIXED[base]
        special = self._SPECIAL.get(base, Objects._instance)
        return special(self, address, kind, depth, outside)

    def _simple(self, address: int, kind: Kind) -> str:
        value = self.plain(address)
        if kind.base in ("str", "bytes") and isinstance(value, (str, bytes)):
            is_long = len(value) > _CHARACTERS
            return f"{value[:_CHARACTERS]!r}{_MORE if is_long else ''}"
        if kind.base == "int" and isinstance(value, int) and abs(value) >> 4096:
            return f"<int of {value.bit_length()} bits>"
        return repr(value) if kind.name in _UNNAMED else f"{kind.name}({value!r})"

    def _type(self, address: int, _kind: Kind, _depth: int, _outside: tuple[int, ...]) -> str:
        return f"<class {self.kinds.at(address).name!r}>"

    def _module(self, address: int, _kind: Kind, depth: int, outside: tuple[int, ...]) -> str:
        name = self.attributes(address).get("__name__")
        return f"<module {self._repr(name[1], depth - 1, outside)}>" if name else "<module>"

    def _function(self, address: int, _kind: Kind, _depth: int, _outside: tuple[int, ...]) -> str:
        called = self.memory.word(address + self.layout["function.qualified_name"])
        return f"<function {self.text(called)}>"

    def _method(self, address: int, _kind: Kind, depth: int, outside: tuple[int, ...]) -> str:
        function, own = (
            self._repr(
                self.memory.word(address + self.layout[f"method.{part}"]), depth - 1, outside
            )
            for part in ("function", "self")
        )
        return f"<bound method {function} of {own}>"

    def _cell(self, address: int, _kind: Kind, depth: int, outside: tuple[int, ...]) -> str:
        inside = self.memory.word(address + self.layout["cell.value"])
        return f"<cell: {self._repr(inside, depth - 1, outside) if inside else 'empty'}>"

    def _code(self, address: int, _kind: Kind, _depth: int, _outside: tuple[int, ...]) -> str:
        return f"<code {self.text(self.memory.word(address + self.layout['code.name']))}>"

    def _container(self, address: int, kind: Kind, depth: int, outside: tuple[int, ...]) -> str:
        base, containers = kind.base, self.containers
        if base == "dict":
            count = containers.used(address)
            shown = [
                f"{self._repr(key, depth - 1, outside)}: {self._repr(value, depth - 1, outside)}"
                for key, value in _first(containers.pairs(address))
            ]
            brackets = "{}"
        elif base == "set":
            found = [
                self._repr(one, depth - 1, outside) for one in _first(containers.members(address))
            ]
            count = self.memory.signed(address + self.layout["set.used"])
            if not count:
                return f"{kind.name}()"
            shown, brackets = found, "{}"
        else:
            count = containers.length(address)
            found_items = containers.items(address, base, most=_ELEMENTS)
            shown = [self._repr(one, depth - 1, outside) for one in found_items]
            brackets = _BRACKETS[base]
        if count > len(shown):
            shown.append(_MORE)
        inside = ", ".join(shown) + ("," if base == "tuple" and count == 1 else "")
        text = brackets[0] + inside + brackets[1]
        return f"frozenset({text})" if kind.name == "frozenset" else text

    def _exception(self, address: int, kind: Kind, depth: int, outside: tuple[int, ...]) -> str:
        arguments = self.memory.word(address + self.layout["exception.args"])
        text = self._repr(arguments, depth - 1, outside) if arguments else "()"
        return kind.name + (text[:-2] + ")" if text.endswith(",)") else text)

    def _array(self, address: int, _kind: Kind, _depth: int, _outside: tuple[int, ...]) -> str:
        memory = self.memory
        count = memory.int32(address + _ARRAY_DIMENSIONS)
        if not 0 <= count <= _MOST_DIMENSIONS:
            raise UnreadableError("an array has no such number of dimensions")
        shape = memory.words(memory.word(address + _ARRAY_SHAPE), count) if count else ()
        letter = chr(memory.byte(memory.word(address + _ARRAY_TYPE) + _TYPE_LETTER))
        told = f"array of shape {shape}, type {letter!r}"
        form = _NUMBERS.get(letter)
        if form is None or 0 in shape:
            return f"<{told}>"
        at, stride, many = memory.word(address + _ARRAY_DATA), 0, 1
        if count:
            # The first elements of the last dimension.
            stride = struct.unpack(
                "<q", memory.read(memory.word(address + _ARRAY_STRIDES) + 8 * (count - 1), 8)
            )[0]
            many = min(shape[-1], _ELEMENTS)
        size = struct.calcsize(form)
        values = [
            repr(struct.unpack(f"<{form}", memory.read(at + stride * number, size))[0])
            for number in range(many)
        ]
        is_all = count <= 1 and (not shape or many == shape[0])
        return f"<{told}: {' '.join(values)}{'' if is_all else ' ' + _MORE}>"

    def _instance(self, address: int, kind: Kind, depth: int, outside: tuple[int, ...]) -> str:
        if not kind.is_heap_type:
            return f"<{kind.name} object at {address:#x}>"
        found = self.attributes(address)
        shown = [
            f"{name}={self._repr(value, depth - 1, outside)}"
            for name, (_, value) in list(found.items())[:_ELEMENTS]
        ]
        if len(found) > len(shown):
            shown.append(_MORE)
        if self.class_attribute(address, "__dataclass_fields__") is not None:
            return f"{kind.name}({', '.join(shown)})"
        return f"<{kind.name} object{': ' if shown else ''}{', '.join(shown)}>"

    _PLAIN: ClassVar[dict[str, Callable[[Objects, int], Plain]]] = {
        "str": text,
        "bytes": octets,
        "int": _integer,
        "bool": lambda self, address: bool(self._integer(address)),
        "float": _float,
        "complex": _complex,
    }
    _SPECIAL: ClassVar[dict[str, _Special]] = {
        "exception": _exception,
        "type": _type,
        "array": _array,
        "module": _module,
        "function": _function,
        "method": _method,
        "cell": _cell,
        "code": _code,
    }


def _first(found: Iterable[_T]) -> Iterator[_T]:
    for number, one in enumerate(found):
        if number == _ELEMENTS:
            return
        yield one
