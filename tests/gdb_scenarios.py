"""Scenarios as text: what a person types into gdb, and what is expected then.

Each begins at `main`, with nothing set:

    == the name of a scenario
    break square
    continue            @ square ! breakpoint-hit
    print value         = 45
    when                > here

Expectations follow a command behind two spaces or more; each begins with a sign:

* `@ FUNCTION` or `@ FUNCTION at MARK`: the selected frame is there; MARK is text of its line.
* `= VALUE`: the value that was printed.
* `~ TEXT`: the text is in what gdb prints; `!~ TEXT`: it is not.
* `! REASON`: why the program stopped, as the machine interface calls it.
* `? TEXT`: the command fails, and the message has this text.
* `> NAME`: remember what was printed; `{NAME}` is it later on.

`{:MARK}` is `SOURCE:LINE` of the first line of the source with this text. A `#` begins a comment.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from gdb_machine import Answer, Machine

SCENARIOS = Path(__file__).resolve().parent / "debugger"
_EXPECTATION = re.compile(r"\s{2,}(@|=|!~|~|!|\?|>)\s")

#: A signal stops only where a scenario asks for it.
_RESET = (
    "delete",
    "delete display",
    "delete checkpoint",
    "set exec-direction forward",
    "handle SIGUSR1 nostop noprint pass",
)


@dataclass(frozen=True)
class Step:
    """A command and what is expected: pairs of sign and text."""

    command: str
    expectations: tuple[tuple[str, str], ...]
    line: int


@dataclass
class Scenario:
    """A name and its steps."""

    name: str
    place: str
    steps: list[Step] = field(default_factory=list)


def scenarios(name: str) -> Iterator[Scenario]:
    """The scenarios of a file in `tests/debugger`."""
    current = None
    for number, line in enumerate((SCENARIOS / name).read_text().splitlines(), 1):
        if line.startswith("== "):
            if current is not None:
                yield current
            current = Scenario(line[3:].strip(), f"{name}:{number}")
        elif line.strip() and not line.startswith("#"):
            assert current is not None, line
            command, *rest = _EXPECTATION.split(line)
            pairs = zip(rest[::2], (text.strip() for text in rest[1::2]))
            current.steps.append(Step(command.strip(), tuple(pairs), number))
    if current is not None:
        yield current


class Player:
    """Plays scenarios in one gdb, each from the same place.

    Arguments:
        machine: gdb on a recording.
        source: file name of the program's source, for the numbers of its lines.
        begin: leads from the first instruction to where scenarios begin.
    """

    def __init__(
        self, machine: Machine, source: str, begin: tuple[str, ...] = ("tbreak main", "continue")
    ) -> None:
        self.machine = machine
        self._begin = begin
        self._source = source
        self._lines = (SCENARIOS / source).read_text().splitlines()
        self._place = ""

    def play(self, scenario: Scenario) -> None:
        """Play it, and check all that it expects."""
        names: dict[str, str] = {}
        said: list[str] = []
        for step in scenario.steps:
            command = self._filled(step.command, names)
            answer = self.machine.tell(command)
            said.append(f"{command}\n{answer}")
            if not any(sign == "?" for sign, _ in step.expectations):
                assert not answer.error, "\n".join(said)
            for sign, text in step.expectations:
                wrong = self._wrong(sign, self._filled(text, names), answer, names)
                problem = f"line {step.line}: expected {sign} {text}, {wrong}\n"
                assert wrong is None, problem + "\n".join(said)

    def reset(self) -> None:
        """Take back what a scenario has set, and go to where scenarios begin."""
        begin = (f"goto {self._place}",) if self._place else (*self._begin, "when")
        for command in (*_RESET, *begin):
            answer = self.machine.tell(command)
            assert not answer.error, answer
        self._place = _value(answer.text).splitlines()[0]

    def _wrong(self, sign: str, text: str, answer: Answer, names: dict[str, str]) -> str | None:
        """In what an expectation is not met; None: it is."""
        if sign == "@":
            return self._wrong_frame(text)
        if sign == "=":
            value = _value(answer.text)
            return None if value == text else f"found {value!r}"
        if sign == "~":
            return None if text in answer.text else "not found"
        if sign == "!~":
            return "found" if text in answer.text else None
        if sign == "!":
            return None if answer.reason == text else f"found {answer.reason!r}"
        if sign == "?":
            return None if text in answer.error else f"found {answer.error!r}"
        names[text] = _value(answer.text)
        return None

    def _wrong_frame(self, text: str) -> str | None:
        function, _, mark = text.partition(" at ")
        frame = self.machine.ask("-stack-info-frame")["frame"]
        if re.sub(r"[(@].*", "", frame.get("func", "")) != function:
            return f"found {frame}"
        if mark and int(frame.get("line", 0)) != self._line(mark):
            return f"found {frame}, not line {self._line(mark)}"
        return None

    def _line_of(self, found: re.Match[str]) -> str:
        return f"{self._source}:{self._line(found[1])}"

    def _line(self, mark: str) -> int:
        return next(number for number, line in enumerate(self._lines, 1) if mark in line)

    def _filled(self, text: str, names: dict[str, str]) -> str:
        text = re.sub(r"\{:([^}]*)\}", self._line_of, text)
        return re.sub(r"\{(\w+)\}", lambda found: names[found[1]], text)


def _value(text: str) -> str:
    """What was printed, without `$1 = ` and what newer gdbs still say of the command before."""
    return re.sub(r"^(0x\w+\t)?\$\d+ = ", "", text.strip())
