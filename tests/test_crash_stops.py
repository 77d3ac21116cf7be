"""A signal that ends a process stops where it is raised, in gdb and in Python, both ways."""

from __future__ import annotations

import functools
import signal
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from debugger_session import Answers, built, debug, is_at_an_end, line_of, record
from recorded_run import Reenact

import reenact as package
from reenact.session.session import Session
from reenact.session.values import StopReason

_SI_USER, _SI_QUEUE, _SI_TKILL, _SI_KERNEL = 0, -1, -6, 128
_SYS_SECCOMP = 1


@dataclass(frozen=True)
class Way:
    """A way to end.

    Arguments:
        words: arguments of dies.c.
        signal: the signal it dies by.
        code: `si_code`; None: nothing tells it.
        kind: of the event.
        mark: of the line in the innermost frame of dies.c.
        process: number of the process that dies.
        said: part of its last words.
    """

    words: tuple[str, ...]
    signal: int
    code: int | None
    kind: str = "signal"
    mark: str = ""
    process: int = 0
    said: str = ""


WAYS = {
    "abort": Way(("abort",), signal.SIGABRT, _SI_TKILL, mark='"abort"'),
    "assert": Way(
        ("assert",), signal.SIGABRT, _SI_TKILL, mark='"assert"', said="zero == 1' failed"
    ),
    "heap": Way(("heap",), signal.SIGABRT, _SI_TKILL, mark='"heap"', said="free(): double free"),
    "smash": Way(("smash",), signal.SIGABRT, _SI_TKILL, said="stack smashing detected"),
    "kill": Way(("kill", "15"), signal.SIGTERM, _SI_USER, mark='"kill"'),
    "kill 9": Way(("kill", "9"), signal.SIGKILL, _SI_USER, mark='"kill"'),
    "alarm": Way(("kill", "14"), signal.SIGALRM, _SI_USER, mark='"kill"'),
    "queue": Way(("queue", "10"), signal.SIGUSR1, _SI_QUEUE, mark='"queue"'),
    "thread": Way(("thread", "11"), signal.SIGSEGV, _SI_TKILL, mark="in a thread"),
    "segv": Way(("segv",), signal.SIGSEGV, 1, "fault", "/* segv"),
    "fpe": Way(("fpe",), signal.SIGFPE, 1, "fault", "/* fpe"),
    "ill": Way(("ill",), signal.SIGILL, 2, "fault", "/* ill"),
    "trap": Way(("trap",), signal.SIGTRAP, _SI_KERNEL, "fault"),
    "bus": Way(("bus",), signal.SIGBUS, 2, "fault", "/* bus"),
    "sys": Way(("filtered",), signal.SIGSYS, _SYS_SECCOMP, mark="/* filtered"),
    "spins": Way(("spins", "15"), signal.SIGTERM, _SI_USER, mark="/* spins", process=1),
    "sleeps": Way(("sleeps", "6"), signal.SIGABRT, _SI_USER, mark="/* sleeps", process=1),
    "killed": Way(("sleeps", "9"), signal.SIGKILL, None, process=1),
}
#: One of each kind.
IN_GDB = ("heap", "alarm", "queue", "thread", "segv", "trap", "sys", "spins", "killed")
_SI_CODE = slice(8, 12)


