"""Many interrupts at random moments of all movements, in gdb and in a script; clients that die.

After each, what is shown is the state at the position, and the next movement is as good as ever.
"""

from __future__ import annotations

import contextlib
import os
import random
import re
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from debugger_session import built, need_gdb, record
from gdb_machine import Machine
from recorded_run import Reenact
from remote_client import LONGEST, child_of, children, until

import reenact as package
from reenact.session.session import Session
from reenact.session.values import Stop

#: Interrupts of one gdb, each time and in the long run, and of one session.
IN_GDB, MANY_IN_GDB = 20, 200
IN_SESSION = 100
#: Shortest and longest time between a command and its interrupt, seconds; of each factor of ten
#: as many are tried.
SHORTEST, LATEST = 0.0005, 0.5

MOVES_IN_GDB = (
    "continue", "reverse-continue", "next", "step", "reverse-next", "reverse-step", "finish",
    "reverse-finish", "until", "stepi 3000", "reverse-stepi 200", "advance spin", "goto end",
    "goto start", "goto 50%", "last calls", "last -f sum", "back-next", "back-step", "back-finish",
)  # fmt: skip
#: What gdb waits for in a `monitor` command, and says nothing when it begins.
_OURS = ("goto", "last", "back-")
MOVES: tuple[Callable[[Session], Stop], ...] = (
    lambda s: s.continue_(),
    lambda s: s.reverse_continue(),
    lambda s: s.step(),
    lambda s: s.next(),
    lambda s: s.reverse_step(),
    lambda s: s.reverse_next(),
    lambda s: s.stepi(10**7),
    lambda s: s.reverse_stepi(10**7),
    lambda s: s.goto("end"),
    lambda s: s.goto("start"),
    lambda s: s.goto("50%"),
    lambda s: s.last_write("calls"),
    lambda s: s.next_write("sum"),
    lambda s: s.when_last("calls & 1 && 0"),
    lambda s: s.reverse_stepi(2000, thread=s.thread),
)
_SEED = int(os.environ.get("REENACT_SOAK_SEED", "0"))


