"""What `monitor` commands say: the moment, going elsewhere, the last change of memory."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from typing import ClassVar

from reenact.errors import ReenactError, UsageError
from reenact.gdb.agent_assembly import assembled, uses_registers
from reenact.gdb.client_paths import program_name
from reenact.gdb.debugged import Debugged
from reenact.gdb.last_changes import LastChanges
from reenact.gdb.target import Target
from reenact.gdb.user_checkpoints import UserCheckpoints
from reenact.printable import printable, printable_lines
from reenact.session.values import Stop, StopReason

_HELP = """\
when                  the position, as goto takes it
elapsed               seconds since the recording began
goto WHERE            a position, an event, start, end, 37.5% or 1.5s
last ADDRESS SIZE     go back to where memory was last written; last alone: to the write before that
last -r FRAME THREAD NAME
                      the same of a register ($rbx), or of a variable that is in one
last -f …             to the next write
back-step [N], back-next [N], back-finish
                      by whole lines, also over longjmp and exceptions
processes             the processes of the recording
process N [WHERE]     debug another one, at the same moment or elsewhere; the client connects again
follow [back]         the call of another process that gave the bytes that the last call got;
                      back: the calls that got what it gave
follow ADDRESS SIZE   the store of whichever process that gave shared memory its value
checkpoint [NOTE]     remember the position while this session lasts
checkpoints           all that are remembered
restart N             go to checkpoint N
forget [N]            forget checkpoint N, or all
bookmark NAME [NOTE]  keep the position in the trace; goto @NAME comes back
bookmarks             all that are kept
unmark NAME           forget a bookmark
program               what runs at the position
load                  the file that a client has to load where another program runs
thread                whose instruction is next
"""

_PLAIN_NUMBER = re.compile("0[xX][0-9a-fA-F]{1,16}|[0-9]{1,19}")
_LOOK_AGAIN = """\
gdb shows the frame and memory of before until you say:
  maintenance flush register-cache
  maintenance flush dcache
