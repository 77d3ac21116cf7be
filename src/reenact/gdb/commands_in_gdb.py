"""Runs inside of gdb (`gdb -x`): the commands when, goto, last and elapsed; the prompt.

Only what gdb's own Python offers is used: this file is never imported by reenact.
"""

from __future__ import annotations

import contextlib
from typing import Any

import gdb  # type: ignore[import-untyped]


def _monitor(line: str) -> str:
    answer = str(gdb.execute(f"monitor {line}", to_string=True)).strip()
    if answer.startswith("reenact: "):
        raise gdb.GdbError(answer[len("reenact: ") :])
    return answer


def _arrived() -> None:
    """Forget what gdb knows of the old position, and show the new one."""
    gdb.execute("maintenance flush register-cache", to_string=True)
    gdb.execute("maintenance flush dcache", to_string=True)
    gdb.execute("info threads", to_string=True)
    # Other libraries may be loaded there.
    with contextlib.suppress(gdb.error):
        gdb.execute("sharedlibrary", to_string=True)
    gdb.execute("frame")


class When(gdb.Command):  # type: ignore[misc]
    """Show the position in the recording, as goto takes it."""

    def __init__(self) -> None:
        super().__init__("when", gdb.COMMAND_STATUS)

    def invoke(self, _argument: str, _from_terminal: object) -> None:
        """Called by gdb."""
        print(_monitor("when"))


class Elapsed(gdb.Command):  # type: ignore[misc]
    """Show the seconds between the start of the recording and the position."""

    def __init__(self) -> None:
        super().__init__("elapsed", gdb.COMMAND_STATUS)

    def invoke(self, _argument: str, _from_terminal: object) -> None:
        """Called by gdb."""
        print(_monitor("elapsed"))


class Goto(gdb.Command):  # type: ignore[misc]
    """Go to a moment: a position, an event, start, end, 37.5% or 1.5s."""

    def __init__(self) -> None:
        super().__init__("goto", gdb.COMMAND_RUNNING)

    def invoke(self, argument: str, _from_terminal: object) -> None:
        """Called by gdb."""
        if not argument.strip():
            raise gdb.GdbError("goto where? a position, an event, start, end, 37.5% or 1.5s")
        print(_monitor(f"goto {argument.strip()}"))
        _arrived()


class Last(gdb.Command):  # type: ignore[misc]
    """Go back to where the value of an expression was last written: last EXPRESSION."""

    def __init__(self) -> None:
        super().__init__("last", gdb.COMMAND_RUNNING, gdb.COMPLETE_EXPRESSION)

    def invoke(self, argument: str, _from_terminal: object) -> None:
        """Called by gdb."""
        try:
            value = gdb.parse_and_eval(argument or "$")
            address = value.address
        except gdb.error as error:
            raise gdb.GdbError(str(error)) from None
        if address is None:
            raise gdb.GdbError("last wants something that is in memory, not a computed value")
        answer = _monitor(f"last {int(address):#x} {value.type.sizeof}")
        print(answer)
        if not answer.startswith("not "):
            _arrived()


def _prompt(_current: Any) -> str | None:
    try:
        return f"(reenact {_monitor('when')}) "
    except gdb.error:
        return None


When()
Elapsed()
Goto()
Last()
gdb.prompt_hook = _prompt
