"""Ten bugs, each led back from the end of its recording to the guilty line, as a user does it."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
import skips
from debugger_session import Answers, built, debug, is_at_an_end, record
from recorded_run import Reenact

import reenact as package
from reenact.session.session import Session
from reenact.session.values import StopReason

BUGS = Path(__file__).resolve().parent / "bugs"


def guilty(source: str, mark: str = "guilty") -> str:
    """The place of a marked line, as debuggers write it."""
    lines = (BUGS / source).read_text().splitlines()
    marked = re.compile(rf"(/\*|//) {mark}\b")
    return f"{source}:{next(n for n, line in enumerate(lines, 1) if marked.search(line))}"


def made(source: str, folder: Path, *options: str) -> Path:
    """The program, compiled with debug information."""
    return built(str(BUGS / source), folder, *options)


def place(session: Session) -> str:
    """Where a session stands, as debuggers write it."""
    frame = session.frame()
    return f"{Path(frame.file or '?').name}:{frame.line}"


def is_at(said: Answers, index: int, expected: str) -> None:
    """See that an answer shows a place."""
    assert re.search(rf"\b{re.escape(expected)}\b", said[index]), said.everything


def test_a_heap_overrun_in_cpp(reenact: Reenact, tmp_path: Path) -> None:
    """The table of functions of an object was overwritten by the one before it."""
    trace = record(reenact, tmp_path / "trace", made("heap_overrun.cc", tmp_path))
    said = debug(reenact, trace, "continue", "last *(long *)shape")
    assert "received signal SIGSEGV" in said[0]
    is_at(said, 0, guilty("heap_overrun.cc", "crashes"))
    is_at(said, 1, guilty("heap_overrun.cc"))


def test_a_use_after_free(reenact: Reenact, tmp_path: Path) -> None:
    """Who has freed what is used: the last call with this address."""
    trace = record(reenact, tmp_path / "trace", made("use_after_free.c", tmp_path))
    said = debug(
        reenact, trace, "continue", "set $user = latest", "break free if $rdi == $user",
        "reverse-continue", "up",
    )  # fmt: skip
    assert "received signal SIGSEGV" in said[0]
    is_at(said, 0, guilty("use_after_free.c", "crashes"))
    is_at(said, 4, guilty("use_after_free.c"))


def test_a_data_race(reenact: Reenact, tmp_path: Path) -> None:
    """Chaos finds it; back through the writes to one after which the sum was not larger."""
    program = made("data_race.c", tmp_path)
    recording = package.record(
        [str(program)], tmp_path / "trace", chaos=True, until_failure=True, retry_for=120
    )
    with package.open(recording.trace).replay() as session:
        session.goto("end")
        assert "sum == 2 * TURNS" in session.last_words()
        later: tuple[int, int, str] | None = None
        while session.last_write("sum").reason == StopReason.WATCHPOINT:
            thread, there = session.thread, place(session)
            session.stepi()
            written = int(session.evaluate("sum"))
            session.reverse_stepi()
            if later is not None and later[0] != thread and later[1] <= written:
                # The other thread went on from a sum of before this one.
                assert later[2] == guilty("data_race.c")
                return
            later = thread, written, there
    raise AssertionError("no update was lost")


def test_a_deadlock(reenact: Reenact, tmp_path: Path) -> None:
    """Each of two threads waits for what the other one has."""
    program = made("deadlock.c", tmp_path)
    options = ("--quiet", "--timeout", "3", "-o", str(tmp_path / "trace"), "--", str(program))
    reenact.run("record", *options)
    said = debug(
        reenact, tmp_path / "trace", "continue", "thread apply all backtrace",
        "print accounts.__data.__owner", "print journal.__data.__owner", "info threads",
    )  # fmt: skip
    waits = re.findall(r"^#\d+ .* in (audits|transfers) .* at \S*?([\w.]+:\d+)$", said[1], re.M)
    assert dict(waits) == {
        "audits": guilty("deadlock.c"),
        "transfers": guilty("deadlock.c", "in order"),
    }, said.everything
    with package.open(tmp_path / "trace").replay() as session:
        session.goto("end")
        frames = {
            frame.function: (thread.tid, f"deadlock.c:{frame.line}")
            for thread in session.threads
            for frame in session.frames(thread.tid)
        }
        owners = (said.number(2), said.number(3))
        assert owners == (frames["transfers"][0], frames["audits"][0])
        assert frames["audits"][1] == guilty("deadlock.c")


def test_an_extension_of_python(reenact: Reenact, tmp_path: Path) -> None:
    """A pointer into an object that is gone: where the extension has got it."""
    include = sysconfig.get_path("include")
    if not Path(include, "Python.h").exists():
        skips.skip(skips.Reason.NO_FILE, f"{include}/Python.h")
    made("kept.c", tmp_path, "-shared", "-fPIC", f"-I{include}").rename(tmp_path / "kept.so")
    script = tmp_path / "script.py"
    script.write_text(
        "import sys\nsys.path.insert(0, sys.argv[1])\nimport kept\n"
        "kept.keep(bytes(1 << 24))\nprint('kept')\nprint(kept.total())\n"
    )
    python = Path(sys.executable).resolve()
    trace = record(reenact, tmp_path / "trace", python, script, tmp_path)
    said = debug(reenact, trace, "continue", "last kept", "backtrace 1")
    assert "received signal SIGSEGV" in said[0]
    is_at(said, 0, guilty("kept.c", "crashes"))
    is_at(said, 1, guilty("kept.c"))


def test_a_panic_of_rust(reenact: Reenact, tmp_path: Path) -> None:
    """An index out of bounds: where it was computed."""
    rustc = skips.need_program("rustc")
    program = tmp_path / "rust_panic"
    subprocess.run([rustc, "-g", "-o", program, BUGS / "rust_panic.rs"], check=True, cwd=tmp_path)
    trace = record(reenact, tmp_path / "trace", program)
    place = guilty("rust_panic.rs", "panics")
    said = debug(
        reenact, trace, "tbreak std::panicking::rust_panic", "goto end", "reverse-continue",
        "backtrace", f"tbreak {place}", "reverse-continue", "last (*cursor).position",
    )  # fmt: skip
    assert "rust_panic" in said[2]
    is_at(said, 3, place)
    is_at(said, 5, place)
    assert "16 -> 21" in said[6]
    is_at(said, 6, guilty("rust_panic.rs"))


def test_a_nil_map_of_go(reenact: Reenact, tmp_path: Path) -> None:
    """A map that was not made again: who has thrown the old one away."""
    go = skips.need_program("go")
    shutil.copy(BUGS / "nil_map.go", tmp_path)
    subprocess.run(
        [go, "build", "-gcflags=all=-N -l", "-o", "nil_map", "nil_map.go"], check=True, cwd=tmp_path
    )
    trace = record(reenact, tmp_path / "trace", tmp_path / "nil_map")
    said = debug(
        reenact, trace, "break runtime.gopanic", "goto end", "reverse-continue",
        "frame function 'main.(*Store).put'", "last store.entries",
    )  # fmt: skip
    is_at(said, 3, guilty("nil_map.go", "panics"))
    is_at(said, 4, guilty("nil_map.go"))


def test_a_pipeline(reenact: Reenact, tmp_path: Path) -> None:
    """The child that crashes got a bad length: from the read to the write, and on in the sender."""
    program = made("pipeline.c", tmp_path)
    trace_path = record(
        reenact, tmp_path / "trace", "sh", "-c", f"'{program}' | '{program}' receive"
    )
    trace = package.open(trace_path)
    receiver = next(one for one in trace.processes if one.signal is not None)
    said = debug(
        reenact, trace_path, "continue", "frame function letters", "last record->length", "stepi",
        "follow", options=("-p", str(receiver.number)),
    )  # fmt: skip
    is_at(said, 1, guilty("pipeline.c", "crashes"))
    found = re.search(r"^goto (\S+): \d+ bytes through", said[4], re.MULTILINE)
    assert found is not None, said.everything
    with trace.replay(receiver) as session:
        session.goto("end")
        level = next(f.level for f in session.frames() if f.function == "letters")
        assert session.last_write("record->length", frame=level).reason == StopReason.WATCHPOINT
        session.stepi()
        sender = session.sender()
    assert str(sender.position) == found[1]
    there = debug(
        reenact, trace_path, f"goto {found[1]}", "frame function send", "last record.length",
        options=("-p", str(receiver.number)),
    )  # fmt: skip
    is_at(there, 2, guilty("pipeline.c"))
    with trace.replay(sender.position.process) as session:
        session.goto(sender.position)
        level = next(f.level for f in session.frames() if f.function == "send")
        session.last_write("record.length", frame=level)
        assert place(session) == guilty("pipeline.c")


@pytest.mark.parametrize("protector", ["-fno-stack-protector", "-fstack-protector-all"])
def test_a_smashed_stack(protector: str, reenact: Reenact, tmp_path: Path) -> None:
    """What has overwritten the return address, or the word that guards it."""
    trace = record(reenact, tmp_path / "trace", made("stack_smash.c", tmp_path, protector))
    if protector == "-fno-stack-protector":
        said = debug(reenact, trace, "continue", "last *(long *)$sp")
        assert "received signal SIGSEGV" in said[0], said.everything
        assert "parse" in said[0]
    else:
        said = debug(reenact, trace, "continue", "frame function parse", "last *(long *)($rbp - 8)")
        assert "abort: *** stack smashing detected ***" in said[0]
    is_at(said, -1, guilty("stack_smash.c"))


def test_a_wrong_result(reenact: Reenact, tmp_path: Path) -> None:
    """Nothing crashes: one of the numbers that the result was made of is not what it should be."""
    trace = record(reenact, tmp_path / "trace", made("wrong_result.c", tmp_path))
    said = debug(
        reenact, trace, "break report", "goto end", "reverse-continue", "print table.rates",
        "last table.rates[0]",
    )  # fmt: skip
    assert not is_at_an_end(said[2])
    assert "{49, 11, 12}" in said[3]
    assert "10 -> 49" in said[4]
    is_at(said, 4, guilty("wrong_result.c"))
