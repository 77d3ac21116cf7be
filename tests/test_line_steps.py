"""Steps by source line: the way back is the way there, through whatever makes lines difficult."""

from __future__ import annotations

import itertools
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import skips
from debugger_session import SOURCES, line_of
from recorded_run import Keeper, Reenact

import reenact as package
from reenact.errors import UsageError
from reenact.session.session import Session
from reenact.session.values import StopReason
from reenact.symbols import files

#: A movement that never ends fails its test instead of all of them.
MOST_LINES = 200


@pytest.fixture(autouse=True)
def no_system_debug_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Libraries have no lines, whatever is installed here."""
    monkeypatch.setattr(files, "_SYSTEM_DIRECTORY", "/nonexistent")


@pytest.fixture
def opened(reenact: Reenact, keeper: Keeper, tmp_path: Path) -> Iterator[object]:
    """Record a program of tests/debugger, and stand at its main function."""
    sessions: list[Session] = []

    def open_session(source: str, at: str = "main") -> Session:
        program = compiled(source, tmp_path)
        trace = keeper.trace(f"trace-{len(sessions)}")
        reenact.run("record", "--quiet", "-o", str(trace), "--", str(program))
        session = package.open(trace).replay()
        sessions.append(session)
        point = session.add_breakpoint(at)
        assert session.continue_().reason == StopReason.BREAKPOINT
        point.remove()
        return session

    yield open_session
    for session in sessions:
        session.close()


def compiled(source: str, directory: Path) -> Path:
    compiler = "g++" if source.endswith(".cc") else "gcc"
    if shutil.which(compiler) is None:
        skips.skip(skips.Reason.NO_COMPILER, compiler)
    program = directory / Path(source).stem
    words = [compiler, "-g", "-O0", "-pthread", "-o", program, SOURCES / source]
    if source == "lines.c":
        library = directory / "liblines.so"
        shared = ["gcc", "-g", "-O0", "-shared", "-fPIC", "-o", library]
        subprocess.run([*shared, SOURCES / "lines_library.c"], check=True)
        # Bound at the first call: steps have to see through the linkage table.
        words += [library, f"-Wl,-rpath,{directory}", "-Wl,-z,lazy"]
    subprocess.run(words, check=True)
    return program


def place(session: Session) -> tuple[str | None, int | None, object]:
    frame = session.frame()
    return frame.function, frame.line, session.position


def walk(session: Session, movement: str, stop_at: object = None) -> list[tuple]:
    """Places a movement comes to while main is being executed."""
    found = [place(session)]
    for _ in range(MOST_LINES):
        stop = getattr(session, movement)()
        names = [frame.function for frame in session.frames()]
        if stop.reason != StopReason.POSITION or "main" not in names:
            return found
        found.append(place(session))
        if found[-1][2] == stop_at:
            return found
    pytest.fail(f"no end: {found[-5:]}")


@pytest.mark.parametrize("source", ["lines.c", "throws.cc", "turns.c"])
def test_next_is_undone_by_reverse_next(source: str, opened) -> None:
    session = opened(source)
    forwards = walk(session, "next")
    assert len(forwards) > 5
    assert {function for function, *_ in forwards} == {"main"}
    session.goto(forwards[-1][2])
    assert walk(session, "reverse_next", forwards[0][2])[::-1] == forwards


def test_lines_that_next_and_step_come_to(opened) -> None:
    session = opened("lines.c")
    start = session.position

    def mark(text: str, source: str = "lines.c") -> int:
        return line_of(source, text)

    nexts = [line for _, line, _ in walk(session, "next")]
    landed = nexts.index(mark("/* landed */"))
    # Over the longjmp, which comes back in the middle of the line with setjmp.
    assert nexts[landed - 3 : landed] == [mark("setjmp(back)"), mark("leap(3)"), mark("setjmp(")]
    session.goto(start)
    steps = walk(session, "step")
    entered = list(dict.fromkeys(function for function, *_ in steps))
    assert entered == ["main", "factorial", "helped", "twice", "leap"]
    factorials = [line for function, line, _ in steps if function == "factorial"]
    deepest = factorials.index(mark("/* deepest */"))
    # Each entry behind its prologue; each return in the middle of the line with the call.
    assert factorials[:deepest].count(mark("if (n < 2)")) == 4
    assert factorials[deepest + 1 :].count(mark("/* recurses */")) == 3
    first = next(line for function, line, _ in steps if function == "helped")
    assert first == mark("/* in helped */", "lines_library.c")
    assert session.goto(steps[-1][2])
    back = walk(session, "reverse_step", start)
    assert {function for function, *_ in back} == set(entered)
    # All places but those in the middle of a line, to which a call has returned.
    depths = []
    for *_, position in steps:
        session.goto(position)
        depths.append(len(session.frames()))
    pairs = zip(steps[1:], itertools.pairwise(depths))
    beginnings = [steps[0], *(step for step, (before, depth) in pairs if depth >= before)]
    assert len(steps) - len(beginnings) == 7
    assert back[::-1] == beginnings


def test_finish_and_back_to_the_call(opened) -> None:
    session = opened("lines.c", at="factorial")
    session.add_breakpoint("factorial")
    for _ in range(3):
        session.continue_()
    assert [frame.function for frame in session.frames()][:5] == ["factorial"] * 4 + ["main"]
    assert int(session.evaluate("n")) == 1
    deepest = session.position
    for depth in (2, 3, 4):
        assert session.finish().reason == StopReason.POSITION
        assert int(session.evaluate("n")) == depth
    assert session.finish().reason == StopReason.POSITION
    assert (session.frame().function, session.registers["rax"]) == ("main", 24)
    session.goto(deepest)
    for point in session.points:
        point.remove()
    for depth in (2, 3, 4):
        assert session.reverse_finish().reason == StopReason.POSITION
        assert int(session.evaluate("n")) == depth
    session.reverse_finish()
    assert (session.frame().function, session.frame().line) == (
        "main",
        line_of("lines.c", "/* first */"),
    )
    # Right before the call: its instruction is next.
    assert session.memory[session.registers.rip : session.registers.rip + 1] == b"\xe8"
    start = session.start
    session.goto(start)
    with pytest.raises(UsageError, match="nothing is known to have called"):
        session.reverse_finish()
    assert session.position == start


def test_a_library_function_is_entered_from_its_end(opened) -> None:
    session = opened("lines.c", at="helped")
    entry = session.position
    session.finish()
    assert session.frame().function == "main"
    session.reverse_step()
    assert session.frame().function == "helped"
    session.goto(entry)
    # Through the dynamic linker, which bound the function on the way.
    session.reverse_finish()
    assert session.frame().function == "main"
    session.goto(entry)
    session.reverse_next()
    assert (session.frame().function, session.frame().line) == (
        "main",
        line_of("lines.c", "total += helped(3)"),
    )


def test_points_end_steps(opened) -> None:
    session = opened("lines.c")
    start = session.position
    raised = line_of("lines.c", "raise(SIGUSR1)")
    point = session.add_breakpoint("handle")
    while (stop := session.next()).reason == StopReason.POSITION:
        pass
    assert stop.reason == StopReason.BREAKPOINT
    assert session.frame().function == "handle"
    here = session.position
    session.finish()
    point.is_enabled = False
    # Out of the handler, and of what it interrupted.
    while session.frame().function != "main":
        session.finish()
    point.is_enabled = True
    behind = session.position
    stop = session.reverse_next()
    assert (stop.reason, stop.position) == (StopReason.BREAKPOINT, here)
    point.is_enabled = False
    session.goto(behind)
    session.reverse_next()
    assert session.frame().line == raised
    session.goto(start)
    watch = session.watch("total")
    assert session.next().reason == StopReason.POSITION
    stop = session.next()
    assert (stop.reason, session.evaluate("total")) == (StopReason.WATCHPOINT, 24)
    watch.remove()
    catch = session.catch("signal")
    while (stop := session.next()).reason == StopReason.POSITION:
        pass
    assert stop.reason == StopReason.CATCH
    assert stop.event is not None
    assert stop.event.kind == "signal"
    catch.remove()


def test_ways_out_that_are_no_return(opened) -> None:
    session = opened("lines.c", at="leap")
    assert session.finish().reason == StopReason.POSITION
    assert session.frame().function == "main"
    session = opened("throws.cc", at="thrower")
    point = session.add_breakpoint("thrower")
    assert session.continue_().reason == StopReason.BREAKPOINT
    point.remove()
    assert session.evaluate("value") == 3
    # `finish` ends where the exception takes the thread: a destructor on the way, or the handler.
    for _ in range(4):
        session.finish()
        if session.frame().function == "main":
            break
    while session.frame().line != line_of("throws.cc", "// caught"):
        assert session.next().reason == StopReason.POSITION
        assert session.frame().function == "main"


def test_inlined_calls(opened) -> None:
    session = opened("lines.c", at=f"lines.c:{line_of('lines.c', '/* in twice */')}")
    frames = session.frames()
    assert [frame.function for frame in frames[:2]] == ["twice", "main"]
    assert frames[0].is_inlined
    inside = session.position
    assert session.finish().reason == StopReason.POSITION
    assert session.frame().function == "main"
    session.goto(inside)
    assert session.reverse_finish().reason == StopReason.POSITION
    assert session.frame().function == "main"
    assert session.position < inside


def test_one_thread_is_stepped(opened) -> None:
    session = opened("turns.c", at="play")
    thread = session.thread
    start = session.position
    waits = line_of("turns.c", "/* waits */")
    lines = []
    for _ in range(12):
        session.next()
        assert session.thread == thread
        lines.append((session.frame().line, session.position))
    assert line_of("turns.c", "/* counts */") in [line for line, _ in lines]
    assert waits in [line for line, _ in lines]
    for line, position in lines[-2::-1]:
        session.reverse_next()
        assert (session.thread, session.frame().line) == (thread, line)
        assert session.position == position
    session.reverse_next()
    assert session.position == start
    # By instruction, too: what others do in between is no step of this thread.
    passed = [session.registers.general]
    for _ in range(400):
        assert session.stepi(thread=thread).reason == StopReason.POSITION
        assert session.thread == thread
        passed.append(session.registers.general)
    for registers in passed[-2::-1]:
        session.reverse_stepi(thread=thread)
        assert session.registers.general == registers
    with pytest.raises(UsageError, match="no thread 7 at this position"):
        session.stepi(thread=7)


def test_without_debug_information(reenact: Reenact, keeper: Keeper) -> None:
    reenact.record(["true"], keeper.trace())
    with package.open(keeper.trace()).replay() as session:
        session.goto("50%")
        here = session.position
        # Nothing tells lines: out of all functions, forwards or backwards.
        assert session.step().reason == StopReason.END
        session.goto(here)
        assert session.reverse_step().reason == StopReason.START
        with pytest.raises(UsageError, match="cannot take -1 steps"):
            session.next(-1)
