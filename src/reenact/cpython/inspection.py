"""`session.python`: Python frames, values and exceptions where a session stands."""

from __future__ import annotations

import itertools
import weakref
from typing import Union

from reenact.cpython.asked import AskedSession
from reenact.cpython.code import KnownCode
from reenact.cpython.frames import FramePlace, FrameReader
from reenact.cpython.interpreter import Interpreter, interpreter_in
from reenact.cpython.objects import Objects
from reenact.cpython.reading import Reading, UnreadableError
from reenact.cpython.values import Place, PythonException, PythonFrame, PythonThread, value_at
from reenact.errors import UsageError
from reenact.session.thread_names import pthread_of
from reenact.symbols.frames import Frame


class Inspection:
    """The part of `session.python` that looks.

    Everything is read from recorded memory: nothing of the program runs.

    Arguments:
        session: it.

    Errors of all methods: `UsageError` where no Python runs in the process, where its version is
    none of those that are known, and where its state is in the middle of a change.
    """

    def __init__(self, session: AskedSession) -> None:
        self._session = weakref.ref(session)
        self._codes = KnownCode()
        self._interpreters: dict[int, Interpreter] = {}
        self._known: tuple[object, Place] | None = None
        self._held_executions: list[int] | None = None

    @property
    def session(self) -> AskedSession:
        """The session."""
        found = self._session()
        if found is None:
            raise UsageError("the session is gone", "keep it as long as its frames are wanted")
        return found

    @property
    def version(self) -> str:
        """Which interpreter it is, such as "CPython 3.11"."""
        return self.interpreter.layout.name

    @property
    def interpreter(self) -> Interpreter:
        """The interpreter that is loaded here."""
        session = self.session
        image = self._image
        found = self._interpreters.get(image)
        if found is None:
            found = interpreter_in(session.symbols, session.memory.read)
            self._interpreters[image] = found
        return found

    @property
    def _image(self) -> int:
        """The event of the program's execution that the session is behind."""
        session, found = self.session, 0
        event = session.position.event
        for one in self._executions():
            if one <= event:
                found = one
        return found

    def _executions(self) -> list[int]:
        session = self.session
        if self._held_executions is None:
            events = session.trace.events(session.process, 0, kinds=("image-ready",))
            self._held_executions = [event.index for event in events]
        return self._held_executions

    @property
    def place(self) -> Place:
        """The interpreter's state where the session stands."""
        session = self.session
        here = session.standing
        if self._known is None or self._known[0] != here or session.is_in_branch:
            interpreter = self.interpreter
            objects = Objects(Reading(session.memory.read), interpreter.layout)
            reader = FrameReader(objects, interpreter.runtime, self._codes)
            self._known = here, Place(objects, reader, lambda: session.standing == here)
        return self._known[1]

    # Frames

    def frames(self, thread: int | None = None) -> tuple[PythonFrame, ...]:
        """The Python frames, innermost first; none where the thread runs no Python.

        Arguments:
            thread: of which thread (its tid); None: of the running one.

        Errors: `UsageError` when there is no such thread.
        """
        state = self.thread_state(thread)
        if state is None:
            return ()
        place = self.place
        try:
            found = list(place.frames.frames(state))
        except UnreadableError as error:
            raise damaged(error) from None
        return tuple(self.shown(level, one) for level, one in enumerate(found))

    def frame(self, level: int = 0, *, thread: int | None = None) -> PythonFrame:
        """One of the frames: 0 is the innermost. Errors: `UsageError` when there is none."""
        found = self.frames(thread)
        if not 0 <= level < len(found):
            raise UsageError(
                f"there is no Python frame {level}: there are {len(found)} here",
                "0 is the innermost",
            )
        return found[level]

    @property
    def threads(self) -> tuple[PythonThread, ...]:
        """All threads that have Python frames."""
        found = [PythonThread(one.tid, self.frames(one.tid)) for one in self.session.threads]
        return tuple(thread for thread in found if thread.frames)

    def stack(self, thread: int | None = None) -> tuple[Union[PythonFrame, Frame], ...]:
        """Native frames, innermost first, each Python frame before the one that executes it.

        Errors: `UsageError` where it cannot be told which of them that is.
        """
        from reenact.cpython.mixed import mixed

        state = self.thread_state(thread)
        native = tuple(self.session.frames(thread))
        if state is None:
            return native
        try:
            found = list(mixed(self.place, state, native))
        except UnreadableError as error:
            raise damaged(error) from None
        levels = itertools.count()
        return tuple(
            self.shown(next(levels), one) if isinstance(one, FramePlace) else one for one in found
        )

    def thread_state(self, thread: int | None = None) -> int | None:
        """Where the interpreter keeps a thread; None: it has none of it."""
        session = self.session
        registers = (
            session.registers
            if thread is None or thread == session.thread
            else next((one.registers for one in session.threads if one.tid == thread), None)
        )
        if registers is None:
            raise UsageError(f"there is no thread {thread} at this position", "see Session.threads")
        try:
            states = self.place.frames.thread_states()
        except UnreadableError as error:
            raise damaged(error) from None
        return states.get(pthread_of(registers, session.memory.read))

    def shown(self, level: int, found: FramePlace) -> PythonFrame:
        """A frame as people are told it."""
        code = found.code
        return PythonFrame(
            level, code.function, code.qualified_name, code.file, found.line, found, self.place
        )

    # Exceptions

    def exception(self, thread: int | None = None) -> PythonException | None:
        """The exception that is on its way in a thread, or is being handled; None: none is."""
        state = self.thread_state(thread)
        if state is None:
            return None
        try:
            found = self.place.frames.exception(state)
            return self.exception_at(found) if found else None
        except UnreadableError as error:
            raise damaged(error) from None

    def last_uncaught(self) -> PythonException | None:
        """The exception that nobody caught, once the interpreter tells of it; None: none yet."""
        place = self.place
        try:
            names = place.frames.module("sys")
            found = names.get("last_exc", names.get("last_value"))
            if found is None or place.objects.kinds.of(found[1]).base != "exception":
                return None
            return self.exception_at(found[1])
        except UnreadableError as error:
            raise damaged(error) from None

    def exception_at(self, address: int) -> PythonException:
        """An exception object, with its traceback."""
        place = self.place
        places = tuple(
            (code.qualified_name, code.file, line) for code, line in place.frames.traceback(address)
        )
        return PythonException(value_at(place, address), places)


def damaged(error: UnreadableError) -> UsageError:
    """The failure for a state that cannot be read."""
    return UsageError(
        f"the interpreter's state cannot be read here: {error}",
        "it may be in the middle of a change: step on a little",
    )
