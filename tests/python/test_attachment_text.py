"""Attachments as people read them; damaged ones are shown as bytes."""

import struct

import pytest

from reenact.attachment_text import _DESCRIBERS, describe
from reenact.events import Attachment


@pytest.mark.parametrize(
    ("tag", "address", "content", "line"),
    [
        ("write", 0x10, b"ab\0", r'write 0x10 3 bytes "ab\0"'),
        ("zero", 0x10, struct.pack("<Q", 8), "zero 0x10 8 bytes"),
        (
            "map",
            0x1000,
            struct.pack("<QIIIIQQ", 0x2000, 5, 0x12, 3, 0, 0x4000, 99),
            "map 0x1000-0x3000 r-x flags 0x12 file 3 of 99 bytes from 0x4000",
        ),
        ("argv", 0, b"ls\0-l\0", 'argv "ls" "-l"'),
        ("path", 1, b"/tmp", 'directory "/tmp"'),
        ("patch", 0x10, b"\xe9\x01\x0f\x05", "patch 0x10 0f 05 becomes e9 01"),
        ("process", 0, struct.pack("<II", 2, 4711), "process 2 with pid 4711"),
        ("news", 0, b"x", 'news 1 bytes "x"'),
    ],
)
def test_describe(tag, address, content, line):
    assert describe(Attachment(tag, address, content)) == line


@pytest.mark.parametrize("tag", sorted(_DESCRIBERS))
@pytest.mark.parametrize("content", [b"", b"\xff", b"\0" * 41])
def test_damage_is_shown_not_raised(tag, content):
    assert describe(Attachment(tag, 1, content))
