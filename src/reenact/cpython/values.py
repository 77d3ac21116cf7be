"""What `session.python` hands out: values, frames, threads, exceptions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from reenact.cpython.frames import FramePlace, FrameReader
from reenact.cpython.objects import Objects, Plain
from reenact.cpython.reading import UnreadableError
from reenact.errors import UsageError
from reenact.printable import printable


class Place:
    """A place at which a session stands, and the interpreter's state there.

    Arguments:
        objects, frames: there.
        is_here: whether the session stands there still.
    """

    def __init__(self, objects: Objects, frames: FrameReader, is_here: object) -> None:
        self._objects = objects
        self._frames = frames
        self._is_here = is_here

    @property
    def objects(self) -> Objects:
        """Errors: `UsageError` when the session has moved."""
        self._check()
        return self._objects

    @property
    def frames(self) -> FrameReader:
        """Errors: `UsageError` when the session has moved."""
        self._check()
        return self._frames

    def _check(self) -> None:
        if not callable(self._is_here) or not self._is_here():
            raise UsageError("the session has moved since", "ask for its frames again")


@dataclass(frozen=True)
class PythonValue:
    """An object, as it is where it was asked for.

    Arguments:
        text: what `repr` shows of it, bounded.
        type: name of its type.
        address: `id` of it.
        reference: where in memory the reference to it was found; None: it is no variable.
    """

    text: str
    type: str
    address: int
    reference: int | None = None
    _place: Place | None = field(default=None, repr=False, compare=False)

    def __repr__(self) -> str:
        return self.text

    def _held(self) -> Place:
        if self._place is None:
            raise UsageError(f"{self.text} was computed: it is nowhere in memory")
        return self._place

    @property
    def plain(self) -> Plain:
        """The value of a number, a `str`, `bytes`, `bool` or `None`.

        Errors: `UsageError` for other objects.
        """
        try:
            return self._held().objects.plain(self.address)
        except (UnreadableError, ValueError) as error:
            raise UsageError(f"{self.text} has no plain value: {error}") from None

    @property
    def attributes(self) -> dict[str, PythonValue]:
        """Attributes of an instance or a module, by name; not those of its class."""
        place = self._held()
        try:
            found = place.objects.attributes(self.address)
        except UnreadableError as error:
            raise UsageError(f"the attributes of {self.text} cannot be read: {error}") from None
        return {name: value_at(place, value, at) for name, (at, value) in found.items()}

    def attribute(self, name: str) -> PythonValue:
        """One attribute, also of its class. Errors: `UsageError` when there is none in memory."""
        place = self._held()
        try:
            found = place.objects.attributes(self.address).get(name)
            if found is not None:
                return value_at(place, found[1], found[0])
            shared = place.objects.class_attribute(self.address, name)
        except UnreadableError as error:
            raise UsageError(f"{self.text} has no attribute {name}: {error}") from None
        if shared is None:
            raise UsageError(f"{self.type} object has no attribute {name} in memory")
        return value_at(place, shared)

    def __len__(self) -> int:
        place = self._held()
        objects = place.objects
        base = objects.kinds.of(self.address).base
        if base == "dict":
            return objects.containers.used(self.address)
        if base == "set":
            return objects.memory.signed(self.address + objects.layout["set.used"])
        if base in ("list", "tuple"):
            return objects.containers.length(self.address)
        if base in ("str", "bytes"):
            return len(
                objects.text(self.address) if base == "str" else objects.octets(self.address)
            )
        raise UsageError(f"a {self.type} has no length in memory")

    def __iter__(self) -> Iterator[PythonValue]:
        """Elements of a list, tuple or set; the keys of a dict."""
        place = self._held()
        objects = place.objects
        base = objects.kinds.of(self.address).base
        if base == "dict":
            found = [key for key, _ in objects.containers.pairs(self.address)]
        elif base == "set":
            found = list(objects.containers.members(self.address))
        elif base in ("list", "tuple"):
            found = objects.containers.items(self.address, base)
        else:
            raise UsageError(f"a {self.type} has no elements in memory")
        return iter([value_at(place, one) for one in found])

    def __getitem__(self, key: Plain | tuple[Plain, ...]) -> PythonValue:
        """An element of a list or tuple by its number, of a dict by a plain key.

        Errors: `UsageError` when there is none.
        """
        place = self._held()
        objects = place.objects
        base = objects.kinds.of(self.address).base
        if base == "dict":
            for one, at, value in objects.containers.slots(self.address):
                if plain_or_none(objects, one) == (True, key):
                    return value_at(place, value, at)
            raise UsageError(f"there is no key {key!r} in {self.text}")
        if base in ("list", "tuple"):
            if not isinstance(key, int):
                raise UsageError(f"elements of a {self.type} have numbers")
            count = objects.containers.length(self.address)
            number = key + count if key < 0 else key
            if not 0 <= number < count:
                raise UsageError(f"there is no element {key} of {count}")
            (value,) = objects.containers.items(self.address, base, number, 1)
            start = (
                self.address + objects.layout["tuple.items"]
                if base == "tuple"
                else objects.memory.word(self.address + objects.layout["list.items"])
            )
            return value_at(place, value, start + 8 * number)
        raise UsageError(f"a {self.type} has no elements that memory tells by a key")


def plain_or_none(objects: Objects, address: int) -> tuple[bool, object]:
    """Whether an object has a plain value, or is a tuple of such, and the value."""
    try:
        if objects.kinds.of(address).base == "tuple":
            parts = [
                plain_or_none(objects, one) for one in objects.containers.items(address, "tuple")
            ]
            return all(is_plain for is_plain, _ in parts), tuple(value for _, value in parts)
        return True, objects.plain(address)
    except (UnreadableError, ValueError):
        return False, None


def value_at(place: Place, address: int, reference: int | None = None) -> PythonValue:
    """The value of an object."""
    objects = place.objects
    try:
        kind = objects.kinds.of(address).name
    except UnreadableError:
        kind = "?"
    return PythonValue(objects.repr(address), kind, address, reference, place)


@dataclass(frozen=True)
class PythonFrame:
    """A Python frame, where it was asked for.

    Arguments:
        level: 0 is the innermost.
        function: name of the function; `<module>` and the like.
        qualified_name: with what it is in (3.11 on; before, as `function`).
        file: as the program was compiled from it.
        line: the line that is executed; None: the instruction belongs to none.
    """

    level: int
    function: str
    qualified_name: str
    file: str
    line: int | None
    place: FramePlace = field(repr=False)
    _where: Place = field(repr=False, compare=False)

    def __str__(self) -> str:
        return (
            f"#{self.level} {printable(self.qualified_name)} at {printable(self.file)}:"
            f"{'?' if self.line is None else self.line}"
        )

    @property
    def locals(self) -> dict[str, PythonValue]:
        """Local variables that are bound, by name; of a module, its names."""
        return self._named(lambda: self._where.frames.variables(self.place))

    @property
    def arguments(self) -> dict[str, PythonValue]:
        """Arguments that are still bound, by name; not those in `*args` and `**kwargs`."""
        names = [name for name, _ in self.place.code.variables[: self.place.code.argument_count]]
        return {name: value for name, value in self.locals.items() if name in names}

    @property
    def globals(self) -> dict[str, PythonValue]:
        """Names of the module, by name."""
        return self._named(lambda: self._where.frames.globals(self.place))

    def find(self, name: str) -> PythonValue | None:
        """What a name means here: local, of the module, or builtin; None: nothing."""
        frames = self._where.frames
        for look in (frames.variables, frames.globals, frames.builtins):
            try:
                found = look(self.place).get(name)
            except UnreadableError as error:
                raise _damaged(error) from None
            if found is not None:
                return value_at(self._where, found[1], found[0])
        return None

    def holder_of(self, name: str) -> Callable[[Place], dict[str, tuple[int, int]]]:
        """What holds a name here, so that it is found again at another place.

        A dict is asked by itself; a variable in the frame has one place all the time.
        """
        frames = self._where.frames
        local = frames.variables(self.place).get(name)
        if local is not None and self.place.code.is_optimized:
            return lambda _place: {name: local}
        held = frames.names_of(self.place, name)
        return lambda place: place.frames.mapping(held)

    def _named(self, look: object) -> dict[str, PythonValue]:
        try:
            found = look() if callable(look) else {}
        except UnreadableError as error:
            raise _damaged(error) from None
        return {name: value_at(self._where, value, at) for name, (at, value) in found.items()}


@dataclass(frozen=True)
class PythonThread:
    """A thread that runs Python.

    Arguments:
        tid: its number in the kernel.
        frames: its Python frames, innermost first.
    """

    tid: int
    frames: tuple[PythonFrame, ...]


@dataclass(frozen=True)
class PythonException:
    """An exception that is on its way, or being handled.

    Arguments:
        value: the exception.
        traceback: where it has been, outermost first: function, file and line.
    """

    value: PythonValue
    traceback: tuple[tuple[str, str, int | None], ...]

    def __str__(self) -> str:
        where = ""
        if self.traceback:
            _, file, line = self.traceback[-1]
            where = f" at {printable(file)}:{'?' if line is None else line}"
        return f"{printable(self.value.type)}{where}"


def _damaged(error: UnreadableError) -> UsageError:
    return UsageError(
        f"the interpreter's state cannot be read here: {error}",
        "it may be in the middle of a change: step on a little",
    )
