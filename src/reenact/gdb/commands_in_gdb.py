"""Runs inside of gdb (`gdb -x`): the commands when, goto, last, checkpoint, …; the prompt.

Only what gdb's own Python offers is used: this file is never imported by reenact.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable
from typing import Any

import gdb  # type: ignore[import-untyped]

#: In the strings of gdb's machine interface: an octal number, or a letter.
_ESCAPE = re.compile(rb"\\([0-7]{3}|.)")
#: What the server calls a program that is to be loaded.
_PROGRAM = re.compile("/reenact/program-[0-9]+")
#: Where the socket is, and the trees of files of the processes.
_PLACE = os.path.dirname(str(gdb.parameter("sysroot")))
#: Directories of programs that come from the trace: a person may have chosen another file.
_FILES_OF_TRACE = tuple(
    f"{directory}/"
    for directory in (_PLACE, os.path.dirname(gdb.current_progspace().filename or ""))
    if directory
)
#: What the server says of a place that another process has.
_OF_ANOTHER = re.compile(r"([0-9]+:[0-9]+(?:[+][0-9]+)?) is a position of process ([0-9]+)")
#: Presses of Ctrl-C that are not heeded while gdb looks at a new position.
_MOST_INTERRUPTS = 20
_LETTERS = {b"n": b"\n", b"t": b"\t", b"r": b"\r"}


def _character(match: re.Match[bytes]) -> bytes:
    code = match[1]
    return bytes((int(code, 8),)) if len(code) == 3 else _LETTERS.get(code, code)


def _plain(said: str) -> str:
    """What the server said; newer gdbs give it as a record for front ends where there is one."""
    lines = said.encode(errors="surrogateescape").splitlines()
    if not lines or not all(line.startswith(b'@"') and line.endswith(b'"') for line in lines):
        return said
    return b"".join(_ESCAPE.sub(_character, line[2:-1]) for line in lines).decode(errors="replace")


def _monitor(line: str) -> str:
    answer = _plain(str(gdb.execute(f"monitor {line}", to_string=True))).strip()
    if answer.startswith("reenact: "):
        raise gdb.GdbError(answer[len("reenact: ") :])
    return answer


def _load_program() -> None:
    """Have gdb know the program that runs at the position: after an exec it is another one."""
    # The server made this name. The program's own path may hold what would be another command.
    name = _monitor("load")
    loaded = gdb.current_progspace().filename or ""
    sysroot = str(gdb.parameter("sysroot"))
    if _PROGRAM.fullmatch(name) and loaded.startswith(_FILES_OF_TRACE):
        gdb.execute(f"file {sysroot}{name}", to_string=True)
        # The one command that has gdb look for the dynamic linker of another program.
        gdb.execute(f"set sysroot {sysroot}", to_string=True)


def _whole(do: Callable[[], Any]) -> Any:
    """Do it again if Ctrl-C ends it: it is short, and must not stay half done."""
    for _ in range(_MOST_INTERRUPTS):
        with contextlib.suppress(KeyboardInterrupt):
            return do()
    return do()


def _arrived() -> None:
    """Forget what gdb knows of the old position, and show the new one."""
    _whole(_look_again)


def _look_again() -> None:
    gdb.execute("maintenance flush register-cache", to_string=True)
    gdb.execute("maintenance flush dcache", to_string=True)
    gdb.execute("info threads", to_string=True)
    running = int(_monitor("thread"))
    for thread in gdb.selected_inferior().threads():
        if thread.ptid[1] == running:
            thread.switch()
    # Other libraries may be loaded there.
    with contextlib.suppress(gdb.error):
        _load_program()
        gdb.execute("sharedlibrary", to_string=True)
    gdb.execute("frame")


def _switch(words: str) -> None:
    """Have the server debug another process, and connect to it."""
    before = _current_process()
    print(_monitor(f"process {words}"))
    after = _current_process()
    if after == before:
        _arrived()
        return
    was_asking = gdb.parameter("confirm")
    gdb.execute("set confirm off")
    try:
        _whole(lambda: _reconnect(after))
    finally:
        gdb.execute(f"set confirm {'on' if was_asking else 'off'}")


def _reconnect(process: str) -> None:
    # Done again, it is not connected any more.
    with contextlib.suppress(gdb.error):
        gdb.execute("disconnect", to_string=True)
    # What is loaded belongs to the process before.
    gdb.execute("file", to_string=True)
    gdb.execute(f"set sysroot {_PLACE}/files-{process}", to_string=True)
    gdb.execute(f"set solib-search-path {_PLACE}/files-{process}/reenact/by-name")
    gdb.execute(f"target extended-remote {_PLACE}/gdb", to_string=True)


def _current_process() -> str:
    return _monitor("process").split(maxsplit=2)[1]


def _move(line: str, told: Callable[[str], str] = str) -> None:
    """Have the server go elsewhere, and show where; `told` makes its answer readable.

    Ctrl-C may end any of this. Where the server may stand elsewhere, gdb looks again in any case.
    """
    has_moved = True
    try:
        try:
            answer = _monitor(line)
        except KeyboardInterrupt:
            # gdb drops the answer; the server has heard of Ctrl-C itself.
            answer = f"interrupted at {_whole(lambda: _monitor('when'))}"
        except (gdb.GdbError, gdb.error) as error:
            has_moved = False
            other = _OF_ANOTHER.match(str(error))
            if other is None:
                raise
            _switch(f"{other[2]} {other[1]}")
            return
        has_moved = not answer.startswith("not ")
        print(told(answer))
    finally:
        if has_moved:
            _arrived()


class _Command(gdb.Command):  # type: ignore[misc]
    """A command that says what the server answers to `line`."""

    name = line = ""
    kind = gdb.COMMAND_STATUS
    moves = False

    def __init__(self) -> None:
        super().__init__(self.name, self.kind)

    def text(self, argument: str) -> str:
        """What the server is asked."""
        return f"{self.line or self.name} {argument}".strip()

    def invoke(self, argument: str, _from_terminal: object) -> None:
        """Called by gdb."""
        if self.moves:
            _move(self.text(argument.strip()))
            return
        answer = _monitor(self.text(argument.strip()))
        if answer:
            print(answer)


class When(_Command):
    """Show the position in the recording, as goto takes it."""

    name = "when"


class Elapsed(_Command):
    """Show the seconds between the start of the recording and the position."""

    name = "elapsed"


class Goto(_Command):
    """Go to a moment: a position, an event, start, end, 37.5%, 1.5s, a time or @BOOKMARK."""

    name, kind, moves = "goto", gdb.COMMAND_RUNNING, True


class InfoInferiors(_Command):
    """Show the processes of the recording; a star marks the one that is debugged."""

    name, line = "info inferiors", "processes"


class SwitchProcess(gdb.Command):  # type: ignore[misc]
    """Debug another process at the same moment, or elsewhere: process N|NAME [WHERE]."""

    def __init__(self, name: str) -> None:
        self._name = name
        super().__init__(name, gdb.COMMAND_RUNNING)

    def invoke(self, argument: str, _from_terminal: object) -> None:
        """Called by gdb."""
        if argument.strip():
            _switch(argument.strip())
        else:
            print(_monitor("process"))


class BackStep(_Command):
    """As reverse-step, by whole lines, and out of a longjmp or an exception: back-step [N]."""

    name, kind, moves = "back-step", gdb.COMMAND_RUNNING, True


class BackNext(_Command):
    """As reverse-next, by whole lines, and over calls left by an exception: back-next [N]."""

    name, kind, moves = "back-next", gdb.COMMAND_RUNNING, True


class BackFinish(_Command):
    """As reverse-finish, by the debug information that the trace has."""

    name, kind, moves = "back-finish", gdb.COMMAND_RUNNING, True


class Follow(_Command):
    """Show which process gave the bytes that the last call got; follow back: who got its own.

    With an expression (follow queue->head): the store, of whichever process, that a value in memory
    that processes share comes from.
    """

    name = "follow"

    def text(self, argument: str) -> str:
        """What the server is asked."""
        if argument in ("", "back"):
            return super().text(argument)
        place, _ = _place_of(argument)
        return f"follow {place}"


class Checkpoint(_Command):
    """Remember the position while this session lasts: checkpoint [NOTE]."""

    name, kind = "checkpoint", gdb.COMMAND_RUNNING


class Restart(_Command):
    """Go to a checkpoint: restart N."""

    name, kind, moves = "restart", gdb.COMMAND_RUNNING, True


class InfoCheckpoints(_Command):
    """Show all checkpoints: number, position and note."""

    name, line = "info checkpoints", "checkpoints"


class DeleteCheckpoint(_Command):
    """Forget a checkpoint, or all: delete checkpoint [N]."""

    name, line, kind = "delete checkpoint", "forget", gdb.COMMAND_RUNNING


class Bookmark(_Command):
    """Keep the position in the trace under a name: bookmark NAME [NOTE]; goto @NAME comes back."""

    name, kind = "bookmark", gdb.COMMAND_RUNNING


class GotoBookmark(_Command):
    """Go to a bookmark: goto-bookmark NAME."""

    name, kind, moves = "goto-bookmark", gdb.COMMAND_RUNNING, True

    def text(self, argument: str) -> str:
        """What the server is asked."""
        return f"goto @{argument.removeprefix('@')}"


class InfoBookmarks(_Command):
    """Show all bookmarks of the trace: name, position and note."""

    name, line = "info bookmarks", "bookmarks"


class DeleteBookmark(_Command):
    """Forget a bookmark: delete bookmark NAME."""

    name, line, kind = "delete bookmark", "unmark", gdb.COMMAND_RUNNING


#: What is said of a change: both values, a time and a thread.
_CHANGE = re.compile(
    r"([$](?P<register>\w+) )?(?P<before>.+) -> (?P<after>.+), "
    r"(?P<time>[0-9.]+ s), thread (?P<tid>\d+)"
)
_REGISTER_OR_NAME = re.compile(r"[$]?[A-Za-z_]\w*")


class Last(gdb.Command):  # type: ignore[misc]
    """Go back to where a value was last written: last EXPRESSION; last again: the write before.

    It stands right before the write. What is in a register has been changed by the instruction
    that it stands at. With -f (last -f EXPRESSION): on to right after the next write.
    """

    def __init__(self) -> None:
        super().__init__("last", gdb.COMMAND_RUNNING, gdb.COMPLETE_EXPRESSION)
        #: What was asked for last, its type, and where that led to.
        self._text = ""
        self._type: Any = None
        self._place = ""

    def invoke(self, argument: str, _from_terminal: object) -> None:
        """Called by gdb."""
        text = argument.strip()
        is_forward = text == "-f" or text.startswith("-f ")
        text = text[2:].strip() if is_forward else text
        way = "last -f" if is_forward else "last"
        is_again = text == self._text and _monitor("when") == self._place
        if text and not is_again:
            place, self._type = _place_of(text)
            self._text, way = text, f"{way} {place}"
        _move(way, self._told)
        self._place = _whole(lambda: _monitor("when"))

    def _told(self, answer: str) -> str:
        """What the server said, with the values as gdb shows them."""
        found = _CHANGE.search(answer)
        if found is None or self._type is None:
            return answer
        before, after = (_formatted(found[part], self._type) for part in ("before", "after"))
        numbers = {thread.ptid[1]: thread.num for thread in gdb.selected_inferior().threads()}
        tid = int(found["tid"])
        thread = f"thread {numbers[tid]} ({tid})" if tid in numbers else f"thread {tid}"
        register = f"${found['register']}" if found["register"] else self._text
        name = self._text if self._text == register else f"{self._text} ({register})"
        said = f"{name}: {before} -> {after}, {found['time']}, {thread}"
        return f"{answer[: found.start()]}{said}{answer[found.end() :]}"


def _place_of(text: str) -> tuple[str, Any]:
    """How the server is told of a value, and the type of that."""
    try:
        value = gdb.parse_and_eval(text)
    except gdb.error as error:
        raise gdb.GdbError(str(error)) from None
    try:
        address = value.address
    except gdb.error:
        address = None
    if address is not None:
        return f"{int(address):#x} {value.type.sizeof}", value.type
    if not _REGISTER_OR_NAME.fullmatch(text):
        raise gdb.GdbError(
            "this is computed: name something that is in memory, or for last in a register"
        )
    level, frame = 0, gdb.selected_frame()
    while frame.newer() is not None:
        level, frame = level + 1, frame.newer()
    return f"-r {level} {gdb.selected_thread().ptid[1]} {text}", value.type


def _formatted(said: str, kind: Any) -> str:
    """A value as the server tells it (a number, or bytes), in gdb's notation for a type."""
    try:
        if said.startswith("0x"):
            content = int(said, 16).to_bytes(8, "little")[: kind.sizeof]
        else:
            content = bytes.fromhex(said)
        if len(content) == kind.sizeof:
            return str(gdb.Value(content, kind).format_string(max_elements=32))
    except (gdb.error, ValueError, OverflowError, TypeError):
        pass
    return said


