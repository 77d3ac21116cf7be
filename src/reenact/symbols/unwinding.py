"""From the registers of a thread to its call frames."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from reenact import _native
from reenact.symbols.frames import DWARF_REGISTERS, RIP, RSP, Frame, FrameContext, Read
from reenact.symbols.space import AddressSpace

#: Frames after which a stack is taken for endless.
MOST_FRAMES = 10_000


def unwind(space: AddressSpace, registers: Mapping[str, int], read: Read) -> Iterator[Frame]:
    """The call frames of a thread, innermost first, with inlined calls.

    Arguments:
        space: the modules at the position.
        registers: general registers by name, with `rip`.
        read: reads the program's memory.
    """
    known: tuple[int | None, ...] = tuple(registers[name] for name in DWARF_REGISTERS)
    # Of a frame that was interrupted the address itself is meant; of one that has made a call,
    # the call before the return address, which may be the last instruction of its function.
    was_interrupted = True
    level = 0
    while level < MOST_FRAMES:
        address = known[RIP]
        if address is None:
            return
        lookup = address if was_interrupted else address - 1
        caller = _caller(space, lookup, known, read, is_innermost=level == 0)
        frame_address = caller[0] if caller else None
        for depth, place in enumerate(space.places(lookup)):
            yield Frame(
                level=level,
                address=address,
                function=place.function,
                file=place.file,
                line=place.line,
                is_inlined=place.is_inlined,
                registers=known,
                frame_address=frame_address,
                lookup_address=lookup,
                depth=depth,
            )
            level += 1
        if caller is None:
            return
        _, upper, was_interrupted = caller
        stack, before = upper[RSP], known[RSP]
        # A damaged stack must not lead in circles; a signal's stack may lie anywhere.
        if not was_interrupted and (stack is None or (before is not None and stack <= before)):
            return
        known = tuple(upper)


def _caller(
    space: AddressSpace,
    address: int,
    registers: tuple[int | None, ...],
    read: Read,
    *,
    is_innermost: bool,
) -> tuple[int, list[int | None], bool] | None:
    loaded = space.module_at(address)
    if loaded is not None:
        context = FrameContext(registers, loaded.bias, None, None, read)
        try:
            return loaded.module.unwind(address - loaded.bias, context)
        except _native.SymbolError:
            return None
    stack = registers[RSP]
    if not is_innermost or stack is None:
        return None
    # A call through a bad pointer: the return address has just been pushed.
    word = read(stack, 8)
    target = int.from_bytes(word, "little")
    if len(word) < 8 or space.module_at(target) is None:
        return None
    upper = list(registers)
    upper[RSP], upper[RIP] = stack + 8, target
    return stack + 8, upper, False
