"""The wire format of gdb's remote serial protocol. Pure: bytes in, values out.

Source: "Remote Protocol", overview, in gdb's manual (appendix E.1).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Union

from reenact.printable import printable

_ESCAPE = 0x7D
_SPECIAL = b"}#$*"
_NO_SIGNS = {byte: f"\\x{byte:02x}" for byte in _SPECIAL}
_INTERRUPT = 0x03
_ACKNOWLEDGEMENTS = b"+-"
#: More than any packet that a client may send (`PacketSize` in server.py).
_LONGEST = 1 << 20


@dataclass(frozen=True)
class Packet:
    """A packet that has come whole; `is_good`: its checksum is right."""

    content: bytes
    is_good: bool


class Interrupt:
    """The client wants a movement to end (Ctrl-C)."""


def framed(content: bytes) -> bytes:
    """A packet with its frame and checksum; the content is escaped already."""
    return b"$" + content + b"#%02x" % (sum(content) & 0xFF)


def told_error(message: str) -> bytes:
    """The reply of a failure that a client shows as it is, in one packet and on one line."""
    # Clients do not undo an escape here, but expand what a star would mean, and end at the sign.
    return b"E." + printable(message).translate(_NO_SIGNS).encode()


def escaped(content: bytes) -> bytes:
    """Binary data as it may stand in a packet."""
    # Libraries go through here in whole; the sign that escapes comes first.
    for byte in _SPECIAL:
        content = content.replace(bytes((byte,)), bytes((_ESCAPE, byte ^ 0x20)))
    return content


def unescaped(content: bytes) -> bytes:
    """The inverse of `escaped`."""
    parts = content.split(b"}")
    return parts[0] + b"".join(bytes((part[0] ^ 0x20,)) + part[1:] for part in parts[1:] if part)


class Foreign:
    """What has come is no client of this protocol: a browser, for example."""


class PacketParser:
    """Takes bytes as they come, gives packets and interrupts."""

    def __init__(self) -> None:
        self._pending = bytearray()
        self._has_begun = False

    def feed(self, data: bytes) -> Iterator[Union[Packet, Interrupt, Foreign]]:
        """What is complete now. Acknowledgements and noise between packets are dropped.

        Noise before the first packet is `Foreign`: a page in a browser can have a packet sent to
        any port of this machine, but not as the first thing.
        """
        self._pending += data
        while self._pending:
            first = self._pending[0]
            if first == _INTERRUPT:
                del self._pending[0]
                yield Interrupt()
            elif first != ord("$"):
                if not self._has_begun and first not in _ACKNOWLEDGEMENTS:
                    yield Foreign()
                del self._pending[0]
            else:
                end = self._pending.find(b"#")
                if end < 0 or len(self._pending) < end + 3:
                    if len(self._pending) > _LONGEST:
                        yield Foreign()
                    return
                self._has_begun = True
                content = bytes(self._pending[1:end])
                checksum = bytes(self._pending[end + 1 : end + 3])
                del self._pending[: end + 3]
                yield Packet(content, checksum == b"%02x" % (sum(content) & 0xFF))
