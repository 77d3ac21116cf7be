"""What `monitor` commands say: the moment, going elsewhere, the last change of memory."""

from __future__ import annotations

from reenact.errors import ReenactError, UsageError
from reenact.gdb.target import Target
from reenact.session.values import StopReason

_HELP = """\
when               the position, as goto takes it
elapsed            seconds since the recording began
goto WHERE         a position, an event, start, end, 37.5% or 1.5s
last ADDRESS SIZE  go back to where memory was last written
"""


def answer(target: Target, line: str) -> str:
    """The answer to a line; failures are told in it, as a sentence."""
    try:
        return _answer(target, line.split())
    except ReenactError as error:
        return f"reenact: {error.message}\n" + (f"  hint: {error.hint}\n" if error.hint else "")


def _answer(target: Target, words: list[str]) -> str:
    session = target.session
    command, arguments = (words[0], words[1:]) if words else ("help", [])
    if command == "when":
        return f"{target.position}\n"
    if command == "elapsed":
        return f"{_elapsed(target):.6f}\n"
    if command == "goto" and len(arguments) == 1:
        target.goto(arguments[0])
        return f"{session.position}\n"
    if command == "last" and len(arguments) == 2:
        target.leave_branch()
        return _last(target, *(_number(word) for word in arguments))
    if command == "help":
        return _HELP
    raise UsageError(f"monitor {' '.join(words)}: not known or incomplete", "see monitor help")


def _last(target: Target, address: int, size: int) -> str:
    stop = target.session.last_write(address, size)
    if stop.reason == StopReason.START:
        return "not written since the start of the process\n"
    return f"{target.session.position}\n"


def _elapsed(target: Target) -> float:
    session = target.session
    position = target.position
    for event in session.trace.events(session.process, position.event, position.event):
        return event.seconds
    return 0.0


def _number(word: str) -> int:
    try:
        return int(word, 0)
    except ValueError:
        raise UsageError(f"{word!r} is not a number") from None
