"""No more processes and threads (`ulimit -u`): each command says so in a sentence."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import ordinary_user
import pytest
import skips
from debugger_session import SOURCES
from recorded_run import Reenact, run

#: Runs a command with a limit of so many processes and threads, of which it is one.
LIMITED = (
    "import os, resource, sys; most = int(sys.argv[1]); "
    "resource.setrlimit(resource.RLIMIT_NPROC, (most, most)); os.execvp(sys.argv[2], sys.argv[2:])"
)

COMMANDS = {
    "verify": ["verify", "TRACE"],
    "gdb": ["replay", "TRACE"],
    "server": ["replay", "TRACE", "--server", "127.0.0.1:0", "--goto", "end"],
    "trace": ["trace", "TRACE", "--at", "main"],
    "paths": ["bookmark", "TRACE", "--add", "x", "--at", "end"],
}


def _limited(user: ordinary_user.Session, most: int) -> list[str]:
    """The user's command, with a limit of so many processes and threads."""
    # The limit counts a user's processes, and root has none: after becoming the user.
    command = list(user.reenact.command)
    begin = len(user.prefix)
    while "=" in command[begin]:
        begin += 1
    limited = [command[begin] if user.prefix else sys.executable, "-c", LIMITED, str(most)]
    return [*command[:begin], *limited, *command[begin:]]


@pytest.mark.parametrize("most", [1, 2])
@pytest.mark.parametrize("name", COMMANDS)
def test_no_more_processes(name: str, most: int, reenact: Reenact) -> None:
    """Nothing of reenact's inside is shown, and nothing stays behind."""
    with ordinary_user.session(reenact) as user:
        program = user.folder / "walk"
        compiler = shutil.which("gcc") or skips.skip(skips.Reason.NO_COMPILER, "gcc")
        subprocess.run([compiler, "-g", "-o", program, SOURCES / "walk.c"], check=True)
        trace = Path(user.folder, "trace")
        assert user.reenact.record([str(program)], trace).status == 0
        words = [str(trace) if word == "TRACE" else word for word in COMMANDS[name]]
        ending = run([*_limited(user, most), *words], directory=user.folder)
    assert ending.status == 125, ending.describe()
    lines = ending.stderr.decode().splitlines()
    assert lines[0].startswith("reenact: "), ending.describe()
    assert re.search("processes|cannot be started|fork", lines[0]), ending.describe()
    assert len(lines) == 1 or lines[1].lstrip().startswith("hint: "), ending.describe()
    assert len(lines) <= 2, ending.describe()
    assert not ending.stdout, ending.describe()


@pytest.mark.parametrize("most", range(1, 7))
def test_recording(most: int, reenact: Reenact) -> None:
    """A sentence before the program starts, or a recording; the program never runs without one."""
    with ordinary_user.session(reenact) as user:
        trace = user.folder / "trace"
        words = ["record", "--quiet", "-o", str(trace), "--", "/bin/echo", "it ran"]
        ending = run([*_limited(user, most), *words], directory=user.folder)
        is_left = trace.exists()
    if ending.status == 0:
        assert ending.stdout == b"it ran\n", ending.describe()
        return
    assert ending.status == 125, ending.describe()
    assert not ending.stdout, ending.describe()
    assert re.fullmatch(rb"reenact: .*\n(  hint: .*\n)?", ending.stderr), ending.describe()
    assert not is_left
