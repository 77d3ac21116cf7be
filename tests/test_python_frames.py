"""Python frames and values of recorded programs, against what the interpreter itself says."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from debugger_session import record
from python_interpreters import SERIES, need_interpreter
from recorded_run import Reenact

import reenact as package
from reenact.cpython.values import PythonFrame
from reenact.errors import UsageError
from reenact.session.session import Session
from reenact.symbols.frames import Frame

_PROGRAM = Path(__file__).parent / "programs" / "python_values.py"
_GETPPID = 110


@dataclass(frozen=True)
class _Recorded:
    """A run of `python_values.py`, and what it said about itself."""

    trace: Path
    truth: dict[str, object]


@pytest.fixture(scope="module", params=SERIES)
def recorded(
    request: pytest.FixtureRequest, reenact: Reenact, tmp_path_factory: pytest.TempPathFactory
) -> _Recorded:
    """The same program in each release series that is installed."""
    interpreter = need_interpreter(request.param)
    trace = tmp_path_factory.mktemp("python") / "trace"
    done = subprocess.run(
        [*reenact.command, "record", "--quiet", "-o", trace, "--", interpreter, _PROGRAM],
        check=False,
        timeout=120,
        capture_output=True,
    )
    assert done.returncode == 1, done.stderr
    return _Recorded(trace, json.loads(done.stdout))


@pytest.fixture
def session(recorded: _Recorded):
    """Where the innermost function makes a call that nothing else makes."""
    trace = package.open(recorded.trace)
    with trace.replay() as opened:
        *_, mark = trace.events(0, 0, kinds=("syscall",), codes=(_GETPPID,))
        opened.goto(mark.index)
        yield opened


def _marked(text: str) -> int:
    lines = _PROGRAM.read_text().splitlines()
    return next(number for number, line in enumerate(lines, 1) if text in line)


def test_frames_are_those_of_the_interpreter(recorded: _Recorded, session: Session) -> None:
    found = [(frame.function, frame.line) for frame in session.python.frames()]
    told = [tuple(frame) for frame in recorded.truth["frames"]]
    assert found[0] == ("inner", _marked("os.getppid()"))
    assert found[1:] == told[1:]
    assert {Path(frame.file) for frame in session.python.frames()} == {_PROGRAM}


def test_values_are_written_as_the_interpreter_writes_them(
    recorded: _Recorded, session: Session
) -> None:
    found = {name: str(value) for name, value in session.python.frame().locals.items()}
    told = recorded.truth["locals"]
    assert {name: found.get(name) for name in told} == told


def test_attributes_and_elements(recorded: _Recorded, session: Session) -> None:
    names = session.python.frame().locals
    attributes = {name: str(value) for name, value in names["account"].attributes.items()}
    assert attributes == {"owner": "'me'", "extra": "5"}
    assert {name: str(one) for name, one in names["odd"].attributes.items()} == {
        "owner": "'you'", "balance": "10", "z": "1",
    }  # fmt: skip
    assert {name: one.plain for name, one in names["kept"].attributes.items()} == {
        "first": 1, "second": "two", "third": 3,
    }  # fmt: skip
    assert str(names["slotted"]) == "<Slotted object: first=1, second='two'>"
    assert names["huge"]["69999"].plain == 69_999
    assert len(names["huge"]) == recorded.truth["size"]
    assert names["items"][-3].type == "dict"
    assert names["mixed"][(2, 3)].plain is None
    assert session.python.frame().globals["GLOBAL"].plain == "here"
    with pytest.raises(UsageError, match="no key"):
        names["small"]["absent"]


def test_the_handled_exception_has_its_traceback(session: Session) -> None:
    exception = session.python.exception()
    assert exception is not None
    assert (exception.value.type, str(exception.value)) == ("KeyError", "KeyError(7)")
    assert [line for *_, line in exception.traceback] == [_marked("raise KeyError")]


def test_python_frames_are_at_their_place_among_native_ones(session: Session) -> None:
    stack = session.python.stack()
    order = [
        one.function if isinstance(one, PythonFrame) else "loop"
        for one in stack
        if isinstance(one, PythonFrame) or one.function == "_PyEval_EvalFrameDefault"
    ]
    assert [one for one in order if one != "loop"] == [
        "inner",
        "outer",
        "outer",
        "outer",
        "<module>",
    ]
    # `map` calls from C: a run of the loop stands between.
    assert order[1] == "loop"
    assert order[-1] == "loop"
    assert isinstance(stack[0], Frame)
    assert tuple(one for one in stack if isinstance(one, Frame)) == session.frames()


def test_a_frame_is_of_one_place(session: Session) -> None:
    frame = session.python.frame()
    assert frame.locals
    session.reverse_stepi()
    with pytest.raises(UsageError, match="moved"):
        _ = frame.locals


def test_information_names_the_exception(reenact: Reenact, recorded: _Recorded) -> None:
    report = json.loads(reenact.run("info", "--json", str(recorded.trace)).stdout)
    (told,) = report["python"]
    assert (told["exception"], told["text"]) == ("ValueError", "ValueError('bad', 7)")
    assert (told["file"], told["line"]) == (str(_PROGRAM), _marked("raise ValueError"))
    text = reenact.run("info", str(recorded.trace)).stdout.decode()
    assert f"process 0 ended by ValueError at {_PROGRAM}:{told['line']}" in text


def test_processes_of_multiprocessing_are_told_too(reenact: Reenact, tmp_path: Path) -> None:
    program = tmp_path / "app.py"
    program.write_text(
        "import multiprocessing\n"
        "def work():\n"
        "    return {}['absent']\n"
        "if __name__ == '__main__':\n"
        "    worker = multiprocessing.get_context('fork').Process(target=work)\n"
        "    worker.start()\n"
        "    worker.join()\n"
    )
    trace = record(reenact, tmp_path / "trace", need_interpreter("3.11"), program)
    report = json.loads(reenact.run("info", "--json", str(trace)).stdout)
    assert [(one["process"], one["exception"], one["line"]) for one in report["python"]] == [
        (1, "KeyError", 3)
    ]


def test_an_exit_status_alone_is_no_exception(reenact: Reenact, tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "try: {}['absent']\n"
        "except KeyError:\n"
        "    print('ValueError: told by hand', file=sys.stderr)\n"
        "    sys.exit(1)\n"
    )
    trace = record(reenact, tmp_path / "trace", need_interpreter("3.11"), "-c", code)
    assert json.loads(reenact.run("info", "--json", str(trace)).stdout)["python"] == []


def test_other_programs_have_no_python(reenact: Reenact, tmp_path: Path) -> None:
    trace = record(reenact, tmp_path / "trace", "true")
    with package.open(trace).replay() as session:
        session.goto("end")
        with pytest.raises(UsageError, match="no Python runs"):
            session.python.frames()
