"""Which module is where at a position, and what its addresses mean."""

from __future__ import annotations

import bisect
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from reenact import _native
from reenact.errors import UsageError
from reenact.symbols.files import ModuleFiles

#: Names that a hint tells.
_MOST_ALIKE = 3


class MappingLike(Protocol):
    """A stretch of memory (`reenact.session.values.Mapping` is one)."""

    @property
    def start(self) -> int:
        """First address."""

    @property
    def end(self) -> int:
        """One past the last address."""

    @property
    def file(self) -> int | None:
        """Number of the mapped file in the trace."""

    @property
    def offset(self) -> int:
        """In the file, of the byte at `start`."""


@dataclass(frozen=True)
class Loaded:
    """A module and where it is.

    Arguments:
        path: of the file on the recorded machine.
        bias: address in memory less address in the file.
    """

    module: _native.Module
    path: str
    bias: int


@dataclass(frozen=True)
class SourceLocation:
    """What an address belongs to; of inlined calls there are several.

    Arguments:
        function: demangled name; None where nothing names it.
        file, line: of the source; None without debug information.
        is_inlined: into the function of the next `SourceLocation`.
    """

    function: str | None
    file: str | None
    line: int | None
    is_inlined: bool


class AddressSpace:
    """The modules of a process at one position.

    Arguments:
        files: the trace's files.
        mappings: all mappings at the position.
    """

    def __init__(self, files: ModuleFiles, mappings: Iterable[MappingLike]) -> None:
        self.files = files
        self._mappings = sorted(
            (m for m in mappings if m.file is not None), key=lambda mapping: mapping.start
        )
        self._starts = [mapping.start for mapping in self._mappings]
        self._loaded: list[Loaded] | None = None
        self._votes: dict[int, Counter[int]] = {}
        self._bodies: dict[tuple[str, int], int] = {}
        self._statements: dict[tuple[str, int], frozenset[int]] = {}

    def __repr__(self) -> str:
        return f"AddressSpace({[loaded.path for loaded in self.modules]})"

    def module_at(self, address: int) -> Loaded | None:
        """The module an address lies in."""
        index = bisect.bisect_right(self._starts, address) - 1
        if index < 0 or address >= self._mappings[index].end:
            return None
        return self._load(self._mappings[index])

    @property
    def modules(self) -> list[Loaded]:
        """All modules, in order of their addresses."""
        if self._loaded is None:
            found: dict[tuple[str, int], Loaded] = {}
            for mapping in self._mappings:
                loaded = self._load(mapping)
                if loaded is not None:
                    found.setdefault((loaded.path, loaded.bias), loaded)
            self._loaded = list(found.values())
        return self._loaded

    def places(self, address: int) -> tuple[SourceLocation, ...]:
        """What an address belongs to, innermost inlined call first; at least one."""
        loaded = self.module_at(address)
        if loaded is None:
            return (SourceLocation(None, None, None, is_inlined=False),)
        try:
            found = loaded.module.source_frames(address - loaded.bias)
        except _native.SymbolError:
            found = [(None, None, None, None, False)]
        return tuple(
            SourceLocation(function, file, line, is_inlined)
            for function, file, line, _column, is_inlined in found
        )

    def functions(self, name: str) -> tuple[int, ...]:
        """Addresses of the functions of a name, behind their prologue where lines tell it.

        The name may be mangled, demangled, or demangled without parameters. Copies that a compiler
        has made of a function are meant, too, and each place that it was inlined in.

        Errors: `UsageError` when there is none.
        """
        found = []
        for loaded in self.modules:
            module = loaded.module
            sizes = {
                address: size
                for _, address, size, is_function in module.symbols_named(name)
                if is_function
            }
            inlined = set()
            for address, size, is_inlined, *_ in module.functions_named(name):
                sizes.setdefault(address, size)
                if is_inlined:
                    inlined.add(address)
            for address, size in sorted(sizes.items()):
                # An inlined one has no prologue.
                begin = address if address in inlined else _behind_prologue(module, address, size)
                found.append(begin + loaded.bias)
        if not found:
            raise UsageError(
                f"no function is named {name}",
                self._alike(name)
                or "check the name, and that the program is not stripped; separate debug files: "
                "REENACT_DEBUG_PATH",
            )
        return tuple(dict.fromkeys(found))

    def _alike(self, name: str) -> str:
        """Functions that may have been meant, as a hint; empty: none are written alike."""
        alike = [
            known
            for loaded in self.modules
            for known in loaded.module.similar(name)
            if loaded.module.functions_named(known)
        ]
        return f"did you mean {' or '.join(dict.fromkeys(alike[:_MOST_ALIKE]))}?" if alike else ""

    def entries(self, name: str) -> tuple[int, ...]:
        """Addresses of the first instructions of the functions of a name; empty without any."""
        return tuple(
            address + loaded.bias
            for loaded in self.modules
            for _, address, _, is_function in loaded.module.symbols_named(name)
            if is_function
        )

    def function_at(self, address: int) -> tuple[int, int] | None:
        """Of the function around an address: its first instruction, and the first behind its
        prologue.
        """
        loaded = self.module_at(address)
        symbol = None if loaded is None else loaded.module.symbol_at(address - loaded.bias)
        if loaded is None or symbol is None or not symbol[3]:
            return None
        _, start, size, _ = symbol
        key = (loaded.path, start)
        if key not in self._bodies:
            self._bodies[key] = _behind_prologue(loaded.module, start, size)
        return start + loaded.bias, self._bodies[key] + loaded.bias

    def code_of(self, address: int) -> range | None:
        """The addresses of the function around an address, as the symbol table has it."""
        loaded = self.module_at(address)
        symbol = None if loaded is None else loaded.module.symbol_at(address - loaded.bias)
        if loaded is None or symbol is None or not symbol[3]:
            return None
        _, start, size, _ = symbol
        return range(start + loaded.bias, start + loaded.bias + max(size, 1))

    def is_statement(self, address: int) -> bool:
        """Whether the code of a line begins at an address."""
        loaded = self.module_at(address)
        symbol = None if loaded is None else loaded.module.symbol_at(address - loaded.bias)
        if loaded is None or symbol is None:
            return False
        _, start, size, _ = symbol
        key = (loaded.path, start)
        if key not in self._statements:
            rows = loaded.module.line_rows(start, start + max(size, 1))
            self._statements[key] = frozenset(
                row[0] for row in rows if row[3] and row[2] != 0 and not row[5]
            )
        return address - loaded.bias in self._statements[key]

    def variables(self, name: str) -> tuple[tuple[int, int], ...]:
        """Addresses and sizes of the variables of a name in the symbol tables."""
        return tuple(
            (address + loaded.bias, size)
            for loaded in self.modules
            for _, address, size, is_function in loaded.module.symbols_named(name)
            if not is_function
        )

    def lines(self, file: str, line: int) -> tuple[int, ...]:
        """Addresses where the code of a line begins: one for each copy of it.

        A line without code stands for the next one that has some, as debuggers do it.

        Arguments:
            file: end of its path in whole parts, such as `list.c` or `src/list.c`.
            line: its number.

        Errors: `UsageError` when no file of that name has debug information, or no line.
        """
        is_known = False
        found: list[int] = []
        for loaded in self.modules:
            lines = loaded.module.lines_with_code(file)
            is_known = is_known or bool(lines)
            index = bisect.bisect_left(lines, line)
            if index < len(lines):
                rows = loaded.module.line_addresses(file, lines[index])
                starts = _starts(loaded.module, [row[0] for row in rows if row[3]])
                found += [address + loaded.bias for address in starts]
        if not is_known:
            raise UsageError(
                f"no debug information names a file {file}",
                "compile with -g, or name directories with debug files in REENACT_DEBUG_PATH",
            )
        if not found:
            raise UsageError(f"{file} has no code at line {line} or after it")
        return tuple(dict.fromkeys(found))

    def statement(self, address: int) -> tuple[int, int] | None:
        """The range of addresses of the line an address belongs to: what a step runs through."""
        loaded = self.module_at(address)
        if loaded is None:
            return None
        symbol = loaded.module.symbol_at(address - loaded.bias)
        if symbol is None:
            return None
        _, start, size, _ = symbol
        rows = loaded.module.line_rows(start, start + max(size, 1))
        index = bisect.bisect_right([row[0] for row in rows], address - loaded.bias) - 1
        if index < 0 or rows[index][5]:
            return None
        line = rows[index][1:3]
        first = last = index
        while first > 0 and rows[first - 1][1:3] == line and not rows[first - 1][5]:
            first -= 1
        while last + 1 < len(rows) and rows[last + 1][1:3] == line and not rows[last + 1][5]:
            last += 1
        end = rows[last + 1][0] if last + 1 < len(rows) else start + size
        return rows[first][0] + loaded.bias, end + loaded.bias

    def _load(self, mapping: MappingLike) -> Loaded | None:
        if mapping.file is None:
            return None
        module = self.files.module(mapping.file)
        if module is None:
            return None
        possible = self._possible(module, mapping)
        if not possible:
            return None
        # One page of a file may belong to several segments: what all mappings agree upon decides.
        votes = self._biases(mapping.file)
        return Loaded(module, self.files.path(mapping.file), max(possible, key=votes.__getitem__))

    def _biases(self, file: int) -> Counter[int]:
        """Addresses in memory less addresses in a file, each with the mappings it is right for."""
        if file not in self._votes:
            votes: Counter[int] = Counter()
            module = self.files.module(file)
            for mapping in self._mappings:
                if module is not None and mapping.file == file:
                    votes.update(set(self._possible(module, mapping)))
            self._votes[file] = votes
        return self._votes[file]

    @staticmethod
    def _possible(module: _native.Module, mapping: MappingLike) -> list[int]:
        return [mapping.start - address for address in module.addresses_of_offset(mapping.offset)]


def _behind_prologue(module: _native.Module, address: int, size: int) -> int:
    """The first address of a function's second line, where its arguments are in their places.

    Compilers mark the place only sometimes. In optimized code the second line may be anywhere, and
    arguments are known from the first instruction on: gdb stops there, too.
    """
    rows = [row for row in module.line_rows(address, address + max(size, 1)) if not row[5]]
    marked = [row[0] for row in rows if row[4] and row[0] > address]
    if marked:
        return marked[0]
    if module.is_optimized(address):
        return address
    behind = [row[0] for row in rows if row[2] != 0 and row[0] > address]
    return behind[0] if behind else address


def _starts(module: _native.Module, addresses: list[int]) -> list[int]:
    """Of the rows of one line, the first of each block of each function, as gdb has it."""
    found: list[int] = []
    seen: set[object] = set()
    for address in sorted(addresses):
        symbol = module.symbol_at(address)
        block = module.block_at(address)
        key = block if block is not None else symbol[1] if symbol is not None else address
        if key not in seen:
            seen.add(key)
            # A breakpoint on a function's opening line belongs behind its prologue.
            is_opening = symbol is not None and symbol[1] == address
            found.append(
                _behind_prologue(module, address, symbol[2]) if is_opening and symbol else address
            )
    return found
