"""Which interpreter a recorded process runs, and where it has its state."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable

from reenact.cpython.layouts import HEAD_SIZE, Layout, layout_of
from reenact.errors import UsageError
from reenact.symbols.space import AddressSpace

#: Files of interpreters before 3.11, whose version no variable tells.
_NAMED = re.compile(r"python(?P<major>3)\.(?P<minor>[0-9]{1,2})(?P<flags>[a-z]*)")


class Interpreter:
    """A CPython in a process.

    Arguments:
        layout: of it.
        runtime: address of `_PyRuntime`.
    """

    def __init__(self, layout: Layout, runtime: int) -> None:
        self.layout = layout
        self.runtime = runtime


def interpreter_in(space: AddressSpace, read: Callable[[int, int], bytes]) -> Interpreter:
    """The interpreter that is loaded.

    Arguments:
        space: what is loaded at the place.
        read: memory there.

    Errors: `UsageError` where there is none, or one whose frames cannot be read.
    """
    for loaded in space.modules:
        runtime = _symbol(loaded.module.symbols_named, "_PyRuntime")
        if runtime is None:
            continue
        version = _version(loaded.path, loaded.module.symbols_named, loaded.bias, read)
        head = read(runtime + loaded.bias, HEAD_SIZE)
        return Interpreter(layout_of(version, head), runtime + loaded.bias)
    raise UsageError(
        "no Python runs in this process here",
        "its interpreter may be loaded later: go on, or to the end",
    )


def _version(
    path: str,
    named: Callable[[str], list[tuple[str, int, int, bool]]],
    bias: int,
    read: Callable[[int, int], bytes],
) -> tuple[int, int]:
    told = _symbol(named, "Py_Version")
    if told is not None:
        word = read(told + bias, 8)
        if len(word) == 8:
            (number,) = struct.unpack("<Q", word)
            return number >> 24 & 0xFF, number >> 16 & 0xFF
    found = _NAMED.search(path.rpartition("/")[2])
    if found is None:
        raise UsageError(
            f"which version of Python {path} is cannot be told",
            "it is told by the names of files before 3.11, such as libpython3.10.so",
        )
    return int(found["major"]), int(found["minor"])


def _symbol(named: Callable[[str], list[tuple[str, int, int, bool]]], name: str) -> int | None:
    return next((address for _, address, _, is_code in named(name) if not is_code), None)
