"""Random questions about a recording: positions, frames, and expressions about what is in scope."""

from __future__ import annotations

import random
from pathlib import Path

from truth_builds import Program

from reenact.errors import UsageError
from reenact.session.session import Session
from reenact.symbols.values import Value

#: A question: a position, a frame of it, an expression.
Question = tuple[str, int, str]

#: What an expression for a number is put into.
_ABOUT_NUMBERS = (
    "{} + 1", "{} * 3", "-{}", "~{}", "!{}", "{} / 7", "{} % 5", "{} << 2", "{} >> 1", "{} & 0xff",
    "{} | 1", "{} ^ 15", "{} == 5", "{} > 0", "{} != -1", "{} < 3u", "{} ? 1 : 2", "{} && 1",
    "{} || 0", "(char){}", "(unsigned char){}", "(short){}", "(unsigned){}", "(long){}",
    "(double){}", "(float){}", "sizeof({})", "{} * 1.5", "{} + 'a'", "({}) - 2L", "{} - {}",
)  # fmt: skip
_ABOUT_REALS = (
    "{} + 1", "{} * 3", "-{}", "!{}", "{} / 7", "{} > 0", "{} == 5", "(int){}", "(float){}",
    "(double){}", "sizeof({})", "{} ? 1 : 2", "{} - 0.5f",
)  # fmt: skip
_ABOUT_POINTERS = (
    "{} + 1", "{} == 0", "!{}", "(long){}", "(char *){}", "{} - {}", "(unsigned char){}",
    "sizeof({})", "sizeof(*{})", "{} != 0 && 1", "&*{}", "*{}",
)  # fmt: skip
_ABOUT_ALL = ("&{}", "sizeof({})", "*&{}")


def questions(session: Session, program: Program, count: int, seed: int) -> list[Question]:
    """Random ones, in order of their positions: the same for a seed and a recording."""
    choice = random.Random(seed)
    places = _positions(session, program, max(count // 4, 3), choice)
    found: list[Question] = []
    while len(found) < count:
        found += _at(session, program, choice.choice(places), choice)
    return sorted(found[:count], key=lambda question: places.index(question[0]))


def _positions(session: Session, program: Program, count: int, choice: random.Random) -> list[str]:
    lines = [
        (source.name, line)
        for source in program.sources
        for line in sorted({line for loaded in session.symbols.modules
                            for line in loaded.module.lines_with_code(source.name)})
    ]  # fmt: skip
    found = {}
    session.goto("start")
    for _ in range(count * 6):
        name, line = choice.choice(lines)
        point = session.add_breakpoint(f"{name}:{line}")
        if session.continue_().reason.name == "BREAKPOINT":
            session.stepi(choice.randint(0, 12))
            if _levels(session, program):
                found[str(session.position)] = True
        else:
            session.goto("start")
        point.remove()
        if len(found) == count:
            break
    assert found
    return list(found)


def _levels(session: Session, program: Program) -> list[int]:
    names = {source.name for source in program.sources}
    return [frame.level for frame in session.frames()
            if frame.file and Path(frame.file).name in names][:4]  # fmt: skip


def _at(session: Session, program: Program, position: str, choice: random.Random) -> list[Question]:
    if str(session.position) != position:
        session.goto(position)
    level = choice.choice(_levels(session, program))
    seen = [name for name in program.globals if _is_seen(session, name, level)]
    names = [*session.locals(level)] * 2 + seen + [choice.choice(program.globals)]
    found: list[Question] = []
    for _ in range(4):
        if choice.random() < 0.2 and program.expressions:
            found.append((position, level, choice.choice(program.expressions)))
        else:
            found.append((position, level, _expression(session, level, names, choice)))
    return found


def _expression(session: Session, level: int, names: list[str], choice: random.Random) -> str:
    """Something about a variable: a part of it, or what is behind it, and perhaps computed with."""
    text = choice.choice(names)
    value = _value(session, text, level)
    for _ in range(choice.randint(0, 3)):
        if value is None:
            return text
        try:
            longer = _longer(text, value, choice)
        except UsageError:
            # A part of it is nowhere.
            break
        if longer is None:
            break
        text = longer
        value = _value(session, text, level)
    # What C promotes a bit field to gdb does not know.
    if value is None or value.is_bit_field or choice.random() < 0.5:
        return text
    kind = value.type.kind
    patterns = _ABOUT_ALL
    if value.type.is_float:
        patterns = _ABOUT_REALS
    elif kind in ("base", "enumeration"):
        patterns = _ABOUT_NUMBERS
    elif kind in ("pointer", "array"):
        patterns = _ABOUT_POINTERS
    return choice.choice(patterns).replace("{}", text)


def _is_seen(session: Session, name: str, level: int) -> bool:
    try:
        session.evaluate(name, level)
    except UsageError:
        return False
    return True


def _value(session: Session, text: str, level: int) -> Value | None:
    try:
        found = session.evaluate(text, level)
    except UsageError:
        return None
    return found if isinstance(found, Value) else None


def _longer(text: str, value: Value, choice: random.Random) -> str | None:
    """A part of a value; None: it has none."""
    kind = value.type.kind
    if kind == "reference":
        return _longer(text, value.dereference(), choice)
    if kind in ("structure", "union"):
        names = _member_names(value)
        return f"{text}.{choice.choice(names)}" if names else None
    if kind == "array":
        return f"{text}[{choice.randrange(max(value.type.counts[0] or 0, 1))}]"
    if kind != "pointer" or value.type.target.kind == "void":
        return None
    behind = value.dereference()
    names = _member_names(behind) if behind.type.kind in ("structure", "union") else []
    if names and choice.random() < 0.7:
        return f"{text}->{choice.choice(names)}"
    return f"*{text}" if behind.type.has_size and text[0] != "*" else None


def _member_names(value: Value) -> list[str]:
    return [member.name for member in value.type.members
            if member.name is not None and not member.is_base_class]  # fmt: skip
