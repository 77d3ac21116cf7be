"""Where variables are at an address of code, whatever the registers are when it is executed.

Debug information says it by programs of its own (DWARF expressions). They are run here with several
sets of made-up registers: where a variable is always as far from one of them, or in one of them,
that is what its program computes. What reads memory to find out, or computes something else,
differs from set to set, and is not known here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Union

from reenact.compiling.instructions import ADD, Code, NotCompilableError, constant, register
from reenact.errors import UsageError
from reenact.symbols import registers
from reenact.symbols.frames import DWARF_REGISTERS, RIP
from reenact.symbols.space import AddressSpace
from reenact.symbols.type_names import TypeName
from reenact.symbols.types import Type
from reenact.symbols.unwinding import unwind
from reenact.symbols.values import Value
from reenact.symbols.variables import FrameVariables

_WORD = 8
_MASK = 2**64 - 1
#: Sets that are the same in all registers, for programs that ask whether one is zero, …
_SAME = (0, 1, 1 << 63, _MASK)
#: … and sets of numbers that have nothing to do with each other.
_RANDOM = 4


@dataclass(frozen=True)
class Place:
    """A value in memory: the code leaves its address; `bits` of a bit field as `Value` has them."""

    type: Type
    code: Code
    bits: tuple[int, int] | None = None


@dataclass(frozen=True)
class Content:
    """A value that is in no memory: the code leaves its bytes, eight at most."""

    type: Type
    code: Code


Found = Union[Place, Content]


@dataclass(frozen=True)
class _Probe:
    """What is seen with one set of registers."""

    known: tuple[int, ...]
    variables: FrameVariables


class ProbedFrame:
    """The innermost frame of a thread that is about to execute an address.

    Arguments:
        space: the modules at the time.
        address: the address.
        program: path of the program itself.
        is_lasting: whether an address means the same at any time; None: only now is asked.

    Errors: `NotCompilableError` where nothing can be known of it.
    """

    def __init__(
        self,
        space: AddressSpace,
        address: int,
        program: str,
        *,
        is_lasting: Callable[[int], bool] | None = None,
    ) -> None:
        self._space, self._program, self._is_lasting = space, program, is_lasting
        self._own = space.module_at(address)
        self._probes = [_probe(space, address, program, number) for number in range(_count())]

    def find(self, name: str) -> Found:
        """A variable. Errors: `UsageError` as of `FrameVariables`; `NotCompilableError`."""
        values = [self._value(probe, name) for probe in self._probes]
        first = values[0]
        if all(value.address is not None for value in values):
            return Place(first.type, self._address([value.address or 0 for value in values]))
        if any(value.address is not None for value in values):
            raise NotCompilableError(f"where {name} is depends on registers")
        return Content(first.type, self._content(name, [value.content for value in values]))

    def is_variable(self, name: str) -> bool:
        """Whether a name is a variable, where it may be a type. Errors: `NotCompilableError`."""
        try:
            found = self._probes[0].variables.find(name)
        except UsageError:
            if not self._is_type(name):
                raise NotCompilableError(f"what {name} is is not known") from None
            return False
        is_function = found is not None and found.type.kind == "function"
        return not (is_function and self._is_type(name))

    def is_known(self, name: str) -> bool:
        """Whether a name with the arguments of a template means something."""
        try:
            self._probes[0].variables.find(name)
        except UsageError:
            return self._is_type(name)
        return True

    def _is_type(self, name: str) -> bool:
        try:
            self.type_named(TypeName(name, 0, 0, is_certain=True))
        except UsageError:
            return False
        return True

    def type_named(self, name: TypeName) -> Type:
        """A type that an expression names. Errors: `UsageError` when there is none."""
        return name.find(self._probes[0].variables)

    def register(self, name: str) -> tuple[Code, int, bool]:
        """A part of a general register: its bytes, how many those are, whether they have a sign."""
        return _register(self._probes[0].variables, name)

    def _value(self, probe: _Probe, name: str) -> Value:
        value = probe.variables.find(name)
        if value is None:
            raise NotCompilableError(f"{name} is not all in memory or a general register here")
        return value

    def _address(self, addresses: Sequence[int]) -> Code:
        """An address that is the same in all probes, or as far from a register in all of them."""
        if len(set(addresses)) == 1:
            if not self._lasts(addresses[0]):
                raise NotCompilableError("what is found depends on the files that are loaded")
            return constant(addresses[0])
        for number in range(RIP):
            distances = {
                (address - probe.known[number]) & _MASK
                for address, probe in zip(addresses, self._probes)
            }
            if len(distances) == 1:
                distance = distances.pop()
                code = register(number)
                return (*code, *constant(distance), *ADD) if distance else code
        raise NotCompilableError("an address that is no register's and a distance")

    def _lasts(self, address: int) -> bool:
        """Whether a name that means an address means it at any time, if that is wanted.

        A library that is loaded later may bring another variable of this name, but for those
        names that the file of the code itself has, or the program.
        """
        if self._is_lasting is None:
            return True
        loaded = self._space.module_at(address)
        if loaded is None or not self._is_lasting(address):
            return False
        return loaded == self._own or loaded.path == self._program

    def _content(self, name: str, contents: Sequence[bytes]) -> Code:
        size = len(contents[0])
        if size > _WORD:
            raise NotCompilableError(f"{name} is in no memory, and too large for a register")
        if len(set(contents)) == 1:
            return constant(int.from_bytes(contents[0], "little"))
        for number in range(RIP):
            known = [probe.known[number].to_bytes(_WORD, "little") for probe in self._probes]
            if all(content == word[:size] for content, word in zip(contents, known)):
                return register(number)
        raise NotCompilableError(f"{name} is computed here")


class FixedFrame:
    """What names mean in a frame now, whatever will be executed when they are asked for.

    Arguments:
        variables: what can be seen from the frame.
    """

    def __init__(self, variables: FrameVariables) -> None:
        self._variables = variables

    def find(self, name: str) -> Found:
        """A variable. Errors: `UsageError` as of `FrameVariables`; `NotCompilableError`."""
        value = self._variables.find(name)
        is_constant = value is not None and value.type.kind == "enumeration"
        if value is not None and is_constant and value.address is None:
            if name in self._variables.names:
                raise NotCompilableError(f"{name} is in a register here")
            return Content(value.type, constant(int.from_bytes(value.content, "little")))
        if value is None or value.address is None:
            raise NotCompilableError(f"{name} is not in memory here")
        return Place(value.type, constant(value.address))

    def is_variable(self, name: str) -> bool:
        """Whether a name is a variable, where it may be a type."""
        try:
            found = self._variables.find(name)
        except UsageError:
            return False
        is_function = found is not None and found.type.kind == "function"
        return not (is_function and self._is_type(name))

    def is_known(self, name: str) -> bool:
        """Whether a name with the arguments of a template means something."""
        return self.is_variable(name) or self._is_type(name)

    def _is_type(self, name: str) -> bool:
        try:
            self._variables.type_named(name)
        except UsageError:
            return False
        return True

    def type_named(self, name: TypeName) -> Type:
        """A type that an expression names. Errors: `UsageError` when there is none."""
        return name.find(self._variables)

    def register(self, name: str) -> tuple[Code, int, bool]:
        """A part of a general register, of the thread that runs when it is asked for."""
        return _register(self._variables, name)


def _register(variables: FrameVariables, name: str) -> tuple[Code, int, bool]:
    _, size, is_signed = variables.register(name)
    whole, _, shift = registers.part(name)
    code = register(DWARF_REGISTERS.index(whole))
    if shift:
        code = (*code, *constant(shift), ("rsh_unsigned", 0))
    return code, size, is_signed


def _count() -> int:
    return len(_SAME) + _RANDOM


def _probe(space: AddressSpace, address: int, program: str, number: int) -> _Probe:
    """A frame with one set of registers, and memory that differs from set to set."""

    def made_up(what: int, length: int) -> bytes:
        seed = f"{number} {what}".encode()
        return hashlib.shake_128(seed).digest(length)

    def word(which: int) -> int:
        if number < len(_SAME):
            return _SAME[number]
        return int.from_bytes(made_up(-1 - which, _WORD), "little")

    known = [word(which) for which in range(len(DWARF_REGISTERS))]
    known[RIP] = address
    frame = next(unwind(space, dict(zip(DWARF_REGISTERS, known)), made_up), None)
    if frame is None:
        raise NotCompilableError("there is no frame")
    # Without a thread pointer what is local to a thread has no place.
    return _Probe(tuple(known), FrameVariables(space, frame, made_up, program=program))