@pytest.fixture(scope="module")
def busy(reenact: Reenact, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of busy.c."""
    folder = tmp_path_factory.mktemp("busy")
    return record(reenact, folder / "trace", built("busy.c", folder))


def delay(choice: random.Random) -> float:
    """A random time, short ones as often as long ones."""
    return SHORTEST * (LATEST / SHORTEST) ** choice.random()


def _where(machine: Machine) -> str:
    """The position; an interrupt that came too late ends the first question, or none."""
    for _ in range(3):
        answer = machine.tell("when")
        found = re.search(r"^\d+:\d+(\+\d+)?$", answer.text, re.MULTILINE)
        if found is not None:
            return found.group()
    raise AssertionError(f"no position: {answer}")


def _value(machine: Machine, expression: str) -> str:
    answer = machine.tell(f"print {expression}")
    assert "= " in answer.text, answer
    return answer.text.split("= ")[-1].strip()


def _frame(machine: Machine) -> tuple[str, str, str]:
    """The address of the selected frame as gdb shows it, its registers, and what is in memory."""
    frame = machine.ask("-stack-info-frame")["frame"]
    address = re.match("0x[0-9a-f]+", frame["addr"])
    assert address is not None
    assert int(_value(machine, "/x $pc"), 16) == int(address.group(), 16)
    return address.group(), _value(machine, "/x $sp"), _value(machine, "calls + sum")


#: In front ends and scripts gdb answers its own question whether to give up waiting, in the middle
#: of a packet, where a movement begins: from then on it takes each answer for the next one's, and
#: nothing that a server says brings it back. At a prompt it asks.
_GIVEN_UP = "Cannot insert breakpoint"


def storm_in_gdb(
    reenact: Reenact, trace: Path, seed: int, count: int, moves: tuple[str, ...] = MOVES_IN_GDB
) -> None:
    """Interrupt so many movements, in one gdb as long as that does not give up."""
    choice = random.Random(seed)
    left = count
    while left > 0:
        with Machine(reenact, trace) as machine:
            left = interrupted_in_gdb(machine, choice, left, moves)


def interrupted_in_gdb(
    machine: Machine, choice: random.Random, count: int, moves: tuple[str, ...]
) -> int:
    """Interrupt so many movements; how many are left where gdb has given up."""
    gdb = until(lambda: child_of(machine.process.pid, "gdb"), "no gdb")
    machine.tell("break mixed if value == 123456789")
    machine.tell("goto 50%")
    for number in range(count):
        move = choice.choice(moves)
        sent = machine.send(f'-interpreter-exec console "{move}"')
        if not move.startswith(_OURS):
            # What comes before gdb has begun is lost, as with a program that is not recorded.
            machine.until_begun(sent)
        time.sleep(delay(choice))
        # As from a terminal: all of its processes get it.
        for pid in (gdb, machine.process.pid):
            os.kill(pid, signal.SIGINT)
        if _GIVEN_UP in machine.wait(sent).log:
            return count - number - 1
        where = _where(machine)
        shown = _frame(machine)
        machine.tell("maintenance flush register-cache")
        machine.tell("maintenance flush dcache")
        assert _frame(machine) == shown, (number, move, where)
        if number % 5 == 0:
            assert machine.tell(f"goto {where}").text.startswith(where)
            assert _frame(machine) == shown, (number, move, where)
            machine.tell(f"goto {choice.uniform(5, 95):.3f}%")
    assert machine.tell("goto start").text.startswith("0:2"), "the server is out of step"
    return 0


@pytest.mark.parametrize("seed", range(2))
def test_interrupts_of_our_commands_in_gdb(seed: int, reenact: Reenact, busy: Path) -> None:
    ours = tuple(move for move in MOVES_IN_GDB if move.startswith(_OURS))
    storm_in_gdb(reenact, busy, seed, IN_GDB, ours)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(4))
def test_interrupts_in_gdb(seed: int, reenact: Reenact, busy: Path) -> None:
    storm_in_gdb(reenact, busy, seed, IN_GDB)


def storm_in_a_session(trace: Path, seed: int, count: int) -> None:
    """Interrupt so many movements of one session, as Ctrl-C does it."""
    choice = random.Random(seed)

    def interrupt(*_arguments: object) -> None:
        os.kill(os.getpid(), signal.SIGINT)

    before = signal.signal(signal.SIGALRM, interrupt)
    # The job of a shell in the background has it ignored.
    own = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with package.open(trace).replay() as session:
            session.add_breakpoint("mixed", lambda at: at.registers["rdi"] == 123456789)
            session.goto("50%")
            for number in range(count):
                move = choice.choice(MOVES)
                with contextlib.suppress(KeyboardInterrupt):
                    signal.setitimer(signal.ITIMER_REAL, delay(choice))
                    move(session)
                    signal.setitimer(signal.ITIMER_REAL, 0)
                here = session.position
                shown = _shown(session)
                session.goto("start")
                session.goto(here)
                assert _shown(session) == shown, (number, here)
                session.goto(f"{choice.uniform(5, 95):.3f}%")
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        signal.signal(signal.SIGINT, own)


def _shown(session: Session) -> tuple[object, ...]:
    registers = session.registers
    return registers, session.threads, session.memory.read(registers.rsp, 64)


@pytest.mark.parametrize("seed", range(2))
def test_interrupts_in_a_script(seed: int, busy: Path) -> None:
    storm_in_a_session(busy, seed, IN_SESSION)


@pytest.mark.soak
def test_many_more_interrupts(reenact: Reenact, busy: Path) -> None:
    """Other moments in each round."""
    for number in range(4):
        storm_in_gdb(reenact, busy, _SEED + number, MANY_IN_GDB)
        storm_in_a_session(busy, _SEED + number, 5 * IN_SESSION)


@pytest.mark.parametrize("move", ["continue", "reverse-continue", "back-next", "goto end"])
def test_a_gdb_that_is_killed(move: str, reenact: Reenact, busy: Path, tmp_path: Path) -> None:
    """Whatever it had asked for: all processes end, and no file is left."""
    need_gdb()
    words = [*reenact.command, "replay", str(busy), "--goto", "40%", "--", "-nx"]
    commands = ("break mixed if calls == -1", "echo begins\\n", move)
    for command in commands:
        words += ["-ex", command]
    process = subprocess.Popen(
        words,
        env={**os.environ, "TMPDIR": str(tmp_path), "TERM": "dumb", "DEBUGINFOD_URLS": ""},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        start_new_session=True,
    )  # fmt: skip
    try:
        for line in process.stdout:
            if "begins" in line:
                break
        gdb = child_of(process.pid, "gdb")
        descendants = children(process.pid)
        assert gdb in descendants
        os.kill(gdb, signal.SIGKILL)
        process.communicate(timeout=LONGEST)
    finally:
        process.kill()
    assert process.returncode in (-signal.SIGKILL, 128 + signal.SIGKILL), process.returncode
    until(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in descendants), "children stay")
    assert not list(tmp_path.iterdir())