@pytest.fixture(scope="module")
def recorded(reenact: Reenact, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Gives the recording of a way."""
    folder = tmp_path_factory.mktemp("dies")
    program = built("dies.c", folder, "-fstack-protector-all", "-Wno-unused-result")

    @functools.lru_cache
    def trace(name: str) -> Path:
        return record(reenact, folder / name.replace(" ", ""), program, *WAYS[name].words)

    return trace


def own_line(session: Session) -> int | None:
    """The line of the innermost frame of dies.c."""
    frames = (one for one in session.frames() if (one.file or "").endswith("dies.c"))
    return next(frames).line


@pytest.mark.parametrize("name", WAYS)
def test_in_python(name: str, recorded: Callable[[str], Path]) -> None:
    """By a catchpoint once in each direction, at one place; without one the end tells it."""
    way = WAYS[name]
    with package.open(recorded(name)).replay(way.process) as session:
        end = session.continue_()
        assert end.reason == StopReason.END
        assert (end.event.kind, end.event.code) == (way.kind, way.signal)
        assert session.death.signal == way.signal
        assert way.said in session.last_words()
        if way.mark:
            assert own_line(session) == line_of("dies.c", way.mark)
        if way.code is not None:
            information = session.death.information
            assert len(information) == 128
            assert int.from_bytes(information[:4], "little") == way.signal
            assert int.from_bytes(information[_SI_CODE], "little", signed=True) == way.code
        session.goto("start")
        assert session.last_words() == ""
        point = session.catch("signal", [way.signal])
        stops = [session.continue_(), session.continue_(), session.reverse_continue()]
        assert [stop.reason.name for stop in stops] == ["CATCH", "END", "CATCH"]
        assert {stop.position for stop in stops} == {end.position}
        assert stops[0].event == stops[2].event == end.event
        assert session.reverse_continue().reason == StopReason.START
        session.goto("end")
        assert session.reverse_continue().reason == StopReason.CATCH
        assert session.reverse_stepi().position < end.position
        assert session.continue_().reason == StopReason.CATCH
        assert point.hits == 4
        point.remove()
        assert session.continue_().reason == StopReason.END


def test_other_catchpoints_do_not_stop(recorded: Callable[[str], Path]) -> None:
    with package.open(recorded("abort")).replay() as session:
        session.catch("signal", [signal.SIGSEGV])
        assert session.continue_().reason == StopReason.END
        assert session.reverse_continue().reason == StopReason.START


def _debug(reenact: Reenact, trace: Path, way: Way, *commands: str) -> Answers:
    return debug(reenact, trace, *commands, options=("-p", str(way.process)))


@pytest.mark.parametrize("name", IN_GDB)
def test_in_gdb(name: str, reenact: Reenact, recorded: Callable[[str], Path]) -> None:
    way = WAYS[name]
    called = way.signal.name
    said = _debug(
        reenact, recorded(name), way, f"handle {called} stop print pass", "continue",
        "print $_siginfo.si_signo", "print $_siginfo.si_code", "when", "continue", "when",
        "reverse-continue", "when", "reverse-continue", "when", "goto end", "reverse-continue",
        "reverse-stepi", "when", "stepi", "stepi",
    )  # fmt: skip
    # A step that ends by a trap is a step to gdb.
    for stop in (1, 7, 12, *(() if name == "trap" else (16,))):
        assert f"received signal {called}" in said[stop], said.everything
    if way.code is not None:
        assert (said.number(2), said.number(3)) == (way.signal, way.code)
    assert way.said in said[1]
    assert said.position(4) == said.position(6) == said.position(8)
    assert is_at_an_end(said[5])
    assert f"{called} has ended the process here" in said[5]
    assert is_at_an_end(said[9])
    assert said.position(14) != said.position(4)


def test_a_signal_that_does_not_stop(reenact: Reenact, recorded: Callable[[str], Path]) -> None:
    """Its end is the end of the recording, and it is said by what."""
    commands = ("continue", "reverse-continue", "when")
    for name, before in (("alarm", ()), ("abort", ("handle SIGABRT nostop noprint pass",))):
        said = debug(reenact, recorded(name), *before, *commands)
        assert is_at_an_end(said[len(before)])
        assert f"{WAYS[name].signal.name} has ended the process" in said[len(before)]
        assert said.position(len(before) + 2) == "0:2"
    printed = debug(
        reenact, recorded("abort"), "handle SIGABRT nostop print pass", "continue",
        "reverse-continue", "when",
    )  # fmt: skip
    assert "received signal SIGABRT" in printed[1]
    assert is_at_an_end(printed[1])
    assert "received signal SIGABRT" in printed[2]
    assert printed.position(3) == "0:2"


def test_catch_signal(reenact: Reenact, recorded: Callable[[str], Path]) -> None:
    """Also one that would not stop by itself."""
    for name in ("abort", "alarm", "spins"):
        way = WAYS[name]
        called = way.signal.name
        said = _debug(
            reenact, recorded(name), way, f"catch signal {called}", "continue",
            "continue", "reverse-continue", "print $_siginfo.si_signo", "reverse-continue",
        )  # fmt: skip
        assert f"(signal {called})" in said[1], said.everything
        assert is_at_an_end(said[2])
        assert f"(signal {called})" in said[3]
        assert said.number(4) == way.signal
        assert is_at_an_end(said[5])


def test_steps_end_at_a_crash(reenact: Reenact, recorded: Callable[[str], Path]) -> None:
    for name in ("segv", "abort"):
        called = WAYS[name].signal.name
        place = f"dies.c:{line_of('dies.c', WAYS[name].mark)}"
        for step in ("next", "step 50"):
            said = debug(reenact, recorded(name), f"break {place}", "continue", step, step)
            assert f"received signal {called}" in said[2], said.everything
            assert is_at_an_end(said[3])


def test_an_exception_that_nobody_catches(reenact: Reenact, tmp_path: Path) -> None:
    """What libstdc++ has printed is found though memory has something else by then."""
    source = tmp_path / "throws.cc"
    source.write_text(
        "#include <stdexcept>\n#include <string>\n"
        "int main(int argc, char **argv) {\n"
        '    throw std::runtime_error(std::string("no ") + argv[argc - 1]);\n}\n'
    )
    program = built(str(source), tmp_path)
    trace = record(reenact, tmp_path / "trace", program, "luck")
    said = debug(reenact, trace, "continue")
    expected = (
        "terminate called after throwing an instance of 'std::runtime_error'; what(): no luck"
    )
    assert f"reenact: abort: {expected}" in said[0]
    with package.open(trace).replay() as session:
        assert session.continue_().reason == StopReason.END
        here = session.position
        assert session.last_words() == expected
        assert session.position == here


def test_the_signal_of_a_program_without_one(reenact: Reenact, tmp_path: Path) -> None:
    """A program that exits has no death, and its end is told without one."""
    program = built("walk.c", tmp_path)
    subprocess.run(
        [*reenact.command, "record", "--quiet", "-o", tmp_path / "trace", program], check=False
    )
    with package.open(tmp_path / "trace").replay() as session:
        session.catch("signal", [signal.SIGABRT])
        assert session.death is None
        assert session.continue_().event is None
        assert not session.is_at_death
        assert session.last_words() == ""
