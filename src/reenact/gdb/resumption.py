"""A movement as a client asks for it. Pure.

Source: "Packets", on vCont, in gdb's manual (appendix E.2).
"""

from __future__ import annotations

from dataclasses import dataclass

from reenact.gdb import identifiers


@dataclass(frozen=True)
class Resumption:
    """A movement a client wants.

    Arguments:
        backward: towards the start.
        step: one instruction (of `thread`), else to the next stop.
        thread: which one; None: any.
        until: steps go on while the address is within this range.
        is_alone: the client expects no stop of another thread.
    """

    backward: bool = False
    step: bool = False
    thread: int | None = None
    until: tuple[int, int] | None = None
    is_alone: bool = False


def resumption(rest: str) -> Resumption:
    """The first action of a `vCont`: of several, it is that of the thread that is stepped."""
    first, *others = rest.split(";")
    action, _, name = first.partition(":")
    if action[:1] not in tuple("cCsSr"):
        raise ValueError(action)
    chosen = identifiers.parse(name).thread if name else None
    until = None
    if action.startswith("r"):
        start, end = (int(part, 16) for part in action[1:].split(","))
        until = (start, end)
    is_alone = chosen is not None and not others
    return Resumption(step=action[0] in "sSr", thread=chosen, until=until, is_alone=is_alone)
