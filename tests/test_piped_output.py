"""What is for a terminal stays there: no colour, bar or carriage return gets into a pipe."""

from __future__ import annotations

import os
import pty
import select
import shlex
import subprocess
from pathlib import Path

import pytest
from debugger_session import built
from recorded_run import Reenact

from reenact.commands import NAMES

#: Ways to call each command; `TRACE` stands for a recording. Those that replay show progress.
COMMANDS = {
    "attach": ["attach 999999999"],
    "detach": ["detach 999999999"],
    "bookmark": ["bookmark TRACE"],
    "cache": ["cache", "cache --json"],
    "collect": ["collect NEW --tokens", "collect NEW --add-token x"],
    "completion": ["completion bash"],
    "doctor": ["doctor", "doctor --json"],
    "dump": ["dump TRACE", "dump --json TRACE", "dump --data --paths TRACE"],
    "follow": ["follow 0:1 TRACE"],
    "index": ["index TRACE", "index --json TRACE", "index --remove TRACE"],
    "gc": ["gc --keep 99", "gc --older-than 30d --dry-run"],
    "info": ["info TRACE", "info --json TRACE"],
    "ls": ["ls", "ls --json"],
    "mv": ["mv nothing NEW"],
    "pack": ["pack TRACE -o NEW", "pack TRACE -o TRACE"],
    "pdb": ["pdb TRACE -c where -c quit"],
    "ps": ["ps TRACE", "ps --threads TRACE", "ps --threads --json TRACE"],
    "record": ["record -o NEW -- true", "record -q -o NEW -- sh -c 'echo 1; echo 2 >&2'"],
    "replay": ["replay TRACE -- -nx -batch -ex continue", "replay -p 99 TRACE"],
    "report": ["report -o NEW -- true", "report --send nothing --to nothing"],
    "rm": ["rm nothing"],
    "save": ["save nothing"],
    "status": ["status", "status --json"],
    "stop": ["stop nothing"],
    "trace": [
        "trace --at add --print times TRACE",
        "trace --at add --print times --json TRACE",
        "trace --at nothing TRACE",
    ],
    "unpack": ["unpack TRACE", "unpack nothing"],
    "verify": ["verify TRACE", "verify --json TRACE", "verify --output TRACE"],
}
CALLS = [(name, words) for name, ways in COMMANDS.items() for words in ways]


@pytest.fixture(scope="module")
def trace(reenact: Reenact, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("piped")
    reenact.record([str(built("walk.c", folder))], folder / "trace")
    return folder / "trace"


def test_every_command_is_tried() -> None:
    assert set(COMMANDS) == set(NAMES)


def both(command: list[str], *, terminal: int) -> tuple[bytes, bytes]:
    """Run with one stream on a terminal: what gets into the pipe, and what is on the screen."""
    master, slave = pty.openpty()
    reading, writing = os.pipe()
    out, err = (slave, writing) if terminal == 1 else (writing, slave)
    running = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=err)
    os.close(slave)
    os.close(writing)
    got = {master: b"", reading: b""}
    waiting = [master, reading]
    while waiting:
        for descriptor in select.select(waiting, [], [], 120)[0]:
            try:
                part = os.read(descriptor, 1 << 16)
            except OSError:
                part = b""  # EIO: nobody has the other side any more.
            got[descriptor] += part
            if not part:
                waiting.remove(descriptor)
                os.close(descriptor)
    running.wait(60)
    return got[reading], got[master]


@pytest.mark.parametrize(("name", "words"), CALLS, ids=[words for _, words in CALLS])
def test_nothing_mixes(
    name: str, words: str, reenact: Reenact, trace: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("REENACT_TRACE_DIR", str(tmp_path))
    for variable, value in reenact.variables.items():
        monkeypatch.setenv(variable, value)
    for terminal in (1, 2):
        text = words.replace("TRACE", str(trace)).replace("NEW", str(tmp_path / f"new{terminal}"))
        command = [*map(str, reenact.command), *shlex.split(text)]
        piped, shown = both(command, terminal=terminal)
        assert b"\x1b" not in piped, piped
        assert b"\r" not in piped, piped
        assert b"Traceback" not in piped + shown
        if "--json" in words and terminal == 2:
            assert piped[:1] == b"{"
