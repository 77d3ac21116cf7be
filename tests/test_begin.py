"""Which process a session begins in, and where: numbers, names, its program or its fork."""

from __future__ import annotations

from pathlib import Path

import pytest
from debugger_session import debug, need_gdb
from recorded_run import Reenact

import reenact as package
from reenact.errors import UsageError
from reenact.session.positions import Position


@pytest.fixture(scope="module")
def tree(reenact: Reenact, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shell, programs of it, two of them the same, and a child that runs none."""
    trace = tmp_path_factory.mktemp("begin") / "trace"
    forks = "(exec env true); (:; exit 3); (exec cat /dev/null)"
    script = f"{forks}; (exec ls /dev/null); (exec ls /dev/null); exit 0"
    ending = reenact.record(["sh", "-c", script], trace)
    assert ending.status == 0, ending.describe()
    return trace


def numbers(trace: package.Trace) -> dict[str, int]:
    """The processes by what they ran last; the one that ran the shell's copy as "copy"."""
    found = {one.program.rpartition("/")[2]: one.number for one in reversed(trace.processes)}
    (copy,) = (one.number for one in trace.processes if one.exit_status == 3)
    return {**found, "copy": copy}


def first_program(trace: package.Trace, process: int) -> Position:
    """Where the log says that a process first begins a program."""
    event = next(trace.events(process, 1, kinds=("image-ready",)))
    return Position(process, event.index)


def test_in_python(tree: Path) -> None:
    trace = package.open(tree)
    known = numbers(trace)
    for name in ("true", "cat"):
        for wanted in (known[name], name, trace.processes[known[name]]):
            with trace.replay(wanted) as session:
                assert session.position == Position(known[name], 0) == session.start
            with trace.replay(wanted, begin="exec") as session:
                assert session.position == first_program(trace, known[name])
                assert session.frame().function == "_start"
    with trace.replay(known["copy"], begin="exec") as session:
        assert session.position == session.start
    for start in ("fork", "exec"):
        with trace.replay(0, begin=start) as session:
            assert session.position == session.start == first_program(trace, 0)


@pytest.mark.parametrize(
    ("wanted", "why"),
    [
        (99, "no process 99"),
        ("99", "no process 99"),
        ("emacs", "no process of the trace ran emacs"),
        ("", "no process of the trace ran"),
        ("-1", "no process of the trace ran -1"),
    ],
)
def test_names_that_mean_nothing(wanted, why: str, tree: Path, reenact: Reenact) -> None:
    with pytest.raises(UsageError, match=why):
        package.open(tree).replay(wanted)
    failed = reenact.run("replay", "-p", str(wanted), str(tree), "--", "-nx", "-batch")
    assert (failed.status, failed.stdout) == (125, b"")
    assert why in failed.stderr.decode()
    assert b"hint" in failed.stderr
    assert b"Traceback" not in failed.stderr


def test_several_of_a_name_and_other_beginnings(tree: Path, reenact: Reenact) -> None:
    trace = package.open(tree)
    with pytest.raises(UsageError, match="2 processes ran ls"):
        trace.replay("ls")
    failed = reenact.run("replay", "-p", "ls", str(tree))
    assert "2 processes ran ls" in failed.stderr.decode()
    assert "choose one by its number" in failed.stderr.decode()
    with pytest.raises(UsageError, match="cannot begin at 'middle'"):
        trace.replay(0, begin="middle")
    failed = reenact.run("replay", "--from", "middle", str(tree))
    assert failed.status == 125
    assert b"invalid choice: 'middle'" in failed.stderr
    pid = trace.processes[1].pid
    failed = reenact.run("replay", "-p", str(pid), str(tree))
    assert f"{pid} is the pid of process 1: -p 1" in failed.stderr.decode()


def test_in_gdb(tree: Path, reenact: Reenact) -> None:
    need_gdb()
    trace = package.open(tree)
    known = numbers(trace)
    for options, position in (
        ((), first_program(trace, 0)),
        (("-p", "cat"), first_program(trace, known["cat"])),
        (("-p", str(known["cat"])), first_program(trace, known["cat"])),
        (("-p", "cat", "--from", "exec"), first_program(trace, known["cat"])),
        (("-p", "cat", "--from", "fork"), Position(known["cat"], 0)),
        (("-p", str(known["copy"])), Position(known["copy"], 0)),
        (("-p", "cat", "--goto", "start"), Position(known["cat"], 0)),
    ):
        said = debug(reenact, tree, "when", "process", options=options)
        assert said.position(0) == str(position), options
        assert said[1].startswith(f"process {position.process} ")
