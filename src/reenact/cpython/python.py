"""`session.python`: what Python does in a recording, and movements in its lines."""

from __future__ import annotations

import contextlib
import itertools
import weakref
from collections.abc import Callable
from typing import Union

from reenact.cpython.asked import AskedSession
from reenact.cpython.breakpoints import PythonBreakpoint, find_codes, met, watches
from reenact.cpython.code import Code
from reenact.cpython.evaluating import Result, check, evaluate, truth
from reenact.cpython.executing import ThreadState
from reenact.cpython.inspection import Inspection, damaged
from reenact.cpython.last_bindings import LastBinding
from reenact.cpython.reading import UnreadableError
from reenact.cpython.stepping import Stepping
from reenact.cpython.values import PythonException
from reenact.errors import UsageError
from reenact.session.movements import Movements
from reenact.session.points import Points
from reenact.session.values import Stop, StopReason

#: Carries out a movement; `is_back` says that it goes back.
Moved = Callable[..., Stop]
#: A Python expression, or what is called at each hit; a false result goes on.
Condition = Union[str, Callable[[], object]]

#: Where else code is looked for, in hundredths of the events of the process.
_PARTS = (98, 95, 90, 80, 60, 40)
#: `write`, `writev`: what a program prints before it ends; the descriptor of standard error.
_WRITES, _STANDARD_ERROR = (1, 20), 2


