"""Descriptors that go from process to process with a message (SCM_RIGHTS, unix(7)).

The log has the numbers that a receiver has got; those that a sender gave are in its memory.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from reenact.events import Event
from reenact.streams.descriptions import Place
from reenact.streams.memory_of_calls import CallMemory

#: Calls with a `struct msghdr` behind their second argument.
SENDMSG, RECVMSG = 46, 47
#: struct cmsghdr, and the places of control data and its length in struct msghdr.
_HEADER = struct.Struct("<Qii")
_CONTROL, _MESSAGE = 32, 56
_SOL_SOCKET, _SCM_RIGHTS = 1, 1
#: Bytes of control data that are looked at (`net.core.optmem_max` of old is 20 KiB).
_MOST_CONTROL = 1 << 17


@dataclass(frozen=True)
class Passing:
    """A message with descriptors.

    Arguments:
        sent: the call that gave them.
        numbers: what they were to the sender.
    """

    sent: Place
    numbers: tuple[int, ...]


def received(event: Event) -> tuple[int, ...]:
    """The descriptors that a call has got with a message, by their numbers."""
    if event.code != RECVMSG or event.result < 0:
        return ()
    written = {one.address: one.content for one in event.attachments if one.tag == "write"}
    message = written.get(event.args[1], b"")
    if len(message) < _MESSAGE:
        return ()
    address, length = struct.unpack_from("<QQ", message, _CONTROL)
    return tuple(_descriptors(written.get(address, b"")[:length]))


def given(memory: CallMemory, event: Event) -> tuple[int, ...]:
    """The descriptors that a call has given with a message, by their numbers.

    Errors: `ReenactError` where the process cannot be replayed so far.
    """
    if event.code != SENDMSG:
        return ()
    message = memory.read(event.process, event.index, event.args[1], _MESSAGE)
    if len(message) < _MESSAGE:
        return ()
    address, length = struct.unpack_from("<QQ", message, _CONTROL)
    control = memory.read(event.process, event.index, address, min(length, _MOST_CONTROL))
    return tuple(_descriptors(control))


def _descriptors(control: bytes) -> Iterator[int]:
    place = 0
    while place + _HEADER.size <= len(control):
        length, level, kind = _HEADER.unpack_from(control, place)
        if not _HEADER.size <= length <= len(control) - place:
            return
        if (level, kind) == (_SOL_SOCKET, _SCM_RIGHTS):
            count = (length - _HEADER.size) // 4
            yield from struct.unpack_from(f"<{count}i", control, place + _HEADER.size)
        # Each begins at a multiple of 8 (CMSG_ALIGN).
        place += length + 7 & ~7
