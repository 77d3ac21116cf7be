"""Breakpoints at Python lines and functions.

The interpreter fetches each instruction from its code object: these bytes are watched for reads, so
that nothing of what else the program does stops it. Code objects are found by their type in memory,
where the session stands and late in the run.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from reenact.cpython.code import Code, code_at
from reenact.cpython.executing import ThreadState
from reenact.cpython.objects import Objects
from reenact.cpython.reading import UnreadableError
from reenact.errors import UsageError
from reenact.session.points import Point, Points
from reenact.session.values import Mapping

_LINE = re.compile(r"(?P<file>.+):(?P<line>[0-9]{1,9})")
_WORD = 8
#: Largest mapping that is looked through.
_LARGEST = 1 << 30


@dataclass
class PythonBreakpoint:
    """Stops where a Python line, or a function's first one, begins.

    Arguments:
        name: what was asked for.
        file, line: of it; of a function, its name is `function`.
        condition: called at each hit; a false result goes on.
    """

    name: str
    file: str | None = None
    line: int | None = None
    function: str | None = None
    condition: Callable[[], object] | None = None
    number: int = 0
    hits: int = 0
    is_enabled: bool = True
    codes: list[Code] = field(default_factory=list, repr=False)

    @staticmethod
    def parse(where: str) -> PythonBreakpoint:
        """A breakpoint at `FILE:LINE` or at a function. Errors: `UsageError` for other texts."""
        found = _LINE.fullmatch(where)
        if found is not None:
            return PythonBreakpoint(where, file=found["file"], line=int(found["line"]))
        if not all(part.isidentifier() or part == "<locals>" for part in where.split(".")):
            raise UsageError(f"{where!r} is no place in Python", "write FILE:LINE or a function")
        return PythonBreakpoint(where, function=where)

    def means(self, code: Code) -> bool:
        """Whether it is in a code object."""
        is_file = self.file is None or _is_file(code.file, self.file)
        if self.function is not None:
            return is_file and self.function in (code.function, code.qualified_name)
        return is_file and self.line in code.line_numbers

    def stretches(self, code: Code) -> Iterator[tuple[int, int]]:
        """The instructions that are watched: offset of the first, bytes."""
        if self.function is not None:
            first = max(code.entry + 2, 0)
            yield first, 2
            return
        for begin, end, line in code.lines:
            if line == self.line:
                yield begin, end - begin

    def is_met(self, code: Code, offset: int) -> bool:
        """Whether a line that begins there is the one."""
        if self.function is not None:
            return self.means(code) and offset == max(code.entry + 2, 0)
        return self.means(code) and code.line_at(offset) == self.line


def _is_file(path: str, wanted: str) -> bool:
    return path == wanted or path.endswith("/" + wanted.lstrip("./"))


def find_codes(
    objects: Objects,
    mappings: Sequence[Mapping],
    code_type: int,
    is_wanted: Callable[[Code], bool],
    file: str | None,
) -> list[Code]:
    """The code objects in memory.

    Arguments:
        objects: where the session stands.
        mappings: there.
        code_type: address of `PyCode_Type`.
        is_wanted: which of them.
        file: the end of the path of their file; None: of any.
    """
    found = []
    for address in _typed(objects, mappings, code_type):
        try:
            if file is not None:
                place = objects.memory.word(address + objects.layout["code.filename"])
                if not _is_file(objects.text(place), file):
                    continue
            code = code_at(objects, address)
        except (UnreadableError, ValueError):
            # Something that only has the same word in it, or what is left of one that is gone.
            continue
        if is_wanted(code):
            found.append(code)
    return found


def _typed(objects: Objects, mappings: Sequence[Mapping], code_type: int) -> Iterator[int]:
    wanted = struct.pack("<Q", code_type)
    for mapping in mappings:
        size = mapping.end - mapping.start
        if "w" not in mapping.protection or size > _LARGEST:
            continue
        try:
            content = objects.memory.read(mapping.start, size)
        except UnreadableError:
            continue
        at = content.find(wanted)
        while at >= 0:
            if at % _WORD == 0:
                yield mapping.start + at - objects.layout["object.type"]
            at = content.find(wanted, at + 1)


def watches(breakpoints: Sequence[PythonBreakpoint]) -> list[Point]:
    """What is watched for all of them."""
    own = Points()
    seen: set[tuple[int, int]] = set()
    for point in breakpoints:
        if point.is_enabled:
            for code in point.codes:
                for begin, size in point.stretches(code):
                    seen.add((code.instructions + begin, size))
    return [own.add_watch(address, size, "read", None) for address, size in sorted(seen)]


def met(
    breakpoints: Sequence[PythonBreakpoint], state: ThreadState, touched: int
) -> list[PythonBreakpoint]:
    """Those whose line begins with the instruction that is fetched.

    Arguments:
        breakpoints: all of them.
        state: the running thread; its frame has not noted the instruction yet.
        touched: the address that was read.
    """
    here = state.innermost
    if here is None:
        return []
    offset = touched - here.code.instructions
    offset -= offset % 2
    if not 0 <= offset < here.code.length:
        return []
    found = [one for one in breakpoints if one.is_enabled and one.is_met(here.code, offset)]
    if not found or not state.is_line(here.frame, here.code, here.offset, offset):
        return []
    return found
