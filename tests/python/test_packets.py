"""The wire format of the remote protocol: what may not stand in a packet, and back."""

from __future__ import annotations

import random

import pytest

from reenact.gdb.packets import Packet, PacketParser, escaped, framed, unescaped

CONTENTS = [
    b"",
    b"}",
    b"#$}*",
    b"}]}\x03*",
    bytes(range(256)) * 3,
    random.Random(5).randbytes(9000),
]


@pytest.mark.parametrize("content", CONTENTS, ids=len)
def test_binary_content_arrives(content: bytes) -> None:
    """A parser that gets the frame in parts finds it, and no special byte ends it early."""
    raw = framed(escaped(content))
    assert not set(raw[1:-3]) & set(b"#$*")
    parser, found = PacketParser(), []
    for start in range(0, len(raw), 1000):
        found += parser.feed(raw[start : start + 1000])
    (packet,) = found
    assert isinstance(packet, Packet)
    assert packet.is_good
    assert unescaped(packet.content) == content


def test_the_escape_is_the_protocols() -> None:
    """Each special byte is told by 0x7d and itself with bit 5 changed."""
    assert escaped(b"a}b#c$d*e") == b"a}]b}\x03c}\x04d}\ne"