_WATCHPOINTS = (gdb.BP_HARDWARE_WATCHPOINT, gdb.BP_READ_WATCHPOINT, gdb.BP_ACCESS_WATCHPOINT)
#: An instruction in what `maintenance agent-eval` says.
_INSTRUCTION = re.compile(r" *\d+ +[a-z_0-9]+( -?\d+)?")


class _WatchConditions:
    """Has the server ask the conditions of watchpoints: it passes millions of accesses a second."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[object, ...]] = {}
        self._found: dict[int, str] = {}
        for event in (gdb.events.breakpoint_created, gdb.events.breakpoint_modified):
            event.connect(self._changed)
        gdb.events.breakpoint_deleted.connect(self._changed)

    def _changed(self, point: Any) -> None:
        """A breakpoint is new, other, or (still there) about to be deleted."""
        if point.type not in _WATCHPOINTS:
            return
        state = (point.expression, point.condition, point.enabled)
        is_there = any(other.number == point.number for other in gdb.breakpoints())
        if is_there and self._known.get(point.number) == state:
            return
        self._known[point.number] = state
        self._found[point.number] = self._told(point) if is_there and point.enabled else ""
        by_place: dict[str, list[str]] = {}
        for found in filter(None, self._found.values()):
            by_place.setdefault(found.rpartition("#")[0], []).append(found.rpartition("#")[2])
        conditions = [
            f"{place};{code}"
            for place, codes in by_place.items()
            # Of two watchpoints of one place one may have none: then each access counts.
            if all(codes)
            for code in codes
        ]
        with contextlib.suppress(gdb.error, gdb.GdbError):
            _monitor(f"watch-conditions {'|'.join(conditions)}")

    def _told(self, point: Any) -> str:
        """Address and size of what is watched, and its condition as code; "" where not known."""
        with contextlib.suppress(gdb.error):
            value = gdb.parse_and_eval(point.expression)
            if value.address is None:
                return ""
            place = f"{int(value.address):#x};{value.type.sizeof}"
            if not point.condition:
                return f"{place}#"
            said = gdb.execute(f"maintenance agent-eval {point.condition}", to_string=True)
            lines = [line.strip() for line in said.splitlines() if _INSTRUCTION.fullmatch(line)]
            return f"{place}#{';'.join(lines)}"
        return ""


def _prompt(_current: Any) -> str | None:
    try:
        return f"(reenact {_whole(lambda: _monitor('when'))}) "
    except gdb.error:
        return None


_COMMANDS = (
    *(When, Elapsed, Goto, Last, BackStep, BackNext, BackFinish, Follow),
    *(Checkpoint, Restart, InfoCheckpoints, DeleteCheckpoint),
    *(Bookmark, GotoBookmark, InfoBookmarks, DeleteBookmark),
)
for _made in (*_COMMANDS, InfoInferiors):
    _made()
for _name in ("process", "inferior"):
    SwitchProcess(_name)
_conditions = _WatchConditions()
gdb.prompt_hook = _prompt
