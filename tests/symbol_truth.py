"""What gdb says of values at positions of a recording, and what the Python API says of the same."""

from __future__ import annotations

import enum
import json
import os
import re
import struct
import subprocess
from fractions import Fraction
from pathlib import Path

from debugger_session import need_gdb
from recorded_run import Reenact
from truth_questions import Question

from reenact.errors import UsageError
from reenact.session.session import Session
from reenact.symbols.rendering import render
from reenact.symbols.values import Value

_IN_GDB = r"""
import gdb, json
for setting in ("width 0", "confirm off", "pagination off", "print static-members off",
                "print repeats unlimited", "print elements 200", "print null-stop on",
                "print max-depth 20", "print symbol off", "language LANGUAGE"):
    gdb.execute(f"set {setting}")
answers, where = [], None
for position, level, expression in json.load(open(QUESTIONS)):
    name = None
    try:
        if where != position:
            gdb.execute(f"goto {position}", to_string=True)
            where = position
        gdb.execute(f"frame {level}", to_string=True)
        name = gdb.selected_frame().name()
        answers.append((name, gdb.execute(f"output/r {expression}", to_string=True)))
    except gdb.error as error:
        answers.append((name, f"error: {error}"))
json.dump(answers, open(ANSWERS, "w"))
"""

#: A number with a fraction or an exponent, and those that are none.
_REAL = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?:e[-+]?\d+)?(?=i?\b)")
#: A base class in front of what it has; templates of templates.
_BASE = re.compile(r"<((?:[^<>=]|<(?:[^<>]|<(?:[^<>]|<[^<>]*>)*>)*>)*)> = ")


def ask_gdb(
    reenact: Reenact, trace: Path, questions: list[Question], folder: Path, language: str = "auto"
) -> list[tuple[str | None, str]]:
    """gdb's answers, with the functions of the frames that it answers for."""
    need_gdb()
    script, asked, answers = (folder / name for name in ("ask.py", "questions", "answers"))
    asked.write_text(json.dumps(questions))
    text = _IN_GDB.replace("QUESTIONS", repr(str(asked))).replace("ANSWERS", repr(str(answers)))
    script.write_text(text.replace("LANGUAGE", language))
    words = [*reenact.command, "replay", str(trace), "--", "-nx", "-batch"]
    if (folder / "debug").exists():
        words += ["-iex", f"set debug-file-directory {folder / 'debug'}:/usr/lib/debug"]
    words += ["-x", str(script)]
    done = subprocess.run(
        words, check=False, timeout=900, capture_output=True, text=True, stdin=subprocess.DEVNULL,
        env={**os.environ, "LC_ALL": "C.UTF-8"},
    )  # fmt: skip
    assert answers.exists(), done.stdout + done.stderr
    return [(name, text) for name, text in json.loads(answers.read_text())]


def ask(session: Session, questions: list[Question]) -> list[tuple[str | None, str]]:
    """Our own answers, with the functions of the frames."""
    answers, where = [], None
    for position, level, expression in questions:
        if position != where:
            session.goto(position)
            where = position
        name = session.frame(level).function
        try:
            found = session.evaluate(expression, level)
            answers.append((name, render(found) if isinstance(found, Value) else str(found)))
        except UsageError as error:
            answers.append((name, f"error: {error.message}"))
    return answers


def _last_part(name: str) -> str:
    """`a::b<c::d>::e` to `e`, `a::b<c>` to `b<c>`."""
    depth = 0
    for at in range(len(name) - 1, 0, -1):
        depth += (name[at] == ">") - (name[at] == "<")
        if depth == 0 and name[at - 1 : at + 1] == "::":
            return name[at + 1 :]
    return name


def normal(text: str) -> str:
    """A text without what says the same in other words."""
    text = re.sub(r"^warning: .*\n", "", text, flags=re.MULTILINE).strip()
    text = text.replace("unsigned int __int128", "unsigned __int128")
    # Casts in front of addresses, places of references, symbols behind addresses.
    text = re.sub(r"\((?:[^()]|\([^()]*\))*\) (?=@?0x)", "", text)
    text = re.sub(r"@0x[0-9a-f]+: ", "", text)
    text = re.sub(r"(?<=\w) <[^<>]*(?:<[^<>]*>[^<>]*)*>(?! =)", "", text)
    text = re.sub(r"(-?\d+) [LuU]?'(?:\\.[^']*|[^'])'", r"\1", text)
    # Base classes and enumerators with the name of what is around them; what has no members.
    text = _BASE.sub(lambda match: f"<{_last_part(match[1])}> = ", text)
    text = re.sub(r"\b(?:\w+::)+(?=\w+\b(?![<(:]))", "", text)
    text = re.sub(r",\s*}", "}", text.replace("<No data fields>", ""))
    return re.sub(r"0x[0-9a-f]+", lambda match: str(int(match.group(), 16)), text)