class Python(Inspection):
    """The Python side of a session; made by `Session.python`.

    Everything is read from recorded memory: nothing of the program runs.

    Arguments:
        session: it.
        movements: moves it.
        moved: carries out a movement, which may be interrupted.

    Errors of all methods: `UsageError` where no Python runs in the process, where its version is
    none of those that are known, and where its state is in the middle of a change.
    """

    def __init__(self, session: AskedSession, movements: Movements, moved: Moved) -> None:
        super().__init__(session)
        self._movements = movements
        # It is a method of the session, which nothing of its own may keep alive.
        self._moved = weakref.WeakMethod(moved)
        self._breakpoints: list[PythonBreakpoint] = []
        self._numbers = itertools.count(1)

    def evaluate(self, expression: str, frame: int = 0, *, thread: int | None = None) -> Result:
        """The value of a Python expression in a frame, from memory: nothing of the program runs.

        Arguments:
            expression: names, attributes, items, arithmetic, comparisons, `len`, `type` and a few
                more; no calls of the program's functions.
            frame: its level; 0 is the innermost.
            thread: of which thread (its tid); None: of the running one.

        Errors: `UsageError` for what is not bound, and for what memory alone does not tell.
        """
        return evaluate(expression, self.frame(frame, thread=thread))

    # Movements

    def step(self, count: int = 1) -> Stop:
        """To the beginning of another Python line of the running thread, into functions.

        Lines begin where `sys.settrace` tells of them. Threads that run in between are passed
        over; breakpoints and watchpoints do not count.

        Arguments:
            count: how many times; fewer where the process ends.
        """
        return self._repeated(count, Stepping.step)

    def next(self, count: int = 1) -> Stop:
        """As `step`, over what the innermost frame calls; from its end to who called it."""
        return self._repeated(count, Stepping.next)

    def finish(self) -> Stop:
        """To where the innermost frame has returned, or yielded: in the one that called it."""
        return self._repeated(1, Stepping.finish)

    def reverse_step(self, count: int = 1) -> Stop:
        """To the beginning of the line that began last before."""
        return self._repeated(count, Stepping.step_back, is_back=True)

    def reverse_next(self, count: int = 1) -> Stop:
        """As `reverse_step`, over what the innermost frame called; from its begin to the call."""
        return self._repeated(count, Stepping.next_back, is_back=True)

    def reverse_finish(self) -> Stop:
        """To right before the call of the innermost frame.

        Errors: `UsageError` where no Python called it.
        """
        return self._repeated(1, Stepping.finish_back, is_back=True)

    # Breakpoints

    @property
    def breakpoints(self) -> tuple[PythonBreakpoint, ...]:
        """All breakpoints that were set and not removed."""
        return tuple(self._breakpoints)

    def add_breakpoint(self, where: str, condition: Condition | None = None) -> PythonBreakpoint:
        """Stop where a line of Python begins; `continue_` and `reverse_continue` of this object do.

        Arguments:
            where: `FILE:LINE` with the end of a path, or a function, by its name or `__qualname__`.
            condition: a Python expression, or a function without arguments; a hit where it is false
                is passed over. Where an expression has no value it counts: somebody should look.

        The code is looked for where the session stands, and at the last output of the process: code
        that is neither in memory here nor there is not found.

        Errors: `UsageError` where no such code is found.
        """
        made = PythonBreakpoint.parse(where)
        if condition is not None:
            made.condition = self._asked(condition)
        made.codes = self._found(made)
        if not made.codes:
            raise UsageError(
                f"no Python code of {where} is in memory here or at the end",
                "go to where it is loaded, or name a line with code in it",
            )
        made.number = next(self._numbers)
        self._breakpoints.append(made)
        return made

    def remove_breakpoint(self, point: PythonBreakpoint) -> None:
        """Take a breakpoint away."""
        if point in self._breakpoints:
            self._breakpoints.remove(point)

    def continue_(self) -> Stop:
        """On to where the line of a breakpoint begins, or to the end."""
        return self._carry_out(lambda: self._run(is_back=False))

    def reverse_continue(self) -> Stop:
        """Back to where the line of a breakpoint began last, or to the start."""
        return self._carry_out(lambda: self._run(is_back=True), is_back=True)

    def goto_uncaught(self) -> bool:
        """Go to where the interpreter told of the exception that ended the process.

        Whether there is one; the session stays where it was when there is none. What was printed
        is not read: the interpreter keeps the exception, and what is told on standard error last
        is the place where it has it.
        """
        session, last = self.session, None
        for event in session.trace.events(session.process, 0, kinds=("syscall",), codes=_WRITES):
            if event.args[0] == _STANDARD_ERROR and event.result > 0:
                last = event.index
        if last is None:
            return False
        here, wanted = self._movements.here().position, last
        self._carry_out(lambda: self._movements.goto((wanted, 0)))
        if self.told_exception() is not None:
            return True
        self._carry_out(lambda: self._movements.goto((here.event, here.instructions)))
        return False

    def goto_raise(self) -> Stop:
        """Back to where the exception in question was raised: the innermost frame raised it.

        That is the one that ended the process, once it is told, else the one that is on its way or
        handled. Where the session stands before either, it goes to the one that ended the process.

        Errors: `UsageError` where there is none.
        """
        found = self.told_exception() or self._handled()
        if found is None:
            if not self.goto_uncaught():
                raise UsageError("there is no exception here", "go to where it is handled or told")
            found = self.told_exception()
        try:
            entries = self.place.frames.traceback_entries(found.value.address) if found else []
        except UnreadableError as error:
            raise damaged(error) from None
        if not entries:
            raise UsageError("the exception has no traceback", "it was never raised")
        # The innermost entry was made as the frame was left, and is written once.
        place = entries[-1] + self.interpreter.layout["traceback.frame"]
        point = Points().add_watch(place, 8, "write", None)
        return self._carry_out(lambda: self._movements.backward([point], alone=True), is_back=True)

    def told_exception(self) -> PythonException | None:
        """The exception that ended the process, where the interpreter has told of it; None: no."""
        try:
            found = self.last_uncaught()
            if found is not None:
                return found
            frames = self.frames()
            current = self.exception() if frames else None
        except UsageError:
            return None
        # Of a process of `multiprocessing`, which tells of it by itself.
        is_worker = any(
            one.function == "_bootstrap" and one.file.endswith("multiprocessing/process.py")
            for one in frames
        )
        return current if is_worker else None

    def _handled(self) -> PythonException | None:
        """The exception that is on its way or handled here; None: there is none."""
        try:
            return self.exception() if self.frames() else None
        except UsageError:
            return None

    def last(self, expression: str, frame: int = 0) -> Stop:
        """Back to where a name, attribute or element was bound to what it is: right before that.

        The write of the reference is meant: a container that has only moved what it holds, as a
        dict does when it grows, is followed to where it had come from.

        Arguments:
            expression: such as `total`, `self.items` or `table["key"]`.
            frame: its level; 0 is the innermost.

        Errors: `UsageError` for what is no reference in memory.
        """
        binding = LastBinding(expression, self.frame(frame))

        def move() -> Stop:
            return binding.go_back(self._movements, lambda: self.place, self._thread)

        return self._carry_out(move, is_back=True)

    def goto_module(self, file: str) -> Stop:
        """On to the first line of a module that is in memory later, such as the program's own.

        Arguments:
            file: the end of its path.

        Errors: `UsageError` where no such module is found; the session stays where it was.
        """
        made = PythonBreakpoint(file, file=file, function="<module>")
        made.codes = self._found(made)
        if not made.codes:
            raise UsageError(f"the module {file} is not in memory here or at the end")
        here, kept, self._breakpoints = self._movements.here().position, self._breakpoints, [made]
        try:
            stop = self.continue_()
        finally:
            self._breakpoints = kept
        if stop.reason == StopReason.END:
            self._carry_out(lambda: self._movements.goto((here.event, here.instructions)))
            raise UsageError(f"the module {file} is not executed behind this place")
        return stop

    # Inside

    def _asked(self, condition: Condition) -> Callable[[], object]:
        if not isinstance(condition, str):
            return condition
        text = condition

        def holds() -> object:
            try:
                return truth(self.evaluate(text))
            except UsageError:
                return True

        check(text)
        return holds

    def _found(self, point: PythonBreakpoint) -> list[Code]:
        """Code objects of a breakpoint, here and late in the process."""
        session = self.session
        here, known = session.position, {}
        # Its interpreter may be loaded later.
        with contextlib.suppress(UsageError):
            known = {(code.address, code.first_line): code for code in self._in_memory(point)}

        def look(event: int) -> Stop:
            self._movements.goto((event, 0))
            for code in self._in_memory(point):
                known.setdefault((code.address, code.first_line), code)
            return self._movements.goto((here.event, here.instructions))

        for number, event in enumerate(self._late_events()):
            # Behind the last output is enough, unless nothing is found.
            if event > here.event and (number == 0 or not known):
                with contextlib.suppress(UsageError):
                    self._carry_out(lambda event=event: look(event))  # type: ignore[misc]
        return list(known.values())

    def _late_events(self) -> list[int]:
        """Events behind which most of what the process has loaded is in memory, the best first."""
        session, found = self.session, []
        last = None
        for event in session.trace.events(session.process, 0, kinds=("syscall",), codes=_WRITES):
            last = event.index
        found += [] if last is None else [last]
        process = next(one for one in session.trace.processes if one.number == session.process)
        return found + [process.events * part // 100 for part in _PARTS]

    def _in_memory(self, point: PythonBreakpoint) -> list[Code]:
        session = self.session
        (place, *_) = session.symbols.variables("PyCode_Type") or ((0, 0),)
        return find_codes(self.place.objects, session.mappings, place[0], point.means, point.file)

    def _run(self, *, is_back: bool) -> Stop:
        """To the next hit of a breakpoint."""
        origin, points = self._movements.here().position, watches(self._breakpoints)
        while True:
            move = self._movements.backward if is_back else self._movements.forward
            stop = move(points, alone=True)
            if stop.reason != StopReason.WATCHPOINT or stop.address is None:
                return stop
            thread = self._thread()
            found = [] if thread is None else met(self._breakpoints, thread, stop.address)
            if not found or thread is None:
                continue
            before = self._movements.here().position
            line = Stepping(self._movements, thread).begun()
            # Instructions are read by others, too: those that are next to them, for example.
            now = thread.innermost
            is_begun = now is not None and now.code.instructions + now.offset == stop.address
            is_new = is_begun and (not is_back or line.position < origin)
            hit = [one for one in found if is_new and self._holds(one)]
            if hit:
                for one in hit:
                    one.hits += 1
                return line
            if is_back or not is_begun:
                self._movements.goto((before.event, before.instructions))

    @staticmethod
    def _holds(point: PythonBreakpoint) -> bool:
        return point.condition is None or bool(point.condition())

    def _thread(self) -> ThreadState | None:
        state = self.thread_state()
        if state is None:
            return None
        return ThreadState(self.session.memory.read, self.interpreter.layout, state, self._codes)

    def _repeated(
        self, count: int, move: Callable[[Stepping], Stop], *, is_back: bool = False
    ) -> Stop:
        thread = self._thread()
        if thread is None:
            raise UsageError(
                "the running thread executes no Python here", "go to where it does first"
            )
        stepping = Stepping(self._movements, thread)

        def all_of_them() -> Stop:
            for _ in range(count):
                stop = move(stepping)
                if stop.reason not in (StopReason.POSITION, StopReason.WATCHPOINT):
                    return stop
            return self._movements.here()

        return self._carry_out(all_of_them, is_back=is_back)

    def _carry_out(self, move: Callable[[], Stop], *, is_back: bool = False) -> Stop:
        moved = self._moved()
        if moved is None:
            raise UsageError("the session is gone", "keep it as long as it is wanted")
        return moved(move, is_back=is_back)
