"""`reenact pdb`: pdb's commands on a recording, and their like backwards. Prints; reads nothing."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from reenact.cpython.values import PythonFrame, PythonValue
from reenact.errors import ReenactError, UsageError
from reenact.pdb.source import Sources
from reenact.printable import printable
from reenact.session.values import Stop, StopReason

if TYPE_CHECKING:
    from reenact.session.session import Session

#: Lines that `list` shows before and behind the current one.
_AROUND = 5
_SHORT = 200

_ENDS = {
    StopReason.END: "the process has ended: nothing follows (go back with rs, rn, rc, or goto)",
    StopReason.START: "this is the start: nothing is before it",
    StopReason.INTERRUPTED: "interrupted",
    StopReason.DIVERGENCE: "the replay departs from the recording here",
}

HELP = """\
s(tep), n(ext), r(eturn)        to the next line; over calls; out of the function
rs, rn, rr                      the same backwards; rr: to the call of the function
c(ontinue), rc                  on, or back, to a breakpoint
b(reak) [WHERE[, CONDITION]]    set one at FILE:LINE, LINE or a function; alone: show all
cl(ear) NUMBER                  take a breakpoint away
w(here), u(p), d(own)           the Python stack, and frames of it
native                          the stack with Python frames among the native ones
l(ist) [LINE], a(rgs), locals   source, arguments, local variables
p EXPRESSION, whatis EXPRESSION its value, or type, from memory: nothing of the program runs
last EXPRESSION                 back to the line that bound a name, attribute or element
e(xception)                     the one that is on its way or handled, with its traceback
crash                           to the line that raised the exception that ended the process
when, goto POSITION             where this is; go to 0:523+1042, 40%, 1.5s, start, end, @bookmark
threads                         all threads that run Python
q(uit)"""


class Debugger:
    """Carries out commands.

    Arguments:
        session: stands somewhere in the recording.
        show: prints a line.
    """

    def __init__(self, session: Session, show: Callable[[str], None]) -> None:
        self._session = session
        self._python = session.python
        self._show = show
        self._sources = Sources(session.trace.manifest.directory, session.trace.manifest.start_ns)
        self._level = 0
        self._last = ""
        self._commands = self._named()

    @property
    def names(self) -> list[str]:
        """All commands, for completion."""
        return sorted(self._commands)

    def bound_names(self) -> list[str]:
        """Names that mean something in the chosen frame, for completion."""
        try:
            frame = self._frame()
            return sorted({*frame.locals, *frame.globals})
        except ReenactError:
            return []

    def run(self, line: str) -> bool:
        """Carry out one command; an empty one is the last again. False: that was the end."""
        line = line.strip() or self._last
        if not line:
            return True
        self._last = line
        word, _, rest = line.partition(" ")
        if word in ("q", "quit", "exit", "EOF"):
            return False
        command = self._commands.get(word)
        try:
            if command is None:
                # As pdb does it: what is no command is an expression.
                self._print(line.lstrip("!"))
            else:
                command(rest.strip())
        except ReenactError as error:
            hint = f" ({error.hint_on_line(None)})" if error.hint else ""
            self._show(f"*** {error.message}{hint}")
        return True

    def where(self) -> None:
        """Tell the current line."""
        frame = self._frame()
        self._show(f"> {printable(frame.file)}({frame.line}){printable(frame.qualified_name)}()")
        text = self._sources.line(frame.file, frame.line)
        if text is not None:
            self._show(f"-> {printable(text.strip())}")

    def show_place(self) -> None:
        """Tell the current line, or that no Python runs here."""
        try:
            self.where()
        except ReenactError as error:
            self._show(f"*** {error.message}")

    # Commands

    def _named(self) -> dict[str, Callable[[str], None]]:
        python = self._python
        moves: dict[str, Callable[[int], Stop]] = {
            "s step": python.step,
            "n next": python.next,
            "rs reverse-step": python.reverse_step,
            "rn reverse-next": python.reverse_next,
        }
        others: dict[str, Callable[[str], None]] = {
            "r return finish": lambda _rest: self._moved(python.finish()),
            "rr reverse-finish": lambda _rest: self._moved(python.reverse_finish()),
            "c cont continue": lambda _rest: self._moved(python.continue_()),
            "rc reverse-continue": lambda _rest: self._moved(python.reverse_continue()),
            "b break": self._break,
            "cl clear delete": self._clear,
            "w where bt": self._stack,
            "native": self._native,
            "u up": lambda rest: self._choose(_number(rest, 1)),
            "d down": lambda rest: self._choose(-_number(rest, 1)),
            "l list": self._list,
            "a args": self._arguments,
            "locals": lambda _rest: self._values(self._frame().locals.items()),
            "p pp print": self._print,
            "whatis": self._type,
            "last": self._bound,
            "e exception": self._exception,
            "crash": lambda _rest: self._moved(python.goto_raise()),
            "when": lambda _rest: self._when(),
            "goto": lambda rest: self._moved(self._session.goto(rest or "start")),
            "threads": self._threads,
            "h help ?": lambda _rest: [self._show(line) for line in HELP.splitlines()],  # type: ignore[dict-item]
        }
        found = {name: command for names, command in others.items() for name in names.split()}
        for names, move in moves.items():
            for name in names.split():
                found[name] = lambda rest, move=move: self._moved(move(_number(rest, 1)))  # type: ignore[misc]
        return found

    def _moved(self, stop: Stop) -> None:
        self._level = 0
        told = _ENDS.get(stop.reason)
        if told is not None:
            self._show(told)
        try:
            self.where()
        except UsageError as error:
            if told is None:
                self._show(f"*** {error.message}")

    def _frame(self) -> PythonFrame:
        return self._python.frame(self._level)

    def _choose(self, by: int) -> None:
        level = self._level + by
        self._python.frame(level)
        self._level = level
        self.where()

    def _stack(self, _rest: str) -> None:
        for frame in reversed(self._python.frames()):
            mark = ">" if frame.level == self._level else " "
            self._show(f"{mark} {frame}")
            text = self._sources.line(frame.file, frame.line)
            if text is not None:
                self._show(f"    {printable(text.strip())}")

    def _native(self, _rest: str) -> None:
        for frame in self._python.stack():
            is_python = isinstance(frame, PythonFrame)
            self._show(f"{'py ' if is_python else '   '}{printable(str(frame))}")

    def _threads(self, _rest: str) -> None:
        for thread in self._python.threads:
            mark = ">" if thread.tid == self._session.thread else " "
            self._show(f"{mark} thread {thread.tid}: {thread.frames[0]}")

    def _list(self, rest: str) -> None:
        frame = self._frame()
        middle = _number(rest, frame.line or 1)
        for number in range(max(middle - _AROUND, 1), middle + _AROUND + 1):
            text = self._sources.line(frame.file, number)
            if text is None:
                if number == middle:
                    self._show(f"*** there is no source of {printable(frame.file)} here")
                continue
            mark = "->" if number == frame.line else "  "
            self._show(f"{number:4} {mark} {printable(text.rstrip())}")
        warning = self._sources.warning(frame.file)
        if warning:
            self._show(warning)

    def _arguments(self, _rest: str) -> None:
        frame = self._frame()
        self._values(list(frame.arguments.items()))

    def _values(self, found: Iterable[tuple[str, PythonValue]]) -> None:
        for name, value in found:
            text = str(value)
            self._show(
                f"{printable(name)} = {printable(text[:_SHORT])}{'...' * (len(text) > _SHORT)}"
            )

    def _print(self, rest: str) -> None:
        found = self._python.evaluate(rest, self._level)
        self._show(printable(repr(found)))

    def _type(self, rest: str) -> None:
        self._show(printable(str(self._python.evaluate(f"type({rest})", self._level))))

    def _bound(self, rest: str) -> None:
        value = self._python.evaluate(rest, self._level)
        stop = self._python.last(rest, self._level)
        if stop.reason == StopReason.START:
            self._show(f"*** nothing has bound {printable(rest)}")
            return
        self._show(f"{printable(rest)} becomes {printable(repr(value))} here:")
        self._moved(stop)

    def _exception(self, _rest: str) -> None:
        found = self._python.exception()
        if found is None:
            self._show("no exception is on its way or being handled")
            return
        for function, file, line in found.traceback:
            self._show(f"  {printable(file)}({line}){printable(function)}()")
        self._show(printable(str(found.value)))

    def _when(self) -> None:
        session = self._session
        self._show(f"{session.position}, {session.elapsed:.6f} s, thread {session.thread}")

    def _break(self, rest: str) -> None:
        if not rest:
            for point in self._python.breakpoints:
                self._show(f"{point.number} {printable(point.name)}, {point.hits} hits")
            return
        where, _, condition = (part.strip() for part in rest.partition(","))
        if where.isdigit():
            where = f"{self._frame().file}:{where}"
        made = self._python.add_breakpoint(where, condition or None)
        self._show(f"Breakpoint {made.number} at {printable(made.name)}")

    def _clear(self, rest: str) -> None:
        number = _number(rest, 0)
        found = next((one for one in self._python.breakpoints if one.number == number), None)
        if found is None:
            raise UsageError(f"there is no breakpoint {rest or '(give its number)'}")
        self._python.remove_breakpoint(found)


def _number(text: str, otherwise: int) -> int:
    if not text:
        return otherwise
    try:
        (word,) = shlex.split(text)
        found = int(word)
    except ValueError:
        raise UsageError(f"{text!r} is no number") from None
    if not 0 < found < 1_000_000:
        raise UsageError(f"{text} is not a number from 1 to 999,999")
    return found
