"""The variables of a frame, and finding one by name."""

from __future__ import annotations

from dataclasses import replace

from reenact import _native
from reenact.errors import UnknownNameError, UsageError
from reenact.symbols import registers
from reenact.symbols.frames import DWARF_REGISTERS, RSP, XMM0, Frame, FrameContext, Read
from reenact.symbols.space import AddressSpace, Loaded
from reenact.symbols.thread_local import ThreadLocals
from reenact.symbols.type_spellings import spellings
from reenact.symbols.types import LanguageType, Type
from reenact.symbols.values import Value

_RED_ZONE = 128
#: Kinds of places where a variable outside of functions can be: see `_rank`.
_RANKS = 5
_Variable = tuple[str, int, "int | None", bool]


class FrameVariables:
    """What can be seen from a frame.

    Arguments:
        space: the modules at the position.
        frame: the frame.
        read: reads the program's memory.
        vectors: contents of xmm0 to xmm15, of level 0; empty where not known.
        thread_pointer: fs_base of the thread; None: thread-local variables cannot be read.
        program: path of the program itself.
    """

    def __init__(
        self,
        space: AddressSpace,
        frame: Frame,
        read: Read,
        vectors: tuple[bytes, ...] = (),
        *,
        thread_pointer: int | None = None,
        program: str = "",
    ) -> None:
        self._space = space
        self._frame = frame
        self._read = read
        self._vectors = vectors
        self._thread_pointer = thread_pointer
        self._thread_locals = ThreadLocals(space, read, program)
        self._program = program
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
        """A variable of the frame, or one outside of functions; None: optimized out here.

        Errors: `UsageError` when there is none of this name.
        """
        function, own = self._own()
        # Inner blocks come last, and hide what is outside.
        for variable in reversed(own):
            if variable[0] == name and self._loaded is not None:
                return self._value(self._loaded, variable, function)
        return self._outside(name)

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
        for spelling in spellings(name):
            for loaded in self._modules():
                entry = loaded.module.type_named(spelling)
                if entry is not None:
                    return Type(loaded.module, entry)
        for loaded in self._modules():
            return LanguageType(loaded.module, name)
        raise UsageError(f"no type is named {name}")

    def enumerator(self, name: str) -> int | None:
        """The value of a constant of an enumeration; None: there is none of this name."""
        for loaded in self._modules():
            found = loaded.module.enumerator_named(name)
            if found is not None:
                return found
        return None

    def void(self) -> Type:
        """The type of nothing, for pointers to it. Errors: `UsageError` without any module."""
        for loaded in self._modules():
            return Type(loaded.module, None)
        raise UsageError("no type is known here")

    def register(self, name: str) -> tuple[int, int, bool]:
        """A register of the frame, by name without `$`: value, bytes, and whether it has a sign.

        Also parts of general ones such as `eax`, and `pc`, `sp`, `fp` as gdb has them.
        """
        whole, size, shift = registers.part(name)
        if whole not in DWARF_REGISTERS:
            raise UnknownNameError(
                f"there is no register {name}", "general registers, their parts, pc, sp and fp"
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

    def _outside(self, name: str) -> Value | None:
        """A variable outside of functions: C's own order, then what nobody else could mean."""
        best: list[tuple[Loaded, _Variable, str]] = []
        best_rank = _RANKS
        for loaded in self._modules():
            is_own = loaded == self._loaded
            address = self._frame.lookup_address - loaded.bias if is_own else None
            for variable, is_external, is_of_unit, source in loaded.module.globals(name, address):
                rank = self._rank(loaded, is_external=is_external, is_of_unit=is_of_unit)
                if rank < best_rank:
                    best, best_rank = [], rank
                if rank == best_rank:
                    best.append((loaded, variable, f"{source or '?'} of {loaded.path}"))
            if best_rank == 0:
                break
        if not best:
            raise UnknownNameError(f"no variable {name} can be seen here", self._missing())
        if best_rank == _RANKS - 1 and len(best) > 1:
            places = sorted({place for *_, place in best})
            if len(places) > 1:
                raise UsageError(
                    f"{name} can be one of {len(places)}: of {', '.join(places[:3])}",
                    "ask in a frame of the file that is meant",
                )
        return self._value(best[0][0], best[0][1], None)

    def _missing(self) -> str:
        """What is not there of the debug information; "" where nothing is known to be missing."""
        for loaded in self._modules():
            if loaded.module.missing_part is not None:
                part = loaded.module.missing_part
                return f"a part of the debug information of {loaded.path} is not there: {part}"
        return ""

    def _rank(self, loaded: Loaded, *, is_external: bool, is_of_unit: bool) -> int:
        """How near a variable is: of the frame's unit, module, of the program, or elsewhere."""
        if is_of_unit:
            return 0
        if is_external:
            return 1 if loaded == self._loaded else 2 if loaded.path == self._program else 3
        return _RANKS - 1

    def _modules(self) -> list[Loaded]:
        """All modules, the frame's own first."""
        others = [loaded for loaded in self._space.modules if loaded != self._loaded]
        return others if self._loaded is None else [self._loaded, *others]

    def _value(self, loaded: Loaded, variable: _Variable, function: int | None) -> Value | None:
        kind = Type(loaded.module, variable[2])
        pieces = self._pieces(loaded, variable, function)
        if len(pieces) == 1 and pieces[0][0] == "memory" and pieces[0][3] is None:
            return Value(kind, self._read, pieces[0][1])
        content = self._assembled(pieces, kind.size)
        return None if content is None else Value(kind, self._read, None, content)

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
    ) -> bytes | None:
        """The bytes of a value that is in registers or in parts; None: not all of it is there."""
        content = b""
        for where, number, known, bits, first_bit in pieces:
            length = size - len(content) if bits is None else bits // 8
            if first_bit % 8:
                return None
            skip = first_bit // 8
            if where == "memory":
                part = self._read(number + skip, length)
            elif where == "register":
                part = self._register_bytes(number)[skip : skip + length]
            else:
                part = (known or b"")[skip : skip + length]
            if len(part) < length:
                return None
            content += part
        return content if pieces and len(content) >= size else None

    def _register_bytes(self, number: int) -> bytes:
        if XMM0 <= number < XMM0 + len(self._vectors):
            return self._vectors[number - XMM0]
        if number >= len(self._frame.registers):
            return b""
        value = self._frame.registers[number]
        return b"" if value is None else value.to_bytes(8, "little")
