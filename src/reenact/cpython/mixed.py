"""Python frames at their place among the native ones.

Each run of the interpreter's loop is a native frame, and from 3.11 on executes several Python
frames. What it keeps on the C stack tells which native frame it is: no symbols are needed. Before
3.11 nothing is kept there, and the loop is known by its name.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Union

from reenact.cpython.frames import FramePlace
from reenact.cpython.values import Place
from reenact.errors import UsageError
from reenact.symbols.frames import RSP, Frame

_LOOP = "_PyEval_EvalFrameDefault"
_FIRST_OWN = 3
_MOST = 100_000


def mixed(where: Place, state: int, native: Sequence[Frame]) -> Iterator[Union[FramePlace, Frame]]:
    """The frames of a thread, innermost first.

    Arguments:
        where: the interpreter's state.
        state: of the thread.
        native: its native frames.

    Errors: `UsageError` where Python frames have no native frame.
    """
    if where.objects.layout.has_frame_objects:
        groups = _by_name(where, state, native)
    else:
        groups = _by_stack(where, state, native)
    for number, frame in enumerate(native):
        yield from groups.pop(number, ())
        yield frame


def _by_name(where: Place, state: int, native: Sequence[Frame]) -> dict[int, list[FramePlace]]:
    found = list(where.frames.frames(state))
    loops = [number for number, one in enumerate(native) if one.function == _LOOP]
    # The innermost call of the loop may not have begun its frame yet, or have ended it.
    if len(loops) == len(found) + 1:
        loops = loops[1:]
    if len(loops) != len(found):
        raise UsageError(
            "which native frames execute the Python ones cannot be told: "
            f"{len(found)} are executed, and {len(loops)} calls of the interpreter's loop are seen",
            "see both by themselves",
        )
    return {number: [one] for number, one in zip(loops, found)}


def _by_stack(where: Place, state: int, native: Sequence[Frame]) -> dict[int, list[FramePlace]]:
    found: dict[int, list[FramePlace]] = {}
    for marker, frames in _runs(where, state):
        number = next(
            (
                number
                for number, one in enumerate(native)
                if one.frame_address is not None
                and (one.registers[RSP] or one.frame_address) <= marker < one.frame_address
            ),
            None,
        )
        if number is None:
            if frames:
                raise UsageError(
                    "the native frame that executes some of the Python frames is not among those "
                    "that are known",
                    "see both by themselves",
                )
            continue
        found.setdefault(number, []).extend(frames)
    return found


def _runs(where: Place, state: int) -> Iterator[tuple[int, list[FramePlace]]]:
    """Of each run of the loop, something in its native frame, and its Python frames."""
    memory, layout = where.objects.memory, where.objects.layout
    if "thread.cframe" not in layout:
        yield from _between_own(where, state)
        return
    held = memory.word(state + layout["thread.cframe"])
    for _ in range(_MOST):
        if not held:
            return
        outer = memory.word(held + layout["cframe.previous"])
        end = memory.word(outer + layout["cframe.current_frame"]) if outer else 0
        address = memory.word(held + layout["cframe.current_frame"])
        run: list[FramePlace] = []
        while address and address != end and len(run) < _MOST:
            one = where.frames.at(address)
            if one is not None:
                run.append(one)
            address = memory.word(address + layout["frame.previous"])
        if outer or run:
            yield held, run
        held = outer


def _between_own(where: Place, state: int) -> Iterator[tuple[int, list[FramePlace]]]:
    """From 3.13 on each run of the loop has a frame of its own on the C stack, its outermost."""
    memory, layout = where.objects.memory, where.objects.layout
    address = where.frames.newest(state)
    run: list[FramePlace] = []
    for _ in range(_MOST):
        if not address:
            break
        one = where.frames.at(address)
        if one is not None:
            run.append(one)
        elif memory.byte(address + layout["frame.owner"]) >= _FIRST_OWN:
            yield address, run
            run = []
        address = memory.word(address + layout["frame.previous"])
    if run:
        yield address, run
