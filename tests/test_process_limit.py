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
        # The limit counts a user's processes, and root has none: after becoming the user.
        command = list(user.reenact.command)
        begin = len(user.prefix)
        while "=" in command[begin]:
            begin += 1
        limited = [command[begin] if user.prefix else sys.executable, "-c", LIMITED, str(most)]
        words = [str(trace) if word == "TRACE" else word for word in COMMANDS[name]]
        ending = run([*command[:begin], *limited, *command[begin:], *words], directory=user.folder)
    assert ending.status == 125, ending.describe()
    lines = ending.stderr.decode().splitlines()
    assert lines[0].startswith("reenact: "), ending.describe()
    assert re.search("processes|cannot be started|fork", lines[0]), ending.describe()
    assert len(lines) == 1 or lines[1].lstrip().startswith("hint: "), ending.describe()
    assert len(lines) <= 2, ending.describe()
    assert not ending.stdout, ending.describe()
