"""What registers had in them when a function was called, as its caller tells."""

from __future__ import annotations

from collections.abc import Callable

from reenact import _native
from reenact.symbols.frames import RIP, Frame, FrameContext, Read
from reenact.symbols.space import AddressSpace, Loaded

#: Callers that are asked for what they were called with themselves.
_DEEPEST = 16


class EntryValues:
    """Of one frame.

    Arguments:
        space: the modules at the position.
        frame_at: the frame of a level; None: there is none.
        frame: the frame that is asked about.
        read: reads the program's memory.
    """

    def __init__(
        self,
        space: AddressSpace,
        frame_at: Callable[[int], Frame | None],
        frame: Frame,
        read: Read,
        depth: int = 0,
    ) -> None:
        self._space = space
        self._frame_at = frame_at
        self._frame = frame
        self._read = read
        self._depth = depth

    def value(self, register: int) -> int | None:
        """What a register had in it, by its DWARF number; None: the caller does not say."""
        caller = self._caller()
        if caller is None or self._depth >= _DEEPEST:
            return None
        loaded = self._space.module_at(caller.lookup_address)
        if loaded is None or caller.registers[RIP] is None:
            return None
        outer = EntryValues(self._space, self._frame_at, caller, self._read, self._depth + 1)
        context = FrameContext(
            caller.registers, loaded.bias, caller.frame_address, None, self._read, outer.value
        )
        try:
            found = loaded.module.call_parameter(caller.address - loaded.bias, register, context)
        except _native.SymbolError:
            return None
        if found is None or not self._is_called(loaded, found[1], found[2]):
            return None
        return found[0]

    def _caller(self) -> Frame | None:
        """The frame that called: the next one that is of another call frame."""
        level = self._frame.level
        while True:
            frame = self._frame_at(level)
            if frame is None:
                return None
            if frame.frame_address != self._frame.frame_address:
                return frame
            level += 1

    def _is_called(self, caller: Loaded, target: int | None, name: str | None) -> bool:
        """Whether the caller meant this function: it may have ended in a call of another one."""
        function = self._space.function_at(self._frame.lookup_address)
        if function is None:
            return False
        if target is not None:
            return target + caller.bias == function[0]
        if name is None:
            return False
        own = self._space.module_at(self._frame.lookup_address)
        if own is None:
            return False
        known = own.module.symbols_named(name)
        return any(address + own.bias == function[0] for _, address, *_ in known)
