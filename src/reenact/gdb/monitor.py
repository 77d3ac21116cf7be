"""What `monitor` commands say: the moment, going elsewhere, the last change of memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from reenact.errors import ReenactError, UsageError
from reenact.gdb.target import Target
from reenact.gdb.user_checkpoints import UserCheckpoints
from reenact.session.values import StopReason

_HELP = """\
when                  the position, as goto takes it
elapsed               seconds since the recording began
goto WHERE            a position, an event, start, end, 37.5% or 1.5s
last ADDRESS SIZE     go back to where memory was last written
back-step, back-next, back-finish
                      by whole lines, also over longjmp and exceptions
checkpoint [NOTE]     remember the position while this session lasts
checkpoints           all that are remembered
restart N             go to checkpoint N
forget [N]            forget checkpoint N, or all
bookmark NAME [NOTE]  keep the position in the trace; goto @NAME comes back
bookmarks             all that are kept
unmark NAME           forget a bookmark
program               what runs at the position
thread                whose instruction is next
"""


class Monitor:
    """Answers lines.

    Arguments:
        target: what is debugged.
        checkpoints: what was remembered.
    """

    def __init__(self, target: Target, checkpoints: UserCheckpoints) -> None:
        self._target = target
        self._remembered = checkpoints

    def answer(self, line: str) -> str:
        """The answer to a line; failures are told in it, as a sentence."""
        try:
            return self._answer(line)
        except ReenactError as error:
            return f"reenact: {error.message}\n" + (f"  hint: {error.hint}\n" if error.hint else "")

    def _answer(self, line: str) -> str:
        command, *arguments = line.split(maxsplit=1) or ["help"]
        handler = self._HANDLERS.get(command)
        if handler is None:
            raise UsageError(f"monitor {line}: not known or incomplete", "see monitor help")
        return handler(self, arguments[0].strip() if arguments else "")

    def _when(self, _rest: str) -> str:
        return f"{self._target.position}\n"

    def _elapsed(self, _rest: str) -> str:
        return f"{self._target.session.elapsed:.6f}\n"

    def _goto(self, where: str) -> str:
        if not where:
            raise UsageError("goto where?", "say a position, an event, start, end, 37.5% or 1.5s")
        self._target.goto(where)
        return self._when("")

    def _last(self, rest: str) -> str:
        numbers = [_number(word) for word in rest.split()]
        if len(numbers) != 2:
            raise UsageError("monitor last wants an address and a size", "see monitor help")
        self._target.leave_branch()
        stop = self._target.session.last_write(*numbers)
        if stop.reason == StopReason.START:
            return "not written since the start of the process\n"
        return self._when("")

    def _back_step(self, _rest: str) -> str:
        return self._back(self._target.session.reverse_step)

    def _back_next(self, _rest: str) -> str:
        return self._back(self._target.session.reverse_next)

    def _back_finish(self, _rest: str) -> str:
        return self._back(self._target.session.reverse_finish)

    def _back(self, move: Callable[[], object]) -> str:
        self._target.walk(move)
        return self._when("")

    def _checkpoint(self, note: str) -> str:
        number = self._remembered.remember(self._target.position, note)
        return f"Checkpoint {number} at {self._target.position}\n"

    def _checkpoints(self, _rest: str) -> str:
        lines = [
            f"{number:<4}{place.position!s:<24} {place.note}".rstrip()
            for number, place in self._remembered.all()
        ]
        return "".join(f"{line}\n" for line in lines) or "No checkpoints.\n"

    def _restart(self, rest: str) -> str:
        self._target.goto(str(self._remembered.find(_number(rest)).position))
        return self._when("")

    def _forget(self, rest: str) -> str:
        self._remembered.forget(_number(rest) if rest else None)
        return ""

    def _bookmark(self, rest: str) -> str:
        if not rest:
            raise UsageError("a bookmark needs a name", "say bookmark NAME, and a note if you like")
        name, *note = rest.split(maxsplit=1)
        marks, position = self._target.session.trace.bookmarks, self._target.position
        marks.add(name, position, note[0] if note else "")
        return f"Bookmark {name} at {position}\n"

    def _bookmarks(self, _rest: str) -> str:
        lines = [
            f"@{mark.name:<16} {mark.position!s:<24} {mark.note}".rstrip()
            for mark in self._target.session.trace.bookmarks
        ]
        return "".join(f"{line}\n" for line in lines) or "No bookmarks.\n"

    def _unmark(self, name: str) -> str:
        self._target.session.trace.bookmarks.remove(name.removeprefix("@"))
        return ""

    def _program(self, _rest: str) -> str:
        return f"{self._target.tell_image()}\n"

    def _thread(self, _rest: str) -> str:
        return f"{self._target.running}\n"

    _HANDLERS: ClassVar[dict[str, Callable[[Monitor, str], str]]] = {
        "when": _when,
        "elapsed": _elapsed,
        "goto": _goto,
        "last": _last,
        "back-step": _back_step,
        "back-next": _back_next,
        "back-finish": _back_finish,
        "checkpoint": _checkpoint,
        "checkpoints": _checkpoints,
        "restart": _restart,
        "forget": _forget,
        "bookmark": _bookmark,
        "bookmarks": _bookmarks,
        "unmark": _unmark,
        "program": _program,
        "thread": _thread,
        "help": lambda _self, _rest: _HELP,
    }


def _number(word: str) -> int:
    try:
        return int(word, 0)
    except ValueError:
        raise UsageError(f"{word!r} is not a number") from None
