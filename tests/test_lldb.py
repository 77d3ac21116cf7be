"""lldb on a recording, through the same server."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
import skips
from debugger_session import built, line_of, record
from remote_client import served

#: An lldb that hangs fails its test; nothing depends on the time else.
_LONGEST = 300


@pytest.fixture(scope="module")
def walk(reenact, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The program walk.c, and a recording of it."""
    program = built("walk.c", tmp_path_factory.mktemp("walk"))
    return program, record(reenact, program.parent / "trace", program)


def lldb(port: int, program: Path, *commands: str) -> str:
    """What it says to some commands."""
    name = shutil.which("lldb")
    if name is None:
        skips.skip(skips.Reason.NO_PROGRAM, "lldb")
    words = [name, "--no-lldbinit", "--batch", "-o", f"target create {program}"]
    for command in (f"gdb-remote 127.0.0.1:{port}", *commands):
        words += ["-o", command]
    done = subprocess.run(
        words,
        check=False,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_LONGEST,
    )
    return done.stdout + done.stderr


def test_a_walk(reenact, walk: tuple[Path, Path]) -> None:
    """Breakpoints, frames, variables, steps, watchpoints; backwards by packets."""
    program, trace = walk
    with served(reenact, trace) as (_, port):
        said = lldb(
            port, program,
            "process handle SIGUSR1 --stop false --notify false", "breakpoint set -n square",
            "continue", "bt", "frame variable", "thread step-over", "thread list",
            "process plugin packet monitor when", "process plugin packet send bc",
            "breakpoint delete -f", "watchpoint set variable ratio", "continue", "detach",
        )  # fmt: skip
    assert "square(value=499555)" in said, said
    assert f"walk.c:{line_of('walk.c', 'second write')}" in said
    assert "(int) value = 499555" in said
    assert "step over" in said
    assert "response: T05thread:" in said
    assert "new value: 2.5" in said


def test_back_by_its_own_command(reenact, walk: tuple[Path, Path]) -> None:
    """Newer ones can go backwards themselves."""
    program, trace = walk
    with served(reenact, trace) as (_, port):
        said = lldb(
            port, program,
            "process handle SIGUSR1 --stop false --notify false", "breakpoint set -n square",
            "continue", "thread step-over", "process continue --reverse", "frame variable",
            "process continue --reverse", "frame select 0", "detach",
        )  # fmt: skip
    if "unknown or ambiguous option" in said:
        skips.skip(skips.Reason.NO_PROGRAM, "an lldb that goes backwards")
    behind = said.partition("--reverse")[2]
    assert "stop reason = breakpoint" in behind, said
    assert "(int) value = 499555" in behind
    assert "stop reason = history boundary" in behind, said
