"""What gdb says of values at positions of a recording, and what the Python API says of the same."""

from __future__ import annotations

import json
import random
import re
import subprocess
from pathlib import Path

from debugger_session import need_gdb
from recorded_run import Reenact

import reenact as package
from reenact.errors import UsageError
from reenact.session.session import Session
from reenact.symbols.rendering import render
from reenact.symbols.values import Value

#: A question: a position, a frame of it, an expression.
Question = tuple[str, int, str]

_IN_GDB = r"""
import gdb, json
for setting in ("width 0", "confirm off", "pagination off", "print static-members off",
                "print repeats unlimited", "print elements 200", "print null-stop on",
                "print max-depth 6", "print symbol off", "language auto"):
    gdb.execute(f"set {setting}")
answers, where = [], None
for position, level, expression in json.load(open(QUESTIONS)):
    try:
        if where != position:
            gdb.execute(f"goto {position}", to_string=True)
            where = position
        gdb.execute(f"frame {level}", to_string=True)
        answers.append(gdb.execute(f"output/r {expression}", to_string=True))
    except gdb.error as error:
        answers.append(f"error: {error}")
json.dump(answers, open(ANSWERS, "w"))
"""

#: A reference to a part of an object with a virtual base: gdb takes zeros for what lies behind it.
_WRONG_IN_GDB = ("right", "__for_range", "__for_begin", "__for_end")
_NUMBER = re.compile(r"-?\d+\.\d+(?:e[-+]?\d+)?|-?\d+e[-+]?\d+")


#: A base class in front of what it has; templates of templates.
_BASE = re.compile(r"<((?:[^<>=]|<(?:[^<>]|<(?:[^<>]|<[^<>]*>)*>)*>)*)> = ")


def _last_part(name: str) -> str:
    """`a::b<c::d>::e` to `e`, `a::b<c>` to `b<c>`."""
    depth = 0
    for at in range(len(name) - 1, 0, -1):
        depth += (name[at] == ">") - (name[at] == "<")
        if depth == 0 and name[at - 1 : at + 1] == "::":
            return name[at + 1 :]
    return name


def ask_gdb(reenact: Reenact, trace: Path, questions: list[Question], folder: Path) -> list[str]:
    """gdb's answers."""
    need_gdb()
    script, asked, answers = (folder / name for name in ("ask.py", "questions", "answers"))
    asked.write_text(json.dumps(questions))
    text = _IN_GDB.replace("QUESTIONS", repr(str(asked))).replace("ANSWERS", repr(str(answers)))
    script.write_text(text)
    words = [*reenact.command, "replay", str(trace), "--", "-nx", "-batch", "-x", str(script)]
    done = subprocess.run(
        words, check=False, timeout=900, capture_output=True, text=True, stdin=subprocess.DEVNULL
    )
    assert answers.exists(), done.stdout + done.stderr
    return list(json.loads(answers.read_text()))


def ask(session: Session, questions: list[Question]) -> list[str]:
    """Our own answers."""
    answers, where = [], None
    for position, level, expression in questions:
        if position != where:
            session.goto(position)
            where = position
        try:
            found = session.evaluate(expression, level)
            answers.append(render(found) if isinstance(found, Value) else str(found))
        except UsageError as error:
            answers.append(f"error: {error.message}")
        except package.SymbolError as error:
            answers.append(f"error: {error}")
    return answers


def questions(
    session: Session, source: str, names: list[str], count: int, seed: int
) -> list[Question]:
    """Random ones: about the variables of frames in a source, and other expressions."""
    choice = random.Random(seed)
    found: list[Question] = []
    lines = sorted(line for loaded in session.symbols.modules
                   for line in loaded.module.lines_with_code(source))  # fmt: skip
    while len(found) < count:
        session.goto("start")
        point = session.add_breakpoint(f"{source}:{choice.choice(lines)}")
        for _ in range(choice.randint(1, 4)):
            if session.continue_().reason.name != "BREAKPOINT":
                break
        point.remove()
        session.stepi(choice.randint(0, 12))
        frames = session.frames()
        inside = [f.level for f in frames if f.file and f.file.endswith(source)]
        if not inside:
            continue
        level = choice.choice(inside[:3])
        own = [name for name in session.locals(level) if name not in _WRONG_IN_GDB]
        for expression in choice.sample([*own, *names], min(6, len(own) + len(names))):
            found.append((str(session.position), level, expression))
    return found[:count]


def normal(text: str) -> str:
    """A text without what says the same in other words."""
    text = text.strip()
    # Casts in front of addresses, places of references, symbols behind addresses.
    text = re.sub(r"\((?:[^()]|\([^()]*\))*\) (?=@?0x)", "", text)
    text = re.sub(r"@0x[0-9a-f]+: ", "", text)
    text = re.sub(r"(?<=\w) <[^<>]*(?:<[^<>]*>[^<>]*)*>(?! =)", "", text)
    text = re.sub(r"(-?\d+) '(?:\\.[^']*|[^'])'", r"\1", text)
    # Base classes and enumerators with the name of what is around them; what has no members.
    text = _BASE.sub(lambda match: f"<{_last_part(match[1])}> = ", text)
    text = re.sub(r"\b(?:\w+::)+(?=\w+\b(?![<(:]))", "", text)
    text = re.sub(r",\s*}", "}", text.replace("<No data fields>", ""))
    text = re.sub(r"0x[0-9a-f]+", lambda match: str(int(match.group(), 16)), text)

    def number(match: re.Match[str]) -> str:
        return f"{float(match.group()):.6g}"

    return _NUMBER.sub(number, text)


def compared(ours: str, its: str) -> str:
    """ "" where both are the same or a reason is stated; else both."""
    if ours.startswith("error: "):
        return ""
    if its.startswith("error: ") or "<optimized out>" in its:
        return f"{ours!r} where gdb says {its!r}"
    # Functions; texts nowhere; values that no enumerator has.
    if its.lstrip().startswith("{int (") or "<error: " in its or "unknown: " in its or "…" in ours:
        return ""
    one, other = normal(ours), normal(its)
    return "" if one == other else f"{one!r} where gdb says {other!r}"
