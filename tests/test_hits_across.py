"""Hits across forks and execs, and in shared memory, are the same by both engines."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from debugger_session import built
from recorded_run import Reenact
from test_session_engines import both_engines, was_counted
from travelling import state

import reenact as package
from reenact.session.session import Session
from reenact.session.values import StopReason

#: Where the program maps what its processes share.
COMMON = 0x2000_0000
#: More than a process has, but of a whole run.
_MOST = 40

POINTS: dict[str, Callable[[Session], object]] = {
    "breakpoint": lambda s: s.add_breakpoint("seldom"),
    "a breakpoint in a library": lambda s: s.add_breakpoint("printf"),
    "more breakpoints than registers": lambda s: [
        s.add_breakpoint(name)
        for name in ("seldom", "main", "fork", "waitpid", "execl", "mmap", "printf")
    ],
    "stores": lambda s: s.watch(*s.symbols.variables("rare")[0]),
    "stores to what is shared": lambda s: s.watch(COMMON, 8),
    "two words that are shared": lambda s: [s.watch(COMMON, 8), s.watch(COMMON + 8, 8)],
    "both": lambda s: [s.add_breakpoint("seldom"), s.watch(COMMON, 8, "access")],
}


@pytest.fixture(scope="module")
def trace(reenact: Reenact, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recording of hits_across.c."""
    folder = tmp_path_factory.mktemp("across")
    program = built("hits_across.c", folder, "-O1", "-no-pie")
    reenact.record([str(program)], folder / "trace")
    return folder / "trace"


def _stops(session: Session, name: str) -> list[object]:
    """All of them, forwards and back, with what is seen at each."""
    POINTS[name](session)
    found: list[object] = []
    for begin, move in (("start", session.continue_), ("end", session.reverse_continue)):
        session.goto(begin)
        for _ in range(_MOST):
            stop = move()
            found.append((stop.reason, stop.position, stop.address, state(session)))
            if stop.reason in (StopReason.END, StopReason.START):
                break
    return found


@pytest.mark.parametrize("name", POINTS)
def test_hits_are_the_same(name: str, trace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for process in package.open(trace).processes:
        with both_engines(trace, process.number, monkeypatch) as (native, translated):
            found = _stops(native, name)
            assert found == _stops(translated, name)
            # One hit at least, forwards and back.
            assert len(found) >= 4


def test_the_programs_own_code_runs(trace: Path) -> None:
    """Before a fork and an exec, behind them, and beside shared memory."""
    for process in package.open(trace).processes:
        with package.open(trace).replay(process.number) as session:
            session.add_breakpoint("seldom")
            images = set()
            for _ in range(_MOST):
                if session.continue_().reason == StopReason.END:
                    break
                images.add(session.registers.rdi >= 5 * 400)
            assert images == {False, True}
            assert not was_counted(session)