def same(one: str, other: str) -> bool:
    """Whether two texts say the same: all numbers are equal, as numbers of one of C's types."""
    first, second = normal(one), normal(other)
    if _REAL.sub("#", first) != _REAL.sub("#", second):
        return False
    return all(
        _same_number(mine, its) for mine, its in zip(_REAL.findall(first), _REAL.findall(second))
    )


def _same_number(mine: str, its: str) -> bool:
    if mine == its:
        return True
    if not set(mine + its) & set(".e"):
        return False
    # A float is written with 9 digits, a long double with 18: enough to tell it from any other.
    digits = len(re.sub(r"e.*|\D", "", its).strip("0"))
    if digits <= 9 and _single(mine) == _single(its):
        return True
    if digits <= 17 and float(mine) == float(its):
        return True
    one, other = Fraction(mine), Fraction(its)
    return abs(one - other) * 2**64 <= abs(other)


def _single(text: str) -> bytes:
    try:
        return struct.pack("<f", float(text))
    except OverflowError:
        return text.encode()


class Verdict(enum.Enum):
    """What is found when our answer is held against gdb's."""

    SAME = "the same text"
    #: Ours has a reason why there is no value, and gdb has none either.
    NEITHER = "no value in both"
    #: gdb has a value, and ours a reason.
    REASON = "a reason is stated"
    #: gdb cannot, for a reason that is its own.
    BEYOND = "beyond gdb"
    #: gdb has put a frame where a call was the last thing a function did.
    OTHER_FRAME = "another frame"
    WRONG = "wrong"


#: What gdb cannot do, or answers in its own way, and ours can or does as C.
_BEYOND_GDB = (
    "not available on integers of more than 8 bytes", "Attempt to take contents of a non-pointer",
    "Invalid operation on booleans", "No symbol ", " is ambiguous in type ",
)  # fmt: skip


def compared(
    expression: str,
    ours: tuple[str | None, str],
    its: tuple[str | None, str],
    *,
    is_rust: bool = False,
) -> tuple[Verdict, str]:
    """What is found, and both answers where they differ."""
    (own_function, mine), (its_function, other) = ours, its
    other = _without_rust(other) if is_rust else other
    if _plain_name(own_function) != _plain_name(its_function):
        return Verdict.OTHER_FRAME, f"{own_function} and {its_function}"
    has_none = other.startswith("error: ") or "<optimized out>" in other
    if mine.startswith("error: "):
        return (Verdict.NEITHER if has_none else Verdict.REASON), f"{mine!r}; gdb says {other!r}"
    if any(reason in other for reason in _BEYOND_GDB):
        return Verdict.BEYOND, f"{mine!r} where gdb says {other!r}"
    if other in ("true", "false") and _IS_TRUTH.search(expression):
        # A number in C; gdb has C++'s own type for it.
        other = str(int(other == "true"))
    # Texts nowhere.
    if "<error: " in other or same(mine, other):
        return Verdict.SAME, ""
    return Verdict.WRONG, f"{normal(mine)!r} where gdb says {normal(other)!r}"


def _without_rust(text: str) -> str:
    """Without what gdb shows of Rust's values where it is told to take them for C++'s.

    What tells variants apart, and bytes behind pointers, as texts.
    """
    text = re.sub(r"\{(?:-?\d+|(?:\([^()]*\) )?0x[0-9a-f]+)(?: '[^']*')?, (?=\w+ = )", "{", text)
    text = re.sub(r'(0x[0-9a-f]+) "(?:\\.|[^"\\])*"(?:\.\.\.)?', r"\1", text)
    return re.sub(r"(\d+) [uU]?'[^']*'", r"\1", text)


#: What is true or false.
_IS_TRUTH = re.compile(r"[=!]=|[<>]|!|&&|\|\|")


def _plain_name(function: str | None) -> str:
    """A function's name without what is around it, its parameters and arguments of its template."""
    name = (function or "").split("(anonymous namespace)::")[-1]
    return re.split(r"[(<]", name)[0].split("::")[-1].split(".")[0]