"""


class Monitor:
    """Answers lines.

    Arguments:
        target: what is debugged.
        checkpoints: what was remembered.
        debugged: the process, and the others of the recording.
    """

    def __init__(self, target: Target, checkpoints: UserCheckpoints, debugged: Debugged) -> None:
        self._target = target
        self._debugged = debugged
        self._remembered = checkpoints
        self._changes = LastChanges(target)
        #: The client is a gdb without our commands: it goes on showing where it was before.
        self.is_plain_gdb = False

    def answer(self, line: str) -> str:
        """The answer to a line, fit for a terminal; failures are told in it, as a sentence."""
        try:
            return printable_lines(self._answer(line))
        except ReenactError as error:
            trace = shlex.quote(self._target.session.trace.path)
            hint = error.hint_in_gdb.replace(" TRACE", f" {trace}")
            hint = f"  hint: {printable(hint)}\n" if hint else ""
            return f"reenact: {printable(error.message)}\n{hint}"

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
        return self._arrived(self._target.goto(where))

    def _last(self, rest: str) -> str:
        stop, told = self._changes.go(rest)
        return told if stop is None else self._arrived(stop, told)

    def _back_step(self, count: str) -> str:
        return self._back(lambda: self._target.session.reverse_step(_times(count)))

    def _back_next(self, count: str) -> str:
        return self._back(lambda: self._target.session.reverse_next(_times(count)))

    def _back_finish(self, _rest: str) -> str:
        return self._back(self._target.session.reverse_finish)

    def _back(self, move: Callable[[], Stop]) -> str:
        return self._arrived(self._target.walk(move))

    def _arrived(self, stop: Stop, told: str = "") -> str:
        """The position, whether the movement was cut short there, and what else is to be told."""
        is_cut = stop.reason == StopReason.INTERRUPTED
        advice = _LOOK_AGAIN if self.is_plain_gdb else ""
        return ("interrupted at " if is_cut else "") + self._when("") + told + advice

    def _processes(self, _rest: str) -> str:
        return self._debugged.table()

    def _process(self, rest: str) -> str:
        wanted, *where = rest.split(maxsplit=1) or [""]
        if not wanted:
            return f"{self._debugged.current()}\n"
        elapsed = self._target.session.elapsed
        chosen = self._debugged.choose(wanted, where[0] if where else None, elapsed)
        if self._debugged.has_changed and self.is_plain_gdb:
            chosen += "\nit is there when you connect again: disconnect, and target extended-remote"
        return f"{chosen}\n"

    def _follow(self, way: str) -> str:
        session, words = self._target.session, way.split()
        if way in ("", "back"):
            self._target.leave_branch()
            found = session.receivers() if way else session.senders()
        elif len(words) == 2 and all(_PLAIN_NUMBER.fullmatch(word) for word in words):
            writer = session.trace.following.writer
            found = [writer(self._target.position, *(int(word, 0) for word in words))]
        else:
            raise UsageError("follow, follow back, or follow ADDRESS SIZE", "see monitor help")
        return "".join(
            f"goto {one.position}: {one.length} bytes through {one.through}\n" for one in found
        )

    def _checkpoint(self, note: str) -> str:
        number = self._remembered.remember(self._target.position, note)
        return f"Checkpoint {number} at {self._target.position}\n"

    def _checkpoints(self, _rest: str) -> str:
        lines = [
            printable(f"{number:<4}{place.position!s:<24} {place.note}".rstrip())
            for number, place in self._remembered.all()
        ]
        return "".join(f"{line}\n" for line in lines) or "No checkpoints.\n"

    def _restart(self, rest: str) -> str:
        place = self._remembered.find(_number(rest))
        return self._arrived(self._target.goto(str(place.position)))

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
            printable(f"@{mark.name:<16} {mark.position!s:<24} {mark.note}".rstrip())
            for mark in self._target.session.trace.bookmarks
        ]
        return "".join(f"{line}\n" for line in lines) or "No bookmarks.\n"

    def _unmark(self, name: str) -> str:
        self._target.session.trace.bookmarks.remove(name.removeprefix("@"))
        return ""

    def _program(self, _rest: str) -> str:
        image = self._target.image
        return "" if image is None else f"{printable(image.program)}\n"

    def _load(self, _rest: str) -> str:
        image = self._target.tell_image()
        return "" if image is None else f"{program_name(image)}\n"

    def _watch_conditions(self, rest: str) -> str:
        """All conditions of watchpoints: of each an address, a size, and gdb's text of its code."""
        found: dict[tuple[int, int], tuple[bytes, ...]] = {}
        for one in filter(None, rest.split("|")):
            address, size, *lines = one.split(";")
            code = assembled(lines)
            if uses_registers(code):
                # It means the frame that was selected, and nothing tells where that will be.
                continue
            key = (int(address, 0), int(size, 0))
            found[key] = (*found.get(key, ()), code)
        self._target.points.set_watch_conditions(found)
        return ""

    def _loops_back(self, rest: str) -> str:
        """Ranges of code that loop, through which a client steps back: `BEGIN-END`, any number."""
        pairs = (word.partition("-") for word in rest.split())
        self._target.loops_back.know([(_number(one), _number(other)) for one, _, other in pairs])
        return "\n"

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
        "processes": _processes,
        "process": _process,
        "follow": _follow,
        "checkpoint": _checkpoint,
        "checkpoints": _checkpoints,
        "restart": _restart,
        "forget": _forget,
        "bookmark": _bookmark,
        "bookmarks": _bookmarks,
        "unmark": _unmark,
        "program": _program,
        "load": _load,
        "thread": _thread,
        "watch-conditions": _watch_conditions,
        "loops-back": _loops_back,
        "help": lambda _self, _rest: _HELP,
    }


def _times(count: str) -> int:
    return _number(count) if count else 1


def _number(word: str) -> int:
    try:
        return int(word, 0)
    except ValueError:
        raise UsageError(f"{word!r} is not a number") from None
