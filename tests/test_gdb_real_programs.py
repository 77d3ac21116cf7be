"""A short session in gdb, forwards and backwards, on recordings of real programs."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import inputs
import pytest
import skips
from gdb_machine import Answer, Machine
from recorded_server import recorded_server

import reenact as package


@dataclass(frozen=True)
class Session:
    """What is recorded, and where to look at it.

    Arguments:
        name: the program.
        call: a function of the C library, or one the program exports, that it calls.
        command: how it is started; nothing: as a server.
        process: end of the path of the program to look at, where others start it.
    """

    name: str
    call: str
    command: tuple[str, ...] = ()
    process: str = ""


PYTHON = "import json, re; print(len(json.dumps([re.escape(str(n)) for n in range(300)])))"
SESSIONS = (
    Session("python3", "Py_FinalizeEx", ("/usr/bin/python3", "-c", PYTHON)),
    Session("node", "write", ("node", "-e", "console.log([1, 2, 3].map(n => n * n).join())")),
    Session("gcc", "exit", ("gcc", "-O2", "-w", "-c", "big.c"), process="/cc1"),
    Session("redis-server", "accept4"),
)


def recorded(session: Session, reenact, folder: Path) -> Path:
    """A recording of it; skips where it is not installed."""
    if shutil.which(session.command[0] if session.command else session.name) is None:
        skips.skip(skips.Reason.NO_PROGRAM, session.name)
    trace = folder / "trace"
    if session.command:
        (folder / "big.c").write_text(inputs.c_source(100))
        done = reenact.record(session.command, trace, directory=folder)
        assert done.status == 0, done.describe()
        return trace
    path = folder / "socket"
    command = [session.name, "--port", "0", "--unixsocket", str(path), "--save", ""]
    client = ["redis-cli", "-s", str(path)]
    with recorded_server(reenact, command, trace, path.exists, folder):
        for words in (["set", "key", "value"], ["get", "key"], ["shutdown", "nosave"]):
            subprocess.run([*client, *words], check=False, capture_output=True, timeout=60)
    return trace


def number_of(session: Session, trace: Path) -> int:
    """Which process to look at."""
    processes = package.open(trace).processes
    return next(p.number for p in processes if p.program.endswith(session.process))


class Walk:
    """gdb, told what to do; whatever fails, fails the test with all that was said."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._said: list[str] = []

    def __call__(self, command: str) -> Answer:
        """The answer to a command that must not fail."""
        answer = self._machine.tell(command)
        self._said.append(f"{command}\n{str(answer)[-600:]}")
        self.check(not answer.error)
        self.check("Traceback" not in answer.text)
        return answer

    def value(self, expression: str) -> str:
        """The value of an expression."""
        return self(f"output/x {expression}").text

    def check(self, holds: bool) -> None:
        """Something that has to be so by now."""
        assert holds, "\n".join(self._said[-12:])


@pytest.mark.parametrize("session", SESSIONS, ids=lambda session: session.name)
def test_a_walk(session: Session, reenact, tmp_path: Path) -> None:
    """To a call and back, by instructions, by a watchpoint, by the clock."""
    trace = recorded(session, reenact, tmp_path)
    number = number_of(session, trace)
    with Machine(reenact, trace, "-p", str(number)) as machine:
        walk = Walk(machine)
        walk("handle all nostop noprint pass")
        walk(f"break {session.call}")
        hit = walk("continue")
        walk.check(hit.reason == "breakpoint-hit")
        here, entry, stack = walk("when").text, walk.value("$pc"), walk.value("$rsp")
        walk.check(session.call in walk("backtrace 3").text)
        walk.check("process" in walk("info proc").text)
        walk.check("libc.so.6" in walk("info sharedlibrary").text)
        walk.check("runs here" in walk("info threads").text)
        walk("delete")

        # The call instruction wrote the return address.
        walk(f"watch *(unsigned long *){stack}")
        walk.check(walk("reverse-continue").reason == "watchpoint-trigger")
        walk.check(
            walk("x/i $pc").text.split(":", 1)[1].split()[0] in ("call", "push", "jmp", "bnd")
        )
        walk("delete")
        walk(f"tbreak *{entry}")
        walk("continue")
        walk.check(walk("when").text == here)

        registers = walk("info registers").text
        walk("stepi 40")
        walk("reverse-stepi 40")
        walk.check(walk("info registers").text == registers)
        walk("nexti 3")
        walk("reverse-stepi 3")

        walk("goto end")
        end = walk("when").text
        walk("goto 50%")
        middle, counter = walk("when").text, walk.value("$pc")
        walk("reverse-stepi")
        walk("stepi")
        walk.check(walk.value("$pc") == counter)
        walk.check(walk("reverse-continue").reason == "no-history")
        walk.check(walk("continue").reason == "no-history")
        walk.check(walk("when").text == end)
        walk(f"goto {middle.strip()}")
        walk.check(walk.value("$pc") == counter)
