"""Python frames of a recorded interpreter: threads, their frames, and what names mean there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from reenact.cpython.code import Code, KnownCode
from reenact.cpython.objects import Objects
from reenact.cpython.reading import UnreadableError

#: Frames from here on belong to the interpreter itself: no Python code (3.12 on).
_FIRST_OWN = 3
_MOST_FRAMES, _MOST_THREADS = 100_000, 10_000
#: A reference in a frame of 3.14 has a tag in its lowest bits.
_TAGS = 3


@dataclass(frozen=True)
class FramePlace:
    """A frame: where it is in memory, and what it executes.

    Arguments:
        address: of its structure.
        code: what it executes.
        offset: of the instruction it executes, in bytes from the first; below 0: none yet.
    """

    address: int
    code: Code
    offset: int

    @property
    def line(self) -> int | None:
        """The line it is on."""
        return self.code.line_at(self.offset)


class FrameReader:
    """The frames at one place.

    Arguments:
        objects: there.
        runtime: address of `_PyRuntime`.
        codes: code objects that have been taken apart.
    """

    def __init__(self, objects: Objects, runtime: int, codes: KnownCode) -> None:
        self._objects = objects
        self._runtime = runtime
        self._codes = codes

    def thread_states(self) -> dict[int, int]:
        """Where the interpreter keeps each of its threads, by `pthread_self` of it."""
        memory, layout = self._objects.memory, self._objects.layout
        found: dict[int, int] = {}
        interpreter = memory.word(self._runtime + layout["runtime.interpreters"])
        while interpreter and len(found) < _MOST_THREADS:
            state = memory.word(interpreter + layout["interpreter.threads"])
            while state and len(found) < _MOST_THREADS:
                number = memory.word(state + layout["thread.thread_id"])
                # The main interpreter's comes last, and counts unless another one has frames.
                if number not in found or self.newest(state):
                    found[number] = state
                state = memory.word(state + layout["thread.next"])
            interpreter = memory.word(interpreter + layout["interpreter.next"])
        return found

    def newest(self, state: int) -> int:
        """Address of a thread's innermost frame of any kind; 0: it has none."""
        memory = self._objects.memory
        place = self.newest_place(state)
        return memory.word(place) if place else 0

    def newest_place(self, state: int) -> int:
        """Where the pointer to a thread's innermost frame is."""
        memory, layout = self._objects.memory, self._objects.layout
        if "thread.cframe" not in layout:
            return state + layout["thread.current_frame"]
        held = memory.word(state + layout["thread.cframe"])
        return held + layout["cframe.current_frame"] if held else 0

    def frames(self, state: int) -> Iterator[FramePlace]:
        """A thread's frames, innermost first."""
        memory, layout = self._objects.memory, self._objects.layout
        address, count = self.newest(state), 0
        while address and count < _MOST_FRAMES:
            frame = self.at(address)
            if frame is not None:
                yield frame
            address = memory.word(address + layout["frame.previous"])
            count += 1

    def at(self, address: int) -> FramePlace | None:
        """The frame at an address; None: it has no Python code, or has not begun."""
        memory, layout = self._objects.memory, self._objects.layout
        if layout.version >= (3, 12) and memory.byte(address + layout["frame.owner"]) >= _FIRST_OWN:
            return None
        held = memory.word(address + layout["frame.code"])
        code = self.code(held & ~_TAGS if layout.version >= (3, 14) else held)
        if layout.has_frame_objects:
            offset = code.unit * memory.int32(address + layout["frame.instruction"])
        else:
            offset = memory.signed(address + layout["frame.instruction"]) - code.instructions
        return FramePlace(address, code, offset)

    def code(self, address: int) -> Code:
        """A code object. Errors: `UnreadableError` for what is none."""
        return self._codes.at(self._objects, address)

    # Names

    def variables(self, frame: FramePlace) -> dict[str, tuple[int, int]]:
        """Local variables that are bound: where the reference is, and the object."""
        memory, layout = self._objects.memory, self._objects.layout
        code = frame.code
        found: dict[str, tuple[int, int]] = {}
        mapping = memory.word(frame.address + layout["frame.locals"])
        if not code.is_optimized and mapping:
            found.update(self.mapping(mapping))
        for number, (name, is_cell) in enumerate(code.variables):
            place = frame.address + layout["frame.fast"] + 8 * number
            value = self._reference(place)
            if value and is_cell and self._objects.kinds.of(value).base == "cell":
                place = value + layout["cell.value"]
                value = memory.word(place)
            if value:
                found[name] = (place, value)
        return found

    def _reference(self, place: int) -> int:
        value = self._objects.memory.word(place)
        if self._objects.layout.version < (3, 14):
            return value
        # Without a pointer there is only a tag.
        return 0 if value <= _TAGS else value & ~_TAGS

    def globals(self, frame: FramePlace) -> dict[str, tuple[int, int]]:
        """Names of the module: where the reference is, and the object."""
        held = self._objects.memory.word(frame.address + self._objects.layout["frame.globals"])
        return self.mapping(held)

    def module(self, name: str) -> dict[str, tuple[int, int]]:
        """Names of an imported module; none where it is not imported."""
        memory, layout = self._objects.memory, self._objects.layout
        interpreter = memory.word(self._runtime + layout["runtime.interpreters"])
        modules = memory.word(interpreter + layout["interpreter.modules"]) if interpreter else 0
        found = self.mapping(modules).get(name) if modules else None
        return self._objects.attributes(found[1]) if found is not None else {}

    def builtins(self, frame: FramePlace) -> dict[str, tuple[int, int]]:
        """Names that every module has."""
        found = self.globals(frame).get("__builtins__")
        if found is None:
            return {}
        if self._objects.kinds.of(found[1]).base == "module":
            return self._objects.attributes(found[1])
        return self.mapping(found[1])

    def names_of(self, frame: FramePlace, name: str) -> int:
        """The dict that a name is in: of a module or a class body."""
        memory, layout = self._objects.memory, self._objects.layout
        own = memory.word(frame.address + layout["frame.locals"])
        if not frame.code.is_optimized and own and name in self.mapping(own):
            return own
        return memory.word(frame.address + layout["frame.globals"])

    def mapping(self, address: int) -> dict[str, tuple[int, int]]:
        """The pairs of a dict whose keys are strings; none of what is no dict."""
        if self._objects.kinds.of(address).base != "dict":
            return {}
        return self._objects.named(self._objects.containers.slots(address))

    # Exceptions

    def exception(self, state: int) -> int:
        """The exception on its way in a thread, or the one that is being handled; 0: none."""
        memory, layout = self._objects.memory, self._objects.layout
        field = (
            "thread.current_exception"
            if "thread.current_exception" in layout
            else "thread.exception_value"
        )
        found = memory.word(state + layout[field])
        if found and self._is_exception(found):
            return found
        item, count = memory.word(state + layout["thread.exc_info"]), 0
        while item and count < _MOST_FRAMES:
            found = memory.word(item + layout["exc_info.value"])
            if found and self._is_exception(found):
                return found
            item = memory.word(item + layout["exc_info.previous"])
            count += 1
        return 0

    def _is_exception(self, address: int) -> bool:
        return self._objects.kinds.of(address).base == "exception"

    def traceback_entries(self, exception: int) -> list[int]:
        """The traceback objects of an exception, outermost first."""
        memory, layout = self._objects.memory, self._objects.layout
        at = memory.word(exception + layout["exception.traceback"])
        found: list[int] = []
        while at and len(found) < _MOST_FRAMES:
            if self._objects.kinds.of(at).base != "traceback":
                raise UnreadableError("an exception has no traceback where it should be")
            found.append(at)
            at = memory.word(at + layout["traceback.next"])
        return found

    def traceback(self, exception: int) -> Iterator[tuple[Code, int | None]]:
        """Where an exception has been, outermost first: code, and line."""
        memory, layout = self._objects.memory, self._objects.layout
        for at in self.traceback_entries(exception):
            frame = memory.word(at + layout["traceback.frame"])
            if not layout.has_frame_objects:
                frame = memory.word(frame + layout["frame_object.frame"])
            held = memory.word(frame + layout["frame.code"])
            code = self.code(held & ~_TAGS if layout.version >= (3, 14) else held)
            line: int | None = memory.int32(at + layout["traceback.line"])
            if line is not None and line <= 0:
                # From 3.12 on it is found out when somebody asks.
                line = code.line_at(memory.int32(at + layout["traceback.line"] - 4))
            yield code, line
