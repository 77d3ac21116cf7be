"""`session.python`: what Python does in a recording, and movements in its lines."""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Callable
from typing import Union

from reenact.cpython.asked import AskedSession
from reenact.cpython.breakpoints import PythonBreakpoint, find_codes, met, watches
from reenact.cpython.code import Code
from reenact.cpython.evaluating import Result, check, evaluate, truth
from reenact.cpython.executing import ThreadState
from reenact.cpython.inspection import Inspection
from reenact.cpython.last_bindings import LastBinding
from reenact.cpython.stepping import Stepping
from reenact.errors import UsageError
from reenact.session.movements import Movements
from reenact.session.values import Stop, StopReason

#: Carries out a movement; `is_back` says that it goes back.
Moved = Callable[..., Stop]
#: A Python expression, or what is called at each hit; a false result goes on.
Condition = Union[str, Callable[[], object]]

#: `write`, `writev`: what a program prints before it ends.
_WRITES = (1, 20)


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
        self._codes: dict[tuple[int, bytes], Code] = {}
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
        known = {(code.address, code.first_line): code for code in self._in_memory(point)}
        late = None
        for event in session.trace.events(session.process, 0, kinds=("syscall",), codes=_WRITES):
            late = event.index
        if late is not None and late > session.position.event:
            here = session.position

            def look() -> Stop:
                self._movements.goto((late, 0))
                for code in self._in_memory(point):
                    known.setdefault((code.address, code.first_line), code)
                return self._movements.goto((here.event, here.instructions))

            self._carry_out(look)
        return list(known.values())

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
