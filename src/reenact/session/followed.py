"""The other side of bytes that went from one recorded process to another."""

from __future__ import annotations

from dataclasses import dataclass

from reenact.session.positions import Position


@dataclass(frozen=True)
class Followed:
    """A call that gave bytes, or got them.

    Arguments:
        position: the call, when it has taken effect.
        skipped: bytes of that call before the first one that is shared.
        begin: bytes of the call asked about before that.
        length: how many bytes both share.
        through: what they went through, in words.
        is_compared: whether a replay has shown that both have the same bytes.
        is_call: whether it is a call; else an instruction or event that stores to shared memory,
            and the position is right before it.
    """

    position: Position
    skipped: int
    begin: int
    length: int
    through: str
    is_compared: bool
    is_call: bool = True
