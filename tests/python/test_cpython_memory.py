"""Reading a CPython's objects from memory that may be anything: text or a refusal, no failure."""

from __future__ import annotations

import contextlib
import random
import struct

import pytest

from reenact.cpython.code import KnownCode, code_at
from reenact.cpython.executing import ThreadState
from reenact.cpython.frames import FrameReader
from reenact.cpython.layouts import HEAD_SIZE, Layout, layout_of
from reenact.cpython.lines import stretches
from reenact.cpython.objects import Objects
from reenact.cpython.reading import Reading, UnreadableError
from reenact.errors import UsageError

_BEGIN, _SIZE = 0x10000, 0x8000


def _layout(version: tuple[int, int]) -> Layout:
    """The layout of a version that does not tell it itself."""
    return layout_of(version, bytes(HEAD_SIZE))


def _memory(chosen: random.Random) -> bytes:
    """Words that are small, pointers into this memory, type flags, or anything."""
    made = [
        lambda: chosen.randrange(0, 64),
        lambda: _BEGIN + 8 * chosen.randrange(_SIZE // 8),
        lambda: 1 << chosen.randrange(64),
        lambda: chosen.getrandbits(64),
    ]
    return struct.pack(f"<{_SIZE // 8}Q", *(chosen.choice(made)() for _ in range(_SIZE // 8)))


def _reading(content: bytes):
    def read(address: int, length: int) -> bytes:
        struct.pack("<QQ", address, length)
        if not _BEGIN <= address < _BEGIN + _SIZE:
            return b""
        return content[address - _BEGIN :][:length]

    return read


@pytest.mark.parametrize("version", [(3, 9), (3, 10), (3, 11), (3, 12)])
@pytest.mark.parametrize("seed", range(12))
def test_any_memory_is_told_or_refused(version: tuple[int, int], seed: int) -> None:
    chosen = random.Random(seed)
    read, layout = _reading(_memory(chosen)), _layout(version)
    objects = Objects(Reading(read), layout)
    reader = FrameReader(objects, _BEGIN + 8 * chosen.randrange(100), KnownCode())
    for _ in range(60):
        address = _BEGIN + 8 * chosen.randrange(_SIZE // 8)
        assert len(objects.repr(address)) <= 2000
        state = ThreadState(read, layout, address, KnownCode())
        assert len(list(state.chain())) < 200_000
        for ask in (
            lambda: code_at(objects, address),  # noqa: B023 (is called at once)
            lambda: objects.attributes(address),  # noqa: B023
            lambda: list(reader.frames(address)),  # noqa: B023
            lambda: reader.exception(address),  # noqa: B023
            reader.thread_states,
        ):
            with contextlib.suppress(UnreadableError):
                ask()


@pytest.mark.parametrize("version", [(3, 9), (3, 10), (3, 11)])
def test_any_table_of_lines_is_taken_apart(version: tuple[int, int]) -> None:
    chosen = random.Random(5)
    for size in range(200):
        found = stretches(version, chosen.randbytes(size), 1, 100)
        assert all(begin <= end for begin, end, _ in found)


def test_versions_that_are_not_known_are_refused() -> None:
    with pytest.raises(UsageError, match=r"Python 3\.8 is not among"):
        layout_of((3, 8), bytes(HEAD_SIZE))
    with pytest.raises(UsageError, match="does not tell its layout"):
        layout_of((3, 13), bytes(HEAD_SIZE))


def test_free_threaded_builds_are_refused_by_name() -> None:
    head = struct.pack("<8sQQ", b"xdebugpy", 0x030D00F0, 1).ljust(HEAD_SIZE, b"\0")
    with pytest.raises(UsageError, match=r"free-threaded build of Python 3\.13"):
        layout_of((3, 13), head)
