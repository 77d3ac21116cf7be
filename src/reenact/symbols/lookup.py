"""What a name means outside of functions: C's order, then what nobody else could mean."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from reenact import _native
from reenact.errors import UnknownNameError, UsageError
from reenact.symbols.made_types import LanguageType
from reenact.symbols.space import AddressSpace, Loaded
from reenact.symbols.type_spellings import spellings
from reenact.symbols.types import Type

_OF_FILE = re.compile(r"'([^']+)'::(.+)")
#: Of the frame's unit, of its module, of the program, of another module for all, of one file of
#: the program, anywhere.
_OWN_UNIT, _OWN_MODULE, _OF_PROGRAM, _OF_OTHERS, _ELSEWHERE_IN_PROGRAM, _ELSEWHERE = range(6)
#: Between what is outside of all modules but one's own: constants of enumerations.
_Rank = tuple[int, int]


@dataclass(frozen=True)
class Meant:
    """Something that a name means.

    Arguments:
        loaded: where it is described.
        kind: "variable", "function", "constant" or "type".
        entry: its description; of a constant that of its enumeration; None: of a function that
            only a table of symbols knows.
        name: with all that is around it.
        place: the source and file it is in.
        number: address of a function (in the file), value of a constant.
        variable: as the native part has it.
        has_place: whether a variable is anywhere.
    """

    loaded: Loaded
    kind: str
    entry: int | None
    name: str
    place: str
    number: int = 0
    variable: tuple[str, int, int | None, bool] | None = None
    has_place: bool = True


class Lookup:
    """Looks for names from a place in the program's code.

    Arguments:
        space: the modules at the position.
        address: the place.
        program: path of the program itself.
        function: entry of the function around the place; None: not known.
    """

    def __init__(
        self, space: AddressSpace, address: int, program: str, function: int | None
    ) -> None:
        self._space = space
        self._program = program
        self._own = space.module_at(address)
        self._address = address
        self._function = function

    def modules(self) -> list[Loaded]:
        """All modules, the frame's own first, then the program."""
        others = [loaded for loaded in self._space.modules if loaded != self._own]
        others.sort(key=lambda loaded: loaded.path != self._program)
        return others if self._own is None else [self._own, *others]

    def find(self, name: str) -> Meant:
        """The variable, function or constant that a name means.

        Errors: `UsageError` when there is none, or several that may be meant.
        """
        return self._chosen(name, self._named, "variable")

    def find_type(self, name: str) -> Type:
        """A type by its name. Errors: `UsageError` when there is none, or several."""
        failure: UsageError | None = None
        for spelling in spellings(name):
            try:
                found = self._chosen(spelling, self._types, "type")
            except UnknownNameError as error:
                failure = failure or error
            else:
                return Type(found.loaded.module, found.entry)
        for loaded in self.modules():
            try:
                return LanguageType(loaded.module, name)
            except UsageError:
                break
        raise failure or UnknownNameError(f"no type is named {name}")

    def _chosen(self, name: str, look: object, what: str) -> Meant:
        assert callable(look)
        match = _OF_FILE.fullmatch(name)
        file, wanted = match.groups() if match else (None, name)
        spellings_ = [wanted.removeprefix("::")]
        if file is None and not wanted.startswith("::"):
            spellings_ = [*(f"{outer}::{wanted}" for outer in self._around()), wanted]
        left_out: list[tuple[_Rank, Meant]] = []
        for spelling in spellings_:
            exact: list[tuple[_Rank, Meant]] = []
            for rank, missing, meant in look(spelling):
                if file is not None and not _is_in(meant.place, file):
                    continue
                if not missing:
                    exact.append((rank, meant))
                elif _may_be_short(meant, self._own):
                    left_out.append((rank, meant))
            if exact:
                return self._best(name, exact)
        if left_out:
            return self._best(name, [((_ELSEWHERE, 0), meant) for _, meant in left_out])
        said = (
            f"no type is named {name}" if what == "type" else f"no {what} {name} can be seen here"
        )
        raise UnknownNameError(said, self._hint(wanted))

    def _best(self, name: str, found: list[tuple[_Rank, Meant]]) -> Meant:
        best = min(rank for rank, _ in found)
        chosen = [meant for rank, meant in found if rank == best]
        is_elsewhere = best[0] >= _ELSEWHERE_IN_PROGRAM
        # A place for it is told once, beside declarations that were optimized out.
        placed = {one.loaded.path for one in chosen if one.has_place}
        if not is_elsewhere or {one.loaded.path for one in chosen} == placed:
            chosen = [one for one in chosen if one.has_place] or chosen
        names = sorted({f"{one.name} in {one.place}" for one in chosen})
        if is_elsewhere and len(names) > 1:
            raise UsageError(
                f"{name} can be one of {len(names)}: {', '.join(names[:3])}",
                "ask in a frame of the file that is meant, or write 'FILE'::NAME, or its full name",
            )
        return chosen[0]

    def _around(self) -> list[str]:
        """Names of the classes and namespaces around the function, the innermost first."""
        if self._own is None or self._function is None:
            return []
        try:
            parts = _surroundings(self._own.module, self._function)
        except _native.SymbolError:
            return []
        return ["::".join(parts[:end]) for end in range(len(parts), 0, -1)]

    def _unit(self) -> int | None:
        if self._own is None:
            return None
        return self._own.module.unit_at(self._address - self._own.bias)

    def _named(self, name: str) -> Iterator[tuple[_Rank, int, Meant]]:
        unit = self._unit()
        for loaded in self.modules():
            is_own = loaded == self._own
            address = self._address - loaded.bias if is_own else None
            for (
                variable,
                is_external,
                is_of_unit,
                source,
                has_place,
                missing,
                full,
            ) in loaded.module.globals(name, address):
                rank = self._rank(loaded, is_external=is_external, is_of_unit=is_of_unit)
                meant = Meant(loaded, "variable", variable[1], full, _place(source, loaded),
                              variable=variable, has_place=has_place)  # fmt: skip
                yield (rank, 0), missing, meant
            known = set()
            for function in loaded.module.functions_named(name):
                start, _, is_inlined, entry, of, source, is_external, missing, full = function
                if is_inlined:
                    continue
                known.add(start)
                rank = self._rank(loaded, is_external=is_external, is_of_unit=is_own and of == unit)
                meant = Meant(loaded, "function", entry, full, _place(source, loaded), start)
                yield (rank, 0), missing, meant
            for full, start, _, is_function in _symbols(loaded.module, name):
                is_called_so = name in (full, full.split("(")[0])
                if is_function and is_called_so and start not in known:
                    rank = self._rank(loaded, is_external=True, is_of_unit=False)
                    meant = Meant(loaded, "function", None, full, loaded.path, start)
                    yield (rank, 1), 0, meant
            for value, entry, of, missing, full in loaded.module.enumerator_named(name):
                near = _OWN_UNIT if is_own and of == unit else _OWN_MODULE if is_own else _OF_OTHERS
                meant = Meant(loaded, "constant", entry, full, loaded.path, value)
                yield (near, 2), missing, meant

    def _types(self, name: str) -> Iterator[tuple[_Rank, int, Meant]]:
        unit = self._unit()
        for loaded in self.modules():
            is_own = loaded == self._own
            for entry, of, missing, full in loaded.module.types_named(name):
                near = _OWN_UNIT if is_own and of == unit else _OWN_MODULE if is_own else (
                    _OF_PROGRAM if loaded.path == self._program else _OF_OTHERS)  # fmt: skip
                yield (near, 0), missing, Meant(loaded, "type", entry, full, loaded.path)

    def _rank(self, loaded: Loaded, *, is_external: bool, is_of_unit: bool) -> int:
        """How near something is."""
        if is_of_unit:
            return _OWN_UNIT
        is_of_program = loaded.path == self._program
        if not is_external:
            return _ELSEWHERE_IN_PROGRAM if is_of_program else _ELSEWHERE
        if loaded == self._own:
            return _OWN_MODULE
        return _OF_PROGRAM if is_of_program else _OF_OTHERS

    def _hint(self, name: str) -> str:
        """What may have been meant, or what is not there of the debug information."""
        for loaded in self.modules():
            if loaded.module.missing_part is not None:
                part = loaded.module.missing_part
                return f"a part of the debug information of {loaded.path} is not there: {part}"
        for loaded in self.modules():
            if _symbols(loaded.module, name):
                return f"{loaded.path} has a symbol of this name, and nothing says what type it is"
        for loaded in self.modules():
            if loaded != self._own and loaded.path != self._program:
                continue
            alike = _similar(loaded.module, name)
            if alike:
                return f"did you mean {' or '.join(alike)}?"
        for loaded in self.modules():
            if loaded.path == self._program and not loaded.module.has_debug_information:
                return (
                    f"{loaded.path} has no debug information: compile with -g, or name directories "
                    "with separate files of it in REENACT_DEBUG_PATH"
                )
        return ""


def _may_be_short(meant: Meant, own: Loaded | None) -> bool:
    """Whether a name may leave out what is around it: many functions are called `new`."""
    if meant.kind == "constant":
        return meant.loaded == own
    return meant.kind != "function"


def _place(source: str | None, loaded: Loaded) -> str:
    return f"{source or '?'} of {loaded.path}"


def _is_in(place: str, file: str) -> bool:
    """Whether the source of a place is a file, named by the end of its path."""
    source = place.split(" of ", 1)[0]
    return source == file or source.endswith(f"/{file.removeprefix('./')}")


@lru_cache(maxsize=256)
def _surroundings(module: _native.Module, function: int) -> tuple[str, ...]:
    return tuple(module.surroundings(function))


@lru_cache(maxsize=1024)
def _symbols(module: _native.Module, name: str) -> tuple[tuple[str, int, int, bool], ...]:
    return tuple(module.symbols_named(name))


@lru_cache(maxsize=64)
def _similar(module: _native.Module, name: str) -> tuple[str, ...]:
    return tuple(module.similar(name))
