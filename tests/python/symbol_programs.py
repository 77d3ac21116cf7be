"""Compiled programs whose debug information is known, and a look into our own process."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from reenact.symbols.files import File, ModuleFiles
from reenact.symbols.frames import DWARF_REGISTERS

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import skips

SOURCES = Path(__file__).resolve().parent / "sources"

#: Where `ucontext_t` has the general registers, and their order there (sys/ucontext.h).
_GREGS = 40
_ORDER = (
    "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "rdi", "rsi", "rbp", "rbx", "rdx",
    "rax", "rcx", "rsp", "rip",
)  # fmt: skip


def opened(path: str | Path) -> File:
    """A file of this machine as one of a trace."""
    return File(str(path), partial(os.open, path, os.O_RDONLY | os.O_CLOEXEC))


@dataclass(frozen=True)
class Mapping:
    """A mapped file of our own process."""

    start: int
    end: int
    file: int | None
    offset: int


@dataclass
class Snapshot:
    """What the innermost function of `stacked.c` has handed over, while it waits."""

    registers: dict[str, int]
    files: ModuleFiles
    mappings: list[Mapping]

    @staticmethod
    def read(address: int, length: int) -> bytes:
        """Our own memory; short where it cannot be read."""
        with open("/proc/self/mem", "rb", buffering=0) as memory:
            try:
                memory.seek(address)
                return memory.read(length)
            except (OSError, OverflowError, ValueError):
                return b""


def compiled(source: str, output: Path, *options: str) -> Path:
    """Compile a source into a shared library. Skips without a compiler."""
    compiler = "g++" if source.endswith(".cpp") else "gcc"
    if shutil.which(compiler) is None:
        skips.skip(skips.Reason.NO_COMPILER, compiler)
    command = [compiler, "-g", "-shared", "-fPIC", *options, "-o", output, SOURCES / source]
    subprocess.run(command, check=True)
    return output


def line_of(source: str, mark: str) -> int:
    """The number of the line with a mark."""
    lines = (SOURCES / source).read_text().splitlines()
    return next(number for number, line in enumerate(lines, 1) if mark in line)


def with_snapshot(library: Path, test) -> None:
    """Call `entry` of the library, and `test(snapshot)` while it is in its innermost function."""
    failures: list[BaseException] = []

    def called(context: int) -> None:
        try:
            test(_snapshot(context))
        except BaseException as error:
            failures.append(error)

    kind = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
    ctypes.CDLL(str(library)).entry(kind(called))
    if failures:
        raise failures[0]


def _snapshot(context: int) -> Snapshot:
    words = (ctypes.c_uint64 * len(_ORDER)).from_address(context + _GREGS)
    registers = dict(zip(_ORDER, words, strict=True))
    assert set(registers) == set(DWARF_REGISTERS)
    numbers: dict[str, int] = {}
    mappings = []
    for line in Path("/proc/self/maps").read_text().splitlines():
        addresses, _, offset, _, _, *path = line.split(maxsplit=5)
        if path and path[0].startswith("/"):
            start, end = (int(part, 16) for part in addresses.split("-"))
            file = numbers.setdefault(path[0], len(numbers))
            mappings.append(Mapping(start, end, file, int(offset, 16)))
    files = {number: opened(path) for path, number in numbers.items()}
    return Snapshot(registers, ModuleFiles(files, []), mappings)


@pytest.fixture(params=["-O0", "-O2"])
def optimization(request: pytest.FixtureRequest) -> str:
    """Both without and with optimization."""
    return str(request.param)
