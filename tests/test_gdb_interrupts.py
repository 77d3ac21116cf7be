"""Movements in gdb that are interrupted, and commands that are ended, as from a terminal."""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest
from debugger_session import built, need_gdb, record
from gdb_machine import Machine
from recorded_run import Reenact
from remote_client import LONGEST, Client, child_of, children, served, until


@pytest.fixture(scope="module")
def hot(reenact: Reenact, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of a line that loops: a step over it, forwards or backwards, takes minutes."""
    folder = tmp_path_factory.mktemp("hot")
    return record(reenact, folder / "trace", built("hot_line.c", folder))


@pytest.fixture(scope="module")
def long(reenact: Reenact, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with more rounds: `verify` takes seconds, and is met while it runs."""
    folder = tmp_path_factory.mktemp("long")
    return record(reenact, folder / "trace", built("hot_line.c", folder), "1000000000")


MOVES = ("back-next", "back-step", "goto end", "last sum", "reverse-next", "next", "reverse-finish")


@pytest.mark.parametrize("move", MOVES)
def test_ctrl_c(move: str, reenact, hot: Path) -> None:
    """As from a terminal, which tells gdb and us: prompt, frame and position agree afterwards."""
    with Machine(reenact, hot) as machine:
        gdb = until(lambda: child_of(machine.process.pid, "gdb"), "no gdb")
        machine.tell("goto 60%")
        choice = random.Random(move)
        for _ in range(3):
            number = machine.send(f'-interpreter-exec console "{move}"')
            time.sleep(choice.uniform(0.3, 1.0))
            for pid in (gdb, machine.process.pid):
                os.kill(pid, signal.SIGINT)
            machine.wait(number)
            # Before it, gdb may still show the line of a movement that was over already.
            where = machine.tell("when").text.strip().splitlines()[-1]
            assert re.fullmatch(r"0:\d+(\+\d+)?", where), where
            registers = machine.tell("print/x $rip").text.split("= ")[1].strip()
            machine.tell("maintenance flush register-cache")
            assert machine.tell("print/x $rip").text.split("= ")[1].strip() == registers
            machine.tell(f"goto {where}")
            assert machine.tell("print/x $rip").text.split("= ")[1].strip() == registers
        assert machine.tell("goto start").text.startswith("0:2"), "the server is out of step"


def test_a_client_that_goes_away_ends_its_command(reenact, hot: Path) -> None:
    """The next one is served at once, whatever the first one wanted."""
    with served(reenact, hot, "--goto", "60%") as (_, port):
        for command in ("back-next", "back-step", "goto end", "back-finish"):
            with Client(port) as client:
                client.ask("qRcmd," + b"goto 60%".hex())
                client.send_packet("qRcmd," + command.encode().hex())
            with Client(port) as client:
                assert client.ask("qRcmd," + b"goto start".hex()) == b"0:2\n".hex()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("way", ["gdb", "server", "verify", "trace", "record"])
def test_a_command_that_is_ended(
    number: int, way: str, reenact, hot: Path, long: Path, tmp_path: Path
) -> None:
    """It ends by the signal; its children are gone and so are its temporary files."""
    need_gdb()
    words = {
        "gdb": ["replay", str(hot), "--goto", "60%", "--", "-nx", "-ex", "back-next"],
        "server": ["replay", str(hot), "--server", "127.0.0.1:0"],
        "verify": ["verify", "--translated", str(long)],
        "record": ["record", "-o", f"{hot}-{number}", "--", "sleep", "1000"],
        "trace": ["trace", str(hot), "--at", "hot_line.c:8", "--print", "i"],
    }[way]
    process = subprocess.Popen(
        [*reenact.command, *words],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        start_new_session=True,
    )  # fmt: skip
    try:
        until(lambda: children(process.pid) or process.poll() is not None, "no child")
        descendants = children(process.pid)
        assert descendants
        time.sleep(0.3)
        process.send_signal(number)
        _, said = process.communicate(timeout=LONGEST)
    finally:
        process.kill()
    assert process.returncode == -number, said
    # gdb may say itself that it was interrupted while it read our commands for it.
    assert b"Traceback" not in said or (way == "gdb" and b"command_line.py" not in said), said
    until(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in descendants), "children stay")
    assert not list(tmp_path.iterdir())
