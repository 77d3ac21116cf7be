"""What `monitor last` does: go to the write before (or after), and tell what it changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from reenact.errors import UsageError
from reenact.gdb.target import Target
from reenact.session.values import Stop, StopReason
from reenact.symbols.frames import DWARF_REGISTERS
from reenact.symbols.values import Value

_HINT = "last [-f] ADDRESS SIZE, last [-f] -r FRAME THREAD NAME, or last again"
#: Bytes of a value that are told.
_MOST_TOLD = 64
_WORDS = (1, 2, 4, 8)


@dataclass(frozen=True)
class _Memory:
    """Memory that is written."""

    address: int
    size: int


@dataclass(frozen=True)
class _Register:
    """A register that changes, in the frame that one stands in."""

    number: int


class LastChanges:
    """Remembers what was asked for, so that it can be asked again.

    Arguments:
        target: what is debugged.
    """

    def __init__(self, target: Target) -> None:
        self._target = target
        self._wanted: _Memory | _Register | None = None

    def go(self, rest: str) -> tuple[Stop | None, str]:
        """Go there; what to say of it. No stop: there is none, and one stands where one stood.

        Arguments:
            rest: what follows the word `last`.

        Errors: `UsageError` for what is not understood, or cannot be followed.
        """
        words = rest.split()
        is_forward = words[:1] == ["-f"]
        words = words[is_forward:]
        session = self._target.session
        self._target.leave_branch()
        origin = session.position
        if words[:1] == ["-r"]:
            stop = self._first_of_register(words[1:], is_forward=is_forward)
        else:
            stop = self._again(words, is_forward=is_forward)
        if stop.reason in (StopReason.START, StopReason.END):
            session.goto(origin)
            where = "until the end" if is_forward else "since the start"
            return None, f"not written {where} of the process\n"
        return stop, self._told(stop, is_forward=is_forward)

    def _again(self, words: list[str], *, is_forward: bool) -> Stop:
        session = self._target.session
        if words:
            if len(words) != 2:
                raise UsageError("this is not understood", _HINT)
            self._wanted = _Memory(*map(_number, words))
        wanted = self._wanted
        if wanted is None:
            raise UsageError("last what?", _HINT)
        if isinstance(wanted, _Register):
            name = f"${DWARF_REGISTERS[wanted.number]}"
            return session.next_write(name) if is_forward else session.last_write(name)
        move = session.next_write if is_forward else session.last_write
        return move(wanted.address, wanted.size)

    def _first_of_register(self, words: list[str], *, is_forward: bool) -> Stop:
        """Of a register, or a variable that is in one: where it is depends on the frame."""
        if len(words) != 3:
            raise UsageError("this is not understood", _HINT)
        session = self._target.session
        frame, thread, name = _number(words[0]), _number(words[1]), words[2]
        number = session.register_of(name, frame, thread=thread)
        if number is None:
            # Where its client knows no place, of what optimization across files has moved, debug
            # information may have one.
            found = session.evaluate(name, frame, thread=thread)
            if not isinstance(found, Value) or found.address is None:
                raise UsageError(
                    f"{name} is neither in memory nor in one register here",
                    "name a variable, memory or a general register",
                )
            self._wanted = _Memory(found.address, found.type.size)
            return self._again([], is_forward=is_forward)
        self._wanted = _Register(number)
        move = session.next_write if is_forward else session.last_write
        return move(f"${DWARF_REGISTERS[number]}", frame=frame, thread=thread)

    def _told(self, stop: Stop, *, is_forward: bool) -> str:
        """Values before and after, time and thread; the session stands where it stood."""
        session, wanted = self._target.session, self._wanted
        if stop.reason != StopReason.WATCHPOINT or wanted is None:
            return ""
        read = self._reader(wanted)
        here = read()
        other = (session.reverse_stepi if is_forward else session.stepi)()
        there = read()
        session.goto(stop.position)
        if other.reason == StopReason.INTERRUPTED:
            return ""
        before, after = (there, here) if is_forward else (here, there)
        values = f"{_shown(before)} -> {_shown(after)}"
        if isinstance(wanted, _Register):
            values = f"${DWARF_REGISTERS[wanted.number]} {values}"
        return f"{values}, {session.elapsed:.6f} s, thread {stop.thread}\n"

    def _reader(self, wanted: _Memory | _Register) -> Callable[[], bytes]:
        session = self._target.session
        if isinstance(wanted, _Register):
            name = DWARF_REGISTERS[wanted.number]
            return lambda: session.registers[name].to_bytes(8, "little")
        size = min(wanted.size, _MOST_TOLD)
        return lambda: session.memory.read(wanted.address, size)


def _shown(content: bytes) -> str:
    """A number where it is as long as one, else bytes."""
    if len(content) in _WORDS:
        return f"{int.from_bytes(content, 'little'):#x}"
    return content.hex(" ") or "nothing"


def _number(word: str) -> int:
    try:
        return int(word, 0)
    except ValueError:
        raise UsageError(f"{word!r} is not a number", _HINT) from None
