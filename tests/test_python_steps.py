"""Steps by Python line in a recording, against the lines that `sys.settrace` tells of."""

from __future__ import annotations

import json
import random
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from debugger_session import record
from python_interpreters import need_interpreter
from recorded_run import Reenact

import reenact as package
from reenact.errors import UsageError
from reenact.session.positions import Position
from reenact.session.session import Session
from reenact.session.values import StopReason

_PROGRAM = Path(__file__).parent / "programs" / "python_lines.py"
_GETPPID = 110
#: The series whose lines begin exactly where `sys.settrace` tells of them, with this program.
_EXACT = ("3.11", "3.10", "3.13", "3.14")
_Line = tuple[str, int]
#: The last line of `main`.
_LAST = max(
    at for at, line in enumerate(_PROGRAM.read_text().splitlines(), 1) if line == "    return total"
)


@dataclass(frozen=True)
class _Walked:
    """A run of `python_lines.py`.

    Arguments:
        trace: of it.
        told: the lines behind its mark, as the interpreter tells them in another run.
    """

    trace: Path
    told: list[_Line]


@pytest.fixture(scope="module", params=_EXACT)
def walked(
    request: pytest.FixtureRequest, reenact: Reenact, tmp_path_factory: pytest.TempPathFactory
) -> _Walked:
    """The program, recorded as it is, and traced by itself in another run."""
    interpreter = need_interpreter(request.param)
    folder = tmp_path_factory.mktemp("lines")
    trace = record(reenact, folder / "trace", interpreter, _PROGRAM)
    words = [interpreter, _PROGRAM, "traced"]
    done = subprocess.run(words, check=True, timeout=60, capture_output=True, text=True)
    told = [(name, line) for name, line in json.loads(done.stdout)]
    begin = next(at for at, (name, _) in enumerate(told) if name == "main")
    end = max(at for at, (name, _) in enumerate(told) if name == "main")
    return _Walked(trace, told[begin + 1 : end + 1])


@pytest.fixture
def session(walked: _Walked):
    """At the mark: the first line of `main`."""
    trace = package.open(walked.trace)
    with trace.replay() as opened:
        *_, mark = trace.events(0, 0, kinds=("syscall",), codes=(_GETPPID,))
        opened.goto(mark.index)
        yield opened


def _line(session: Session) -> _Line:
    frame = session.python.frame()
    assert frame.line is not None
    return frame.function, frame.line


def _steps(session: Session, count: int) -> list[tuple[Position, _Line]]:
    """Where so many steps end, from the session's place on."""
    found = []
    for _ in range(count):
        stop = session.python.step()
        assert stop.reason == StopReason.POSITION
        found.append((stop.position, _line(session)))
    return found


def test_each_step_is_a_line_of_the_interpreter_and_back(walked: _Walked, session: Session) -> None:
    found = _steps(session, len(walked.told))
    assert [line for _, line in found] == walked.told
    for position, line in list(reversed(found[:-1]))[:80]:
        stop = session.python.reverse_step()
        assert (stop.position, _line(session)) == (position, line)


def test_steps_at_random_are_where_they_were(walked: _Walked, session: Session) -> None:
    found = _steps(session, 80)
    chosen = random.Random(7)
    at = len(found) - 1
    for _ in range(30):
        count = chosen.randrange(1, 8)
        if chosen.random() < 0.5 and at >= count:
            at -= count
            stop = session.python.reverse_step(count)
        elif at + count < len(found):
            at += count
            stop = session.python.step(count)
        else:
            continue
        assert stop.position == found[at][0]


def test_next_stays_in_the_frame_and_goes_back(walked: _Walked, session: Session) -> None:
    expected = [line for line in walked.told if line[0] == "main"]
    found = []
    for _ in expected:
        stop = session.python.next()
        found.append((stop.position, _line(session)))
    assert [line for _, line in found] == expected
    for position, line in reversed(found[:-1]):
        stop = session.python.reverse_next()
        assert (stop.position, _line(session)) == (position, line)


def test_finish_goes_to_the_caller_and_back_to_the_call(session: Session) -> None:
    while session.python.frame().function != "factorial":
        session.python.step()
    session.python.step(2)
    assert [frame.function for frame in session.python.frames()][:3] == [
        "factorial", "factorial", "main",
    ]  # fmt: skip
    entered = session.position
    session.python.finish()
    assert [frame.function for frame in session.python.frames()][:2] == ["factorial", "main"]
    assert session.position > entered
    session.goto(entered)
    session.python.reverse_finish()
    assert [frame.function for frame in session.python.frames()][:2] == ["factorial", "main"]
    assert session.position < entered


def test_steps_end_with_the_process(session: Session) -> None:
    while session.python.frame().line != _LAST:
        session.python.next()
    assert session.python.next(20).reason == StopReason.END


def test_nothing_is_stepped_where_no_python_runs(reenact: Reenact, tmp_path: Path) -> None:
    trace = record(reenact, tmp_path / "trace", "true")
    with package.open(trace).replay() as session, pytest.raises(UsageError, match="no Python"):
        session.python.step()
