"""The variables of a frame, and finding one by name."""

from __future__ import annotations

from dataclasses import replace

from reenact import _native
from reenact.errors import UsageError
from reenact.symbols.frames import DWARF_REGISTERS, RSP, XMM0, Frame, FrameContext, Read
from reenact.symbols.space import AddressSpace, Loaded
from reenact.symbols.thread_local import ThreadLocals
from reenact.symbols.types import Type
from reenact.symbols.values import Value

_RED_ZONE = 128
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

    def type_named(self, name: str) -> Type:
        """A type by its name. Errors: `UsageError` when there is none."""
        for loaded in self._modules():
            entry = loaded.module.type_named(name)
            if entry is not None:
                return Type(loaded.module, entry)
        raise UsageError(f"no type is named {name}")

    def void(self) -> Type:
        """The type of nothing, for pointers to it. Errors: `UsageError` without any module."""
        for loaded in self._modules():
            return Type(loaded.module, None)
        raise UsageError("no type is known here")

    def register(self, name: str) -> int:
        """A general register of the frame, by name without `$`."""
        if name not in DWARF_REGISTERS:
            raise UsageError(f"there is no register {name}")
        value = self._frame.registers[DWARF_REGISTERS.index(name)]
        if value is None:
            raise UsageError(f"the value of {name} in this frame is no longer known")
        return value

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
        for loaded in self._modules():
            for variable in loaded.module.globals(name):
                return self._value(loaded, variable, None)
        raise UsageError(f"no variable {name} can be seen here")

    def _modules(self) -> list[Loaded]:
        """All modules, the frame's own first."""
        others = [loaded for loaded in self._space.modules if loaded != self._loaded]
        return others if self._loaded is None else [self._loaded, *others]

    def _value(self, loaded: Loaded, variable: _Variable, function: int | None) -> Value | None:
        name, entry, type_entry, _ = variable
        kind = Type(loaded.module, type_entry)
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
                pieces = loaded.module.locate(entry, function, address, context)
            except _native.SymbolError:
                # Where thread-local ones are is found out for them alone: it takes a while.
                context = replace(context, thread_local=self._thread_local(loaded))
                pieces = loaded.module.locate(entry, function, address, context)
        except _native.SymbolError as error:
            raise UsageError(f"{name} cannot be read: {error}") from error
        if len(pieces) == 1 and pieces[0][0] == "memory" and pieces[0][3] is None:
            return Value(kind, self._read, pieces[0][1])
        content = self._assembled(pieces, kind.size)
        return None if content is None else Value(kind, self._read, None, content)

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
