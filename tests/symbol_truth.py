"""What gdb says of values at positions of a recording, and what the Python API says of the same."""

from __future__ import annotations

import ast
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
where = None
for position, level, expression in json.load(open(QUESTIONS)):
    name = None
    try:
        if where != position:
            gdb.execute(f"goto {position}", to_string=True)
            where = position
        gdb.execute(f"frame {level}", to_string=True)
        name = gdb.selected_frame().name()
        answer = gdb.execute(f"output/r {expression}", to_string=True)
    except gdb.error as error:
        answer = f"error: {error}"
    with open(ANSWERS, "a") as answers:
        print(json.dumps((name, answer)), file=answers)
"""
#: What is said of a question that gdb did not survive.
_DIED = "error: gdb has died of it"

#: A number with a fraction or an exponent, and those that are none.
_REAL = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?:e[-+]?\d+)?(?=i?\b)")
#: What gdb warns of, before its answer.
_WARNING = re.compile(r"^warning: .*\n", re.MULTILINE)


def ask_gdb(
    reenact: Reenact, trace: Path, questions: list[Question], folder: Path, language: str = "auto"
) -> list[tuple[str | None, str]]:
    """gdb's answers, with the functions of the frames that it answers for."""
    need_gdb()
    found: list[tuple[str | None, str]] = []
    while len(found) < len(questions):
        found += _asked(reenact, trace, questions[len(found) :], folder, language)
        if len(found) < len(questions):
            found.append((None, _DIED))
    return found


def _asked(
    reenact: Reenact, trace: Path, questions: list[Question], folder: Path, language: str
) -> list[tuple[str | None, str]]:
    """The answers of one gdb: of all questions, or of those before the one it died of."""
    script, asked, answers = (folder / name for name in ("ask.py", "questions", "answers"))
    asked.write_text(json.dumps(questions))
    answers.write_text("")
    text = _IN_GDB.replace("QUESTIONS", repr(str(asked))).replace("ANSWERS", repr(str(answers)))
    script.write_text(text.replace("LANGUAGE", language))
    words = [*reenact.command, "replay", str(trace), "--", "-nx", "-batch"]
    if (folder / "debug").exists():
        words += ["-iex", f"set debug-file-directory {folder / 'debug'}:/usr/lib/debug"]
    words += ["-x", str(script)]
    done = subprocess.run(
        words, check=False, timeout=900, capture_output=True, text=True, errors="replace",
        stdin=subprocess.DEVNULL, env={**os.environ, "LC_ALL": "C.UTF-8"},
    )  # fmt: skip
    found = [(name, text) for name, text in map(json.loads, answers.read_text().splitlines())]
    said = done.stdout + done.stderr
    # gdb 13 does so now and then: "Recursive internal problem", "internal-error".
    assert len(found) == len(questions) or "internal" in said or done.returncode < 0, said
    return found


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
    text = _WARNING.sub("", text).strip()
    text = text.replace("unsigned int __int128", "unsigned __int128")
    # A pointer that no part of a place is about gdb takes for one that is implied.
    text = text.replace("<synthetic pointer>", "<optimized out>")
    # Where nobody knows how many elements there are, their place is shown: gdb's is 0 for none.
    text = re.sub(r"(?<!\w )<of unknown length>", "0x0", text).replace(" <of unknown length>", "")
    # Casts in front of addresses, places of references, symbols behind addresses.
    text = re.sub(r"\((?:[^()]|\([^()]*\))*\) (?=@?0x)", "", text)
    text = re.sub(r"@0x[0-9a-f]+: ", "", text)
    text = _in_angles(text)
    text = re.sub(r"(-?\d+) [LuU]?'(?:\\.[^']*|[^'])'", r"\1", text)
    # Enumerators with the name of what is around them; what has no members.
    text = re.sub(r"\b(?:\w+::)+(?=\w+\b(?![<(:]))", "", text)
    text = re.sub(r",\s*}", "}", text.replace("<No data fields>", ""))
    return re.sub(r"0x[0-9a-f]+", lambda match: str(int(match.group(), 16)), text)


def _in_angles(text: str) -> str:
    """Without symbols behind addresses; base classes without the name of what is around them.

    What stands in angles may have more of them in it, and operators.
    """
    found, at = "", 0
    while at < len(text):
        end = _end_of_angles(text, at) if text[at] == "<" else 0
        is_symbol = re.search(r"(?<![\w.])0x[0-9a-f]+ $", text[max(at - 24, 0) : at]) is not None
        if end and text.startswith(" = ", end):
            found += f"<{_last_part(_spelled(text[at + 1 : end - 1]))}>"
            at = end
        elif end and is_symbol:
            found, at = found.rstrip(), end
        else:
            found += text[at]
            at += 1
    return found


def _end_of_angles(text: str, begin: int) -> int:
    """Behind the angle that closes the one at a place; 0: there is none."""
    depth = 0
    for at in range(begin, len(text)):
        # Of an arrow or an operator.
        if text[at] in "<>" and not text[:at].endswith(("-", "operator", "operator<", "operator>")):
            depth += 1 if text[at] == "<" else -1
            if depth == 0:
                return at + 1
    return 0


