"""Values of a type in the program's memory or registers."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from fractions import Fraction
from typing import Union

from reenact import _native
from reenact.errors import UnknownNameError, UsageError
from reenact.symbols.floats import Exact, as_float, decoded, encoded
from reenact.symbols.frames import DWARF_REGISTERS, FrameContext, Read
from reenact.symbols.rendering import MOST_ELEMENTS, render
from reenact.symbols.types import Member, Type

#: What a value becomes in Python.
Plain = Union[int, float, bool, str, None, list["Plain"], dict[str, "Plain"]]

#: Bytes of a text that are shown.
LONGEST_TEXT = 400
#: Levels of structures that become Python's own.
_DEEPEST = 4


@dataclass(frozen=True)
class Hole:
    """Bits of a value that are nowhere.

    Arguments:
        begin, end: the first one, and the one behind the last one.
        reason: what has become of them: "optimized out".
    """

    begin: int
    end: int
    reason: str


@functools.total_ordering
class Value:
    """A value: a type and its bytes. It compares with numbers and texts as one would expect.

    Arguments:
        type: its type.
        read: reads the program's memory.
        address: where it is; None: in registers or computed.
        content: its bytes; None: read from `address` when wanted.
        bits: of a bit field: first bit and number of bits.
        holes: which of its bits, from `content`'s first one on, are nowhere.

    Example:
        >>> session.goto("end").reason
        <StopReason.END: 'end'>
        >>> record = session.evaluate("record")
        >>> assert isinstance(record, Value)  # It could be a plain number.
        >>> record["number"] != 5, record["text"] == "", int(record["text"][0])
        (True, True, 0)
        >>> session.evaluate("ratio") * 2
        5.0
        >>> record["text"].plain()
        ''
    """

    def __init__(
        self,
        type: Type,  # noqa: A002 (the word for it)
        read: Read,
        address: int | None = None,
        content: bytes | None = None,
        bits: tuple[int, int] | None = None,
        *,
        holes: tuple[Hole, ...] = (),
    ) -> None:
        self.type = type
        self.address = address
        self.read = read
        self._content = content
        self._bits = bits
        self._holes = holes

    def __repr__(self) -> str:
        try:
            return f"<{self.type} {render(self)}>"
        except (UsageError, _native.SymbolError) as error:
            return f"<{self.type}: {error}>"

    def __str__(self) -> str:
        """The value as C would write it. Errors: `UsageError` where it cannot be read."""
        return render(self)

    def __eq__(self, other: object) -> bool:
        """Numbers are equal to Python's numbers, texts to its texts."""
        if isinstance(other, Value):
            return str(self.type) == str(other.type) and self.content == other.content
        if isinstance(other, str):
            return self.text() == other
        if isinstance(other, (int, float)) and self._is_number:
            return self.number() == other
        return NotImplemented

    def __hash__(self) -> int:
        if self._is_number:
            return hash(self.number())
        text = self.text()
        return hash(self.content if text is None else text)

    def __lt__(self, other: Union[Value, int, float]) -> bool:
        return self.number() < _plain(other)

    def __add__(self, other: Union[Value, int, float]) -> Union[int, float]:
        """Numbers are computed with as Python's own, pointers as the numbers they are."""
        return self.number() + _plain(other)

    __radd__ = __add__

    def __sub__(self, other: Union[Value, int, float]) -> Union[int, float]:
        return self.number() - _plain(other)

    def __rsub__(self, other: Union[int, float]) -> Union[int, float]:
        return other - self.number()

    def __mul__(self, other: Union[Value, int, float]) -> Union[int, float]:
        return self.number() * _plain(other)

    __rmul__ = __mul__

    def __floordiv__(self, other: Union[Value, int, float]) -> Union[int, float]:
        return self.number() // _plain(other)

    def __mod__(self, other: Union[Value, int, float]) -> Union[int, float]:
        return self.number() % _plain(other)

    def __and__(self, other: Union[Value, int]) -> int:
        return int(self) & int(other)

    def __bool__(self) -> bool:
        """As in C: whether it is not zero, and of a reference whether what it refers to is not."""
        return bool(self.number()) if self._is_number else True

    def __index__(self) -> int:
        return int(self)

    def __getitem__(self, key: Union[int, str]) -> Value:
        """`value["name"]` for a member, `value[3]` for an element."""
        return self.member(key) if isinstance(key, str) else self.index(key)

    @property
    def _is_number(self) -> bool:
        kind = self.type.target if self.type.kind == "reference" else self.type
        return kind.kind in ("base", "enumeration", "pointer") and not kind.is_complex

    def number(self) -> Union[int, float]:
        """As Python's own number, of a reference what it refers to.

        Errors: `UsageError` for what is none.
        """
        value = self.dereference() if self.type.kind == "reference" else self
        return float(value) if value.type.is_float else int(value)

    @property
    def size(self) -> int:
        """Bytes."""
        return self.type.size

    @property
    def is_bit_field(self) -> bool:
        """Whether it has some bits of what holds it only."""
        return self._bits is not None

    @property
    def _stored(self) -> int:
        """Bytes that hold it."""
        if self._bits is None:
            return self.type.size
        first, width = self._bits
        return (first + width + 7) // 8

    @property
    def missing(self) -> str | None:
        """What has become of a part of it that is nowhere; None: all of it is known."""
        if not self._holes:
            return None
        first, width = self._bits or (0, 8 * self.type.size)
        return next((hole.reason for hole in self._holes
                     if hole.begin < first + width and first < hole.end), None)  # fmt: skip

    @property
    def content(self) -> bytes:
        """Its bytes. Errors: `UsageError` where the memory cannot be read."""
        missing = self.missing
        if missing is not None:
            raise UsageError(f"a part of it is not known here: {missing}")
        if self._content is None:
            address, size = self.address or 0, self._stored
            found = self.read(address, size)
            if len(found) < size:
                raise UsageError(f"{size} bytes at {address:#x} cannot be read")
            self._content = found
        return self._content

    def __int__(self) -> int:
        kind = self.type.kind
        if kind == "array" and self.address is not None:
            return self.address
        if kind == "function" and self.address is not None:
            return self.address
        if kind == "other" or (kind == "base" and not self.type.is_whole and not self.type.is_float
                               and not self.type.is_complex):  # fmt: skip
            raise UsageError(f"values of the type {self.type} are not followed here")
        if kind not in ("base", "enumeration", "pointer", "reference") or not (
            kind != "base" or self.type.is_whole
        ):
            raise UsageError(f"{self.type} is no whole number")
        number = int.from_bytes(self.content[: self._stored], "little")
        width = 8 * self.type.size
        if self._bits is not None:
            first, width = self._bits
            number = number >> first & (1 << width) - 1
        if self.type.is_signed and number >> (width - 1) & 1:
            number -= 1 << width
        return number

    def __float__(self) -> float:
        return as_float(self.exact) if self.type.is_float else float(int(self))

    @property
    def exact(self) -> Exact:
        """A floating-point number, as exact as it is: a fraction where Python has no such number.

        Errors: `UsageError` for what is none.
        """
        if not self.type.is_float:
            raise UsageError(f"{self.type} is no floating-point number")
        return decoded(self.content, self.type.float_format)

    @property
    def parts_of_complex(self) -> tuple[Exact, Exact]:
        """The two parts of a complex number."""
        kind = self.type.float_format
        half = self.type.size // 2
        return decoded(self.content[:half], kind), decoded(self.content[half:], kind)

    def member(self, name: str) -> Value:
        """`value.name`; a pointer to a structure is followed."""
        value = self
        while value.type.kind in ("pointer", "reference"):
            is_reference = value.type.kind == "reference"
            value = value.dereference()
            if not is_reference:
                break
        if value.type.kind not in ("structure", "union"):
            raise UnknownNameError(f"{self.type} has no members, so no {name}")
        for member in value.type.find_member(name):
            value = value.part(member)
        return value

    def part(self, member: Member) -> Value:
        """A member that was found in its type.

        Errors: `UsageError` where its place cannot be found out.
        """
        place = self._place(member)
        bits = member.bits
        if bits is not None:
            # A bit field is read with the bytes that hold it.
            place, bits = place + bits[0] // 8, (bits[0] % 8, bits[1])
        if self.address is not None:
            return Value(member.type, self.read, place, bits=bits)
        size = member.type.size if member.type.has_size else 0
        end = place + (size if bits is None else (bits[0] + bits[1] + 7) // 8)
        return self._inside(member.type, place, end, bits)

    def _inside(
        self,
        kind: Type,
        begin: int,
        end: int,
        bits: tuple[int, int] | None = None,
    ) -> Value:
        """A part of what is in registers."""
        content = self.content if self._content is None else self._content
        holes = tuple(Hole(max(hole.begin - 8 * begin, 0), hole.end - 8 * begin, hole.reason)
                      for hole in self._holes
                      if hole.begin < 8 * end and 8 * begin < hole.end)  # fmt: skip
        return Value(kind, self.read, None, content[begin:end], bits, holes=holes)

    def _place(self, member: Member) -> int:
        """Where a member begins: its address, or its offset in a value that has none."""
        if member.offset is not None:
            return (self.address or 0) + member.offset
        name = member.name or str(member.type)
        if self.address is None:
            raise UsageError(f"the place of {name} depends on where the whole is: in no memory")
        context = FrameContext((None,) * len(DWARF_REGISTERS), 0, None, None, self.read)
        try:
            return self.type.actual.module.member_address(member.entry, self.address, context)
        except _native.SymbolError as error:
            raise UsageError(f"the place of {name} cannot be found out: {error}") from error

    def variant(self) -> Member | None:
        """Of a type with variants the one it is; None: it has none, or is none of those known."""
        variants = self.type.variants
        if variants is None:
            return None
        discriminant, members = variants
        number = 0
        if discriminant is not None:
            told = self.part(discriminant)
            number = int.from_bytes(told.content[: told.size], "little")
        width = 64 if discriminant is None else 8 * discriminant.type.size
        for value, member in members:
            if value is not None and value % 2**width == number:
                return member
        return next((member for value, member in members if value is None), None)

    def cast(self, target: Type) -> Value:
        """The value converted to another type, as C converts it."""
        is_whole = self.type.kind in ("structure", "union", "array")
        if is_whole and str(target.actual) == str(self.type.actual):
            return Value(
                target, self.read, self.address, self._content, self._bits, holes=self._holes
            )
        return converted(int(self) if not self.type.is_float else self.exact, target, self.read)

    def dereference(self) -> Value:
        """`*value`."""
        if self.type.kind == "array":
            return self.index(0)
        if self.type.kind == "function":
            return self
        if self.type.kind not in ("pointer", "reference"):
            raise UsageError(f"{self.type} is no pointer")
        if self.type.target.kind == "void":
            raise UsageError(f"{self.type} points to nothing that is known", "cast it: (char *)")
        return Value(self.type.target, self.read, int(self))

    def index(self, number: int) -> Value:
        """`value[number]`, of an array or a pointer."""
        target = self.type.target if self.type.kind in ("array", "pointer") else None
        if target is None:
            raise UsageError(f"{self.type} has no elements")
        offset = number * target.size
        if not -(1 << 63) <= offset < 1 << 63:
            raise UsageError(f"element {number} is in no memory")
        if self.type.kind == "array" and self.address is None:
            return self._inside(target, offset, offset + target.size)
        base = self.address if self.type.kind == "array" else int(self)
        return Value(target, self.read, (base or 0) + offset)

    def text(self) -> str | None:
        """The C string it is or points to; None for what is none or cannot be read."""
        found = self.text_bytes()
        return None if found is None else found.decode("utf-8", "replace")

    def text_bytes(self) -> bytes | None:
        """The bytes of the C string it is or points to, without the zero behind them."""
        kind = self.type.kind
        if kind not in ("array", "pointer") or not self.type.target.is_character:
            return None
        if kind == "array":
            return self.content.split(b"\0", 1)[0]
        found = self.read(int(self), LONGEST_TEXT)
        return found.split(b"\0", 1)[0] if found else None

    def wide_text(self) -> list[int] | None:
        """Codes of the characters of a text of wide ones, without the zero behind them."""
        kind = self.type.kind
        if kind not in ("array", "pointer") or not self.type.target.wide_prefix:
            return None
        size = self.type.target.size
        content = self.content if kind == "array" else self.read(int(self), size * LONGEST_TEXT)
        if not content and kind == "pointer":
            return None
        codes = [int.from_bytes(content[at : at + size], "little")
                 for at in range(0, len(content) - size + 1, size)]  # fmt: skip
        return codes[: codes.index(0)] if 0 in codes else codes

    def plain(self, depth: int = 0) -> Plain:
        """As Python's own: numbers, texts, lists, dictionaries; pointers are numbers."""
        kind = self.type.kind
        if depth > _DEEPEST or kind in ("void", "function", "other", "member pointer"):
            return None
        if kind in ("structure", "union"):
            variant = self.variant()
            return {
                member.name or f"<{member.type}>": self.part(member).plain(depth + 1)
                for member in (*self.type.members, *((variant,) if variant else ()))
            }
        text = self.text()
        if text is None and kind == "array":
            count = min(self.type.counts[0] or 0, MOST_ELEMENTS)
            return [self.index(number).plain(depth + 1) for number in range(count)]
        return self._plain_number() if text is None else text

    def _plain_number(self) -> Plain:
        if self.type.is_complex:
            real, imaginary = self.parts_of_complex
            return [as_float(real), as_float(imaginary)]
        if self.type.is_float:
            return float(self)
        number = int(self)
        if self.type.kind == "enumeration":
            return self.type.enumerator(number) or number
        return bool(number) if self.type.is_boolean else number


def _plain(operand: Union[Value, int, float]) -> Union[int, float]:
    return operand.number() if isinstance(operand, Value) else operand


def converted(number: Union[int, Exact], target: Type, read: Read) -> Value:
    """A number as a value of a type. Errors: `UsageError` for a type that is no number's."""
    if target.kind not in ("base", "enumeration", "pointer"):
        raise UsageError(f"a number cannot become {target}")
    if target.is_float:
        return Value(target, read, None, encoded(_exact(number), target.float_format))
    if target.kind == "base" and not target.is_whole:
        raise UsageError(f"conversion to {target} is not possible here")
    size = target.size
    whole = bool(number) if target.is_boolean else int(number)
    return Value(target, read, None, (whole % (1 << 8 * size)).to_bytes(size, "little"))


def _exact(number: Union[int, Exact]) -> Exact:
    return Fraction(number) if isinstance(number, int) else number
