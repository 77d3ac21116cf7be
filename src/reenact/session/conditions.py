"""Conditions in the notation of C, compiled to what the replayer asks by itself."""

from __future__ import annotations

from collections.abc import Sequence

from reenact.compiling.expressions import condition
from reenact.compiling.instructions import NotCompilableError
from reenact.compiling.probing import FixedFrame
from reenact.errors import UsageError
from reenact.session.points import AgentCode, TextCondition
from reenact.session.view import View


def at_code(text: str, addresses: Sequence[int], view: View) -> TextCondition:
    """The condition of a breakpoint; where it cannot be compiled it is asked at each hit."""
    try:
        codes = {address: condition(text, view.lasting_frame(address)) for address in addresses}
    except NotCompilableError:
        return TextCondition(text, None)
    return TextCondition(text, AgentCode({address: (code,) for address, code in codes.items()}))


def at_accesses(text: str, view: View) -> AgentCode:
    """The condition of a watchpoint: whatever instruction accesses it, names mean what they do now.

    Errors: `UsageError` for what cannot be compiled.
    """
    try:
        return AgentCode({None: (condition(text, FixedFrame(view.variables(0, None))),)})
    except NotCompilableError as error:
        raise UsageError(
            f"the condition {text!r} cannot be asked at each access: {error}",
            "give a function that is called with the session",
        ) from None