def _spelled(name: str) -> str:
    """A template's name in one spelling: gdb puts clang's, `0UL` and `const int`, into gcc's."""
    name = re.sub(r"\b(\d+)UL\b", r"\1ul", name)
    return re.sub(r"\s*(?:([*&])|\bconst\b\s*)", r"\1", name)


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
    # Numbers of 128 bits gdb 13 can show, not compute with.
    "not available on integers of more than 8 bytes",
    # An array or a function is a pointer in C; gdb knows it in some expressions.
    "Attempt to take contents of a non-pointer", "Invalid operation on booleans",
    # Ours finds what nobody else can mean, by the end of its name: `Shop::open_` outside of
    # `market`, an enumerator outside of its class; and gdb does not read `(anonymous namespace)`.
    "No symbol ", "is not defined as an aggregate type",
    # A member of a class that a pointer leads to in two ways.
    " is ambiguous in type ",
    # gdb looks for a member in virtual base classes first: the pointer to their table is zero
    # before the constructor has set it, and the offsets in it are before the table.
    "Cannot access memory at address 0xffffffffffffff",
    # gdb takes the number of a virtual function for an offset in their table.
    "virtual table offset",
    # gdb does not know the length of an array, which C does not need for an element.
    "no such vector element",
)  # fmt: skip


#: Members of all objects of a class, which strict DWARF 3 declares in a way that gdb finds only
#: with the name of the class.
_BEYOND_GDB_ALONE = ("open_",)


def compared(
    expression: str,
    ours: tuple[str | None, str],
    its: tuple[str | None, str],
    *,
    is_rust: bool = False,
    hides_places: bool = False,
) -> tuple[Verdict, str]:
    """What is found, and both answers where they differ."""
    (own_function, mine), (its_function, other) = ours, its
    if other == _DIED:
        return Verdict.BEYOND, f"{mine!r} where gdb dies"
    other = _WARNING.sub("", _without_rust(other) if is_rust else other)
    if _plain_name(own_function) != _plain_name(its_function):
        return Verdict.OTHER_FRAME, f"{own_function} and {its_function}"
    has_none = other.startswith("error: ") or "<optimized out>" in other
    if mine.startswith("error: "):
        return (Verdict.NEITHER if has_none else Verdict.REASON), f"{mine!r}; gdb says {other!r}"
    is_hidden = hides_places or expression in _BEYOND_GDB_ALONE
    if any(reason in other for reason in _BEYOND_GDB) or (is_hidden and has_none):
        return Verdict.BEYOND, f"{mine!r} where gdb says {other!r}"
    if other in ("true", "false") and _IS_TRUTH.search(expression):
        # A number in C; gdb has C++'s own type for it.
        other = str(int(other == "true"))
    if _VIRTUAL_BASE.search(other) and _zeroed(normal(mine)) == _zeroed(normal(other)):
        return Verdict.BEYOND, f"{mine!r} where gdb says {other!r}"
    # Texts nowhere.
    if "<error: " in other or same(mine, other):
        return Verdict.SAME, ""
    if is_rust and normal(mine) in _variants(normal(other)):
        # Where gdb has not chosen a variant, as of a value in a register, it shows them all.
        return Verdict.BEYOND, f"{mine!r} where gdb says {other!r}"
    if "<of unknown length>" in mine:
        # gdb computes the length that an array of C has for this call.
        return Verdict.REASON, f"{mine!r} where gdb says {other!r}"
    return Verdict.WRONG, f"{normal(mine)!r} where gdb says {normal(other)!r}"


#: A reference to a class with a virtual base, of which gdb 13 shows the members as zero, while
#: `*(Base *)&reference` and `reference.first` show what they are.
_VIRTUAL_BASE = re.compile(r"^\([\w:]+ &&?\) @0x[0-9a-f]+: \{<\w+> = \{_vptr")


def _zeroed(text: str) -> str:
    """Without the members of a virtual base in front, but for the pointer to its table."""
    return re.sub(r"^(\{<\w+> = \{_vptr[.$]\w+ = \d+), [^{}]*\}", r"\1}", text)


def _without_rust(text: str) -> str:
    """Without what gdb shows of Rust's values where it is told to take them for C++'s.

    What tells variants apart, and bytes behind pointers, as texts.
    """
    text = re.sub(r"\{(?:-?\d+|(?:\([^()]*\) )?0x[0-9a-f]+)(?: '[^']*')?, (?=\w+ = )", "{", text)
    text = re.sub(r'(0x[0-9a-f]+) "(?:\\.|[^"\\])*"(?:\.\.\.)?', r"\1", text)
    # Arrays of u8 are no texts.
    text = re.sub(r'"((?:\\.|[^"\\])*)"', lambda match: _listed(match[1]), text)
    return re.sub(r"(\d+) [uU]?'[^']*'", r"\1", text)


def _variants(text: str) -> list[str]:
    """Each variant alone of an enumeration shown with several: `{A = {}, B = {x = 1}}`."""
    members = re.findall(r"\w+ = \{[^{}]*\}", text)
    several = len(members) > 1 and text == "{" + ", ".join(members) + "}"
    return [f"{{{member}}}" for member in members] if several else []


def _listed(text: str) -> str:
    """An array of bytes that gdb has written as a text."""
    content = ast.literal_eval(f'b"{text}"')
    return "{" + ", ".join(map(str, content)) + "}"


#: What is true or false.
_IS_TRUTH = re.compile(r"[=!]=|(?<![-<>])[<>](?![<>])|!|&&|\|\|")


def _plain_name(function: str | None) -> str:
    """A function's name without what is around it, its parameters and arguments of its template."""
    name = (function or "").split("(anonymous namespace)::")[-1]
    return re.split(r"[(<]", name)[0].split("::")[-1].split(".")[0]
