"""The variables of a frame, and finding one by name."""

from __future__ import annotations

import difflib
from dataclasses import replace

from reenact import _native
from reenact.errors import UnknownNameError, UsageError
from reenact.symbols import registers
from reenact.symbols.frames import (
    DWARF_REGISTERS,
    RSP,
    XMM0,
    EntryValue,
    Frame,
    FrameContext,
    Read,
)  # fmt: skip
from reenact.symbols.lookup import Lookup
from reenact.symbols.made_types import Flags, LanguageType, Registers, UnknownFunction
from reenact.symbols.space import AddressSpace, Loaded
from reenact.symbols.thread_local import ThreadLocals
from reenact.symbols.types import Type
from reenact.symbols.values import Hole, Value, converted

_RED_ZONE = 128
_OPTIMIZED_OUT = "optimized out"
#: Names that a hint tells, and how much alike they are to what was written (`difflib`).
_MOST_ALIKE, _ALIKENESS = 2, 0.7
_Variable = tuple[str, int, "int | None", bool]


class FrameVariables:
    """What can be seen from a frame.

    Arguments:
        space: the modules at the position.
        frame: the frame.
        read: reads the program's memory.
        vectors: contents of xmm0 to xmm15, of level 0; empty where not known.
        flags: the register of flags, of level 0; None: not known.
        thread_pointer: fs_base of the thread; None: thread-local variables cannot be read.
        program: path of the program itself.
        entry_value: what a register had in it when the function was called; None: not known.
    """

    def __init__(
        self,
        space: AddressSpace,
        frame: Frame,
        read: Read,
        vectors: tuple[bytes, ...] = (),
        *,
        flags: int | None = None,
        thread_pointer: int | None = None,
        program: str = "",
        entry_value: EntryValue | None = None,
    ) -> None:
        self._space = space
        self._frame = frame
        self._read = read
        self._vectors = vectors
        self._flags = flags
        self._thread_pointer = thread_pointer
        self._thread_locals = ThreadLocals(space, read, program)
        self._program = program
        self._entry_value = entry_value
        self._loaded = space.module_at(frame.lookup_address)

    @property
    def read(self) -> Read:
        """Reads the program's memory."""
        return self._read

    @property
    def names(self) -> tuple[str, ...]:
        """Parameters and local variables, those of outer blocks first."""
        return tuple(dict.fromkeys(name for name, *_ in self._own()[1]))

    def locals(self) -> dict[str, Value | None]:
        """Parameters and local variables by name; None: optimized out here, or out of reach."""
        found: dict[str, Value | None] = {}
        for name in self.names:
            try:
                found[name] = self.find(name)
            except UsageError:
                found[name] = None
        return found

    def find(self, name: str) -> Value | None:
        """A variable of the frame, or what is outside of functions; None: optimized out here.

        In a function of a class also its members; functions and constants of enumerations are
        found, too. `'file.c'::name` and `function::name` say which one is meant.

        Errors: `UsageError` when there is none of this name, or several may be meant.
        """
        function, own = self._own()
        # Inner blocks come last, and hide what is outside.
        for variable in reversed(own):
            if variable[0] == name and self._loaded is not None:
                return self._value(self._loaded, variable, function)
        member = self._member(name, own, function)
        if member is not None:
            return member
        try:
            return self._outside(name, function)
        except UnknownNameError as error:
            # What is nearest is what is meant most often.
            alike = difflib.get_close_matches(name, self.names, _MOST_ALIKE, _ALIKENESS)
            if not alike:
                raise
            hint = f"did you mean {' or '.join(alike)}?"
            raise UnknownNameError(error.message, hint) from None

    def _member(self, name: str, own: list[_Variable], function: int | None) -> Value | None:
        """A member of the object whose function this is; None: it has none."""
        this = next((variable for variable in own if variable[0] == "this"), None)
        if this is None or self._loaded is None or "::" in name:
            return None
        kind = Type(self._loaded.module, this[2])
        if kind.kind != "pointer":
            return None
        try:
            kind.target.find_member(name)
        except UsageError:
            return None
        found = self._value(self._loaded, this, function)
        if found is None:
            raise UsageError(f"{name} is a member of *this, which is optimized out here")
        return found.member(name)

    def is_local(self, name: str) -> bool:
        """Whether a name means a variable that lives as long as the call of its function."""
        value = self.find(name) if name in self.names else None
        stack = self._frame.registers[RSP]
        base = self._frame.frame_address
        if value is None or value.address is None or stack is None or base is None:
            return False
        # A `static` one lies elsewhere.
        return stack - _RED_ZONE <= value.address < base

    def register_of(self, name: str) -> int | None:
        """The register, by DWARF's number, that all of a variable of the frame is in; None: none.

        Errors: `UsageError` when there is no variable of this name, or it cannot be read.
        """
        function, own = self._own()
        for variable in reversed(own):
            if variable[0] == name and self._loaded is not None:
                pieces = self._pieces(self._loaded, variable, function)
                is_whole = len(pieces) == 1 and pieces[0][0] == "register" and pieces[0][3] is None
                return pieces[0][1] if is_whole else None
        return None

    def type_named(self, name: str) -> Type:
        """A type by its name. Errors: `UsageError` when there is none."""
        return self._lookup(self._own()[0]).find_type(name)

    def void(self) -> Type:
        """The type of nothing, for pointers to it. Errors: `UsageError` without any module."""
        return Type(self._any_module(), None)

    def language_type(self, name: str) -> Type:
        """A type of the language itself. Errors: `UsageError` without any module."""
        return LanguageType(self._any_module(), name)

    def _any_module(self) -> _native.Module:
        for loaded in self._lookup(None).modules():
            return loaded.module
        raise UsageError("no type is known here")

    def vector(self, name: str) -> Value:
        """A vector register of the frame, by name without `$`.

        Errors: `UsageError` where it is not known.
        """
        number = int(name.removeprefix("xmm"))
        if number >= len(self._vectors):
            raise UsageError(f"the value of {name} in this frame is no longer known")
        kind = Registers(self._any_module())
        return Value(kind, self._read, None, bytes(self._vectors[number][:16]))

    def flags(self) -> Value:
        """The register of flags of the frame. Errors: `UsageError` where it is not known."""
        if self._flags is None:
            raise UsageError("the value of eflags in this frame is no longer known")
        content = (self._flags & 0xFFFFFFFF).to_bytes(4, "little")
        return Value(Flags(self._any_module()), self._read, None, content)

    def register(self, name: str) -> tuple[int, int, bool]:
        """A register of the frame, by name without `$`: value, bytes, and whether it has a sign.

        Also parts of general ones such as `eax`, and `pc`, `sp`, `fp` as gdb has them.
        """
        whole, size, shift = registers.part(name)
        if whole not in DWARF_REGISTERS:
            raise UnknownNameError(
                f"there is no register {name}",
                "general registers, their parts, pc, sp, fp, eflags, xmm0 to xmm15",
            )
        value = self._frame.registers[DWARF_REGISTERS.index(whole)]
        if value is None:
            raise UsageError(f"the value of {name} in this frame is no longer known")
        value = value >> shift & (1 << 8 * size) - 1
        is_signed = name not in ("pc", "sp", "fp", "rip")
        if is_signed and value >> (8 * size - 1):
            value -= 1 << 8 * size
        return value, size, is_signed

    def _own(self) -> tuple[int | None, list[_Variable]]:
        if self._loaded is None:
            return None, []
        address = self._frame.lookup_address - self._loaded.bias
        scopes = self._loaded.module.scopes(address)
        if self._frame.depth >= len(scopes):
            return None, []
        function, _, variables = scopes[self._frame.depth]
        return function, variables

    def _lookup(self, function: int | None) -> Lookup:
        return Lookup(self._space, self._frame.lookup_address, self._program, function)

    def _outside(self, name: str, function: int | None) -> Value | None:
        """What a name means outside of functions."""
        meant = self._lookup(function).find(name)
        module = meant.loaded.module
        if meant.kind == "constant":
            return converted(meant.number, Type(module, meant.entry), self._read)
        if meant.kind == "function":
            kind = Type(module, meant.entry) if meant.entry is not None else UnknownFunction(module)
            return Value(kind, self._read, meant.number + meant.loaded.bias)
        if meant.variable is None or not meant.has_place:
            return None
        return self._value(meant.loaded, meant.variable, None)

    def _value(self, loaded: Loaded, variable: _Variable, function: int | None) -> Value | None:
        kind = Type(loaded.module, variable[2])
        pieces = self._pieces(loaded, variable, function)
        if len(pieces) == 1 and pieces[0][0] == "memory" and pieces[0][3] is None:
            return Value(kind, self._read, pieces[0][1])
        content, holes = self._assembled(pieces, kind.size)
        if sum(hole.end - hole.begin for hole in holes) < 8 * kind.size:
            return Value(kind, self._read, None, content, holes=holes)
        reason = next((hole.reason for hole in holes if hole.reason != _OPTIMIZED_OUT), None)
        if reason is not None:
            raise UsageError(f"{variable[0]} is not known here: {reason}")
        return None

    def _pieces(
        self, loaded: Loaded, variable: _Variable, function: int | None
    ) -> list[tuple[str, int, bytes | None, int | None, int]]:
        """Where the parts of a variable are (see `_native.Module.locate`)."""
        name, entry, *_ = variable
        context = FrameContext(
            self._frame.registers,
            loaded.bias,
            self._frame.frame_address,
            None,
            self._read,
            self._entry_value,
        )
        # Where the frame is says nothing of another module's variables, and may lie before it.
        is_own = self._loaded is not None and loaded.bias == self._loaded.bias
        address = self._frame.lookup_address - loaded.bias if is_own else 0
        try:
            try:
                return loaded.module.locate(entry, function, address, context)
            except _native.SymbolError:
                # Where thread-local ones are is found out for them alone: it takes a while.
                context = replace(context, thread_local=self._thread_local(loaded))
                return loaded.module.locate(entry, function, address, context)
        except _native.SymbolError as error:
            raise UsageError(f"{name} cannot be read: {error}") from error

    def _thread_local(self, loaded: Loaded) -> int | None:
        """Where the module's thread-local variables begin, as far as that is known."""
        if self._thread_pointer is None:
            return None
        return self._thread_locals.of_module(loaded, self._thread_pointer)

    def _assembled(
        self, pieces: list[tuple[str, int, bytes | None, int | None, int]], size: int
    ) -> tuple[bytes, tuple[Hole, ...]]:
        """The bytes of a value that is in registers or in parts, and which bits are not known."""
        content = at = 0
        holes: list[Hole] = []
        for where, number, known, bits, first_bit in pieces:
            width = min(8 * size - at if bits is None else bits, 8 * size - at)
            skip, shift = divmod(first_bit, 8)
            length = (shift + width + 7) // 8
            if where == "memory":
                part = self._read(number + skip, length)
            elif where == "register":
                part = self._register_bytes(number)[skip : skip + length]
            else:
                part = (known or b"")[skip : skip + length]
            if len(part) < length:
                holes.append(Hole(at, at + width, _reason(where, number)))
            else:
                content |= (int.from_bytes(part, "little") >> shift & (1 << width) - 1) << at
            at += width
        if at < 8 * size:
            holes.append(Hole(at, 8 * size, _OPTIMIZED_OUT))
        return content.to_bytes(size, "little"), tuple(holes)

    def _register_bytes(self, number: int) -> bytes:
        if XMM0 <= number < XMM0 + len(self._vectors):
            return self._vectors[number - XMM0]
        if number >= len(self._frame.registers):
            return b""
        value = self._frame.registers[number]
        return b"" if value is None else value.to_bytes(8, "little")


def _reason(where: str, number: int) -> str:
    """Why a part of a variable is nowhere."""
    if where == "register":
        known = number < len(DWARF_REGISTERS)
        name = DWARF_REGISTERS[number] if known else f"xmm{number - XMM0}"
        return f"it was in {name}, which may have changed since the call"
    if where == "memory":
        return f"{number:#x} cannot be read"
    return "synthetic pointer" if where == "implicit pointer" else _OPTIMIZED_OUT
