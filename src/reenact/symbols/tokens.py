"""Expressions as tokens: names, numbers, signs. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable

from reenact.errors import UsageError

_PART = r"[A-Za-z_][\w$]*|\(anonymous namespace\)"
_NAME = rf"\$?(?:{_PART})(?:::~?(?:{_PART}))*"
_TOKEN = re.compile(
    r"\s*(?:(?P<float>(?:\d+\.\d*|\.\d+)(?:[eE][-+]?\d+)?[fFlL]?|\d+[eE][-+]?\d+[fFlL]?)"
    r"|(?P<number>0[xX][0-9a-fA-F]+[uUlL]*|0[bB][01]+[uUlL]*|\d+[uUlL]*)"
    rf"|(?P<of_file>'[^'\\]+'::{_NAME})"
    r"|(?P<character>[LuU]?'(?:[^'\\]|\\.[^']*)')"
    rf"|(?P<name>(?:::)?{_NAME})"
    r"|(?P<sign>->\*|->|\.\*|==|!=|<=|>=|&&|\|\||<<|>>|[-+*/%&|^<>!~.()\[\]?:,@]))"
)
_TAIL = re.compile(rf"::{_NAME}")
_ASSIGNMENT = re.compile(r"(?<![=!<>])=(?!=)|\+\+|--")
#: Characters of an expression that a message shows.
_SHOWN = 60


def shortened(text: str) -> str:
    """A text as a message shows it."""
    return repr(text if len(text) <= _SHOWN else text[:_SHOWN] + "…")


def tokens(text: str, is_known: Callable[[str], bool]) -> list[str]:
    """The tokens of an expression.

    Arguments:
        text: the expression.
        is_known: whether a name with the arguments of a template means something.

    Errors: `UsageError` for characters that belong to none.
    """
    found: list[str] = []
    position = 0
    end = len(text.rstrip())
    while position < end:
        match = _TOKEN.match(text, position)
        if match is None:
            raise _unknown(text, position)
        token = match.group().strip()
        position = match.end()
        if match["name"] or match["of_file"]:
            token, position = _with_template(text, token, position, is_known)
        found.append(token)
    if not found:
        raise UsageError("an empty expression has no value")
    return found


def is_name(token: str) -> bool:
    """Whether a token is the name of something."""
    first = token.removeprefix("::")[:1]
    return (
        first.isalpha() or first == "_" or (token.startswith(("(anonymous", "'")) and "::" in token)
    )


def _with_template(
    text: str, name: str, position: int, is_known: Callable[[str], bool]
) -> tuple[str, int]:
    """A name with the arguments of its template, where it means something with them."""
    while text[position : position + 1] == "<":
        end = _closing(text, position)
        if end is None:
            break
        longer, behind = name + text[position:end], end
        tail = _TAIL.match(text, end)
        whole, after = (longer + tail.group(), tail.end()) if tail else (longer, behind)
        if not (is_known(longer) or is_known(whole)):
            break
        name, position = whole, after
    return name, position


def _closing(text: str, begin: int) -> int | None:
    """Behind the `>` that belongs to a `<`."""
    depth = 0
    for at in range(begin, len(text)):
        depth += (text[at] == "<") - (text[at] == ">")
        if depth == 0:
            return at + 1
    return None


def _unknown(text: str, position: int) -> UsageError:
    rest = text[position:].strip()
    if _ASSIGNMENT.match(rest):
        return assignment(text)
    if rest.startswith('"'):
        return UsageError(f"{shortened(text)} has a text, which has no address here")
    return UsageError(
        f"{shortened(text)} is not an expression that is understood here",
        f"the trouble begins at {shortened(rest)}",
    )


def wrong(text: str) -> UsageError:
    """What is said of an expression that cannot be taken apart."""
    if _ASSIGNMENT.search(text):
        return assignment(text)
    return UsageError(
        f"{shortened(text)} is not an expression that is understood here",
        "names, numbers, $registers, . -> [] * &, sizeof, casts and the operators of C",
    )


def assignment(text: str) -> UsageError:
    """What is said of an expression that would change something."""
    return UsageError(
        f"{shortened(text)} changes something, and a recording cannot be changed",
        "compare with ==; in gdb set var changes a copy that is thrown away",
    )
