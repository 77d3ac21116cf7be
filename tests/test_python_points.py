"""Breakpoints at Python lines, expressions from memory, and who bound a name."""

from __future__ import annotations

from pathlib import Path

import pytest
from debugger_session import record
from python_interpreters import need_interpreter
from recorded_run import Reenact

import reenact as package
from reenact.errors import UsageError
from reenact.session.session import Session
from reenact.session.values import StopReason

_SOURCE = """\
import os

class Box:
    def __init__(self):
        self.value = 0

    def set(self, value):
        self.value = value
        return self

def square(x):
    return x * x

def fill(table, count):
    for i in range(count):
        table[i] = str(i)

def main():
    table = {"wanted": 1}
    os.getppid()
    total = 0
    for i in range(4):
        total += square(i)
    table["wanted"] = "guilty"
    fill(table, 300)
    box = Box()
    for k in range(5):
        box.set(k)
    print(total, len(table), box.value)
    os.getpgid(0)

main()
"""


@pytest.fixture(scope="module", params=("3.11", "3.13"))
def trace(
    request: pytest.FixtureRequest, reenact: Reenact, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A run of the program."""
    folder = tmp_path_factory.mktemp("points")
    program = folder / "app.py"
    program.write_text(_SOURCE)
    return record(reenact, folder / "trace", need_interpreter(request.param), program)


@pytest.fixture
def session(trace: Path):
    """At the program's first mark."""
    opened = package.open(trace)
    with opened.replay() as found:
        *_, mark = opened.events(0, 0, kinds=("syscall",), codes=(110,))
        found.goto(mark.index)
        yield found


def _at_end(session: Session) -> None:
    """To the program's second mark."""
    *_, mark = session.trace.events(0, 0, kinds=("syscall",), codes=(121,))
    session.goto(mark.index)


def _line(session: Session) -> int | None:
    return session.python.frame().line


def _number(text: str) -> int:
    return next(at for at, line in enumerate(_SOURCE.splitlines(), 1) if text in line)


def test_a_line_is_met_each_time_and_back(session: Session) -> None:
    python = session.python
    point = python.add_breakpoint(f"app.py:{_number('total += square')}")
    places = []
    for expected in range(4):
        stop = python.continue_()
        places.append(stop.position)
        assert (_line(session), str(python.evaluate("i"))) == (point.line, str(expected))
    assert python.continue_().reason == StopReason.END
    assert point.hits == 4
    for position in reversed(places):
        assert python.reverse_continue().position == position
    assert python.reverse_continue().reason == StopReason.START


def test_a_function_with_a_condition(session: Session) -> None:
    python = session.python
    python.add_breakpoint("Box.set" if python.version != "CPython 3.10" else "set", "value == 3")
    python.continue_()
    assert python.frame().function == "set"
    assert python.evaluate("value + self.value") == 5
    assert python.evaluate("self.value is value") is False


def test_expressions_say_what_memory_does_not_tell(session: Session) -> None:
    evaluate = session.python.evaluate
    assert str(evaluate("table['wanted']")) == "1"
    assert evaluate("len(table) == 1 and 'wanted' in table") is True
    assert evaluate("type(table)") == "dict"
    with pytest.raises(UsageError, match="calls are not evaluated"):
        evaluate("main()")
    with pytest.raises(UsageError, match="not bound"):
        evaluate("absent")
    with pytest.raises(UsageError, match="too large"):
        evaluate("'x' * 1000000000")
    with pytest.raises(UsageError, match="no Python expression"):
        evaluate("1 +")


@pytest.mark.parametrize(
    ("expression", "line"),
    [
        ("box.value", "self.value = value"),
        ("total", "total += square"),
        ("table['wanted']", 'table["wanted"] = "guilty"'),
        ("table[7]", "table[i] = str(i)"),
        ("os", "import os"),
    ],
)
def test_last_is_the_line_that_bound_it(session: Session, expression: str, line: str) -> None:
    _at_end(session)
    before = session.position
    stop = session.python.last(expression)
    assert stop.reason == StopReason.POSITION
    assert stop.position < before
    # `import` binds from C: the innermost frame of the program's own is meant.
    own = [frame for frame in session.python.frames() if frame.file.endswith("app.py")]
    assert own[0].line == _number(line)


def test_what_is_no_reference_is_said(session: Session) -> None:
    with pytest.raises(UsageError, match="no name, attribute or element"):
        session.python.last("1 + 1")
    with pytest.raises(UsageError, match="no Python code"):
        session.python.add_breakpoint("absent_function")
    with pytest.raises(UsageError, match="no place in Python"):
        session.python.add_breakpoint("what is this")
