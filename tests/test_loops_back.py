"""gdb's own reverse-next and reverse-step through lines that loop end where they always did."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from debugger_session import built, debug, line_of, record
from gdb_machine import Machine
from recorded_run import Reenact

import reenact as package
from reenact.session.session import Session

#: As if gdb had been told nothing.
WITHOUT = tuple(
    f"python gdb.execute('define hook-{name}\\nend', to_string=True)"
    for name in ("reverse-next", "reverse-step")
)


@pytest.fixture(scope="module")
def trace(reenact: Reenact, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("loops")
    return record(reenact, folder / "trace", built("loops.c", folder))


def places(reenact: Reenact, trace: Path, begin: int, commands: list[str]) -> list[str]:
    """Where gdb stands after each command, and what it shows."""
    words = [f"break loops.c:{begin}", "continue", "delete"]
    for command in commands:
        words += [command, "when", "info registers rip", "bt 2"]
    said = debug(reenact, trace, *words)
    return said.texts[3:]


@pytest.mark.parametrize(
    "commands",
    [
        ["reverse-next"] * 7,
        ["reverse-step"] * 10,
        ["reverse-next 3", "next", "reverse-next 2", "reverse-stepi 5", "reverse-next 4"],
        [f"break {'loops.c:'}LOOP if i == 17", *["reverse-next"] * 5],
        ["watch sum if sum == 100", *["reverse-next"] * 4],
    ],
    ids=("next", "step", "mixed", "breakpoint", "watchpoint"),
)
def test_steps_back_end_where_they_did(commands: list[str], reenact: Reenact, trace: Path) -> None:
    loop = str(line_of("loops.c", "/* loop */"))
    commands = [command.replace("LOOP", loop) for command in commands]
    begin = line_of("loops.c", "/* recursive */" if len(commands) > 6 else "/* behind */")
    told = places(reenact, trace, begin, commands)
    alone = places(reenact, trace, begin, [*WITHOUT, *commands])
    # Without what was said to the commands that take the hooks away.
    assert told == alone[4 * len(WITHOUT) :]


def test_a_loop_is_stepped_back_through_at_once(reenact: Reenact, trace: Path) -> None:
    begin = line_of("loops.c", "/* behind */")
    counts = []
    for first in ((), WITHOUT):
        words = [*first, f"break loops.c:{begin}", "continue", "reverse-next"]
        said = debug(reenact, trace, *words, "set debug remote 1", "reverse-next")
        counts.append(said.texts[-1].count("Sending packet: $bs#"))
    assert counts[0] < 20 < 200 < counts[1]


def test_a_front_end_is_told_nothing_else(reenact: Reenact, trace: Path) -> None:
    """There, and at a prompt, gdb takes the next command while the program still runs."""
    commands = ["reverse-next", "reverse-next", "reverse-step", "reverse-stepi", "reverse-next"]
    begin = line_of("loops.c", "/* behind */")
    alone = places(reenact, trace, begin, commands)[1::4]
    with Machine(reenact, trace) as machine:
        for command in (f"break loops.c:{begin}", "continue", "delete"):
            machine.tell(command)
        for command, place in zip(commands, alone):
            answer = machine.tell(command)
            assert (answer.error, answer.log) == ("", "")
            assert machine.tell("when").text.strip() == place


@pytest.fixture
def session(trace: Path) -> Iterator[Session]:
    with package.open(trace).replay() as session:
        yield session


def test_the_way_back_within_a_range(session: Session) -> None:
    point = session.add_breakpoint(f"loops.c:{line_of('loops.c', '/* behind */')}")
    session.continue_()
    point.remove()
    end = session.position
    # Single steps: the truth.
    session.reverse_stepi()
    start, behind = session.symbols.statement(session.registers.rip) or (0, 0)
    assert start < session.registers.rip < behind
    inside = []
    while start < session.registers.rip < behind and session.position.event == end.event:
        inside.append(session.position)
        session.reverse_stepi()
    assert len(inside) > 100
    for position in (inside[0], inside[40], inside[-1]):
        session.goto(position)
        assert session.reverse_within(start + 1, behind).position == inside[-1]
    # A breakpoint on the way ends it.
    session.goto(inside[-30])
    address = session.registers.rip
    session.goto(inside[0])
    expected = next(one for one in inside[1:] if rip_at(session, one) == address)
    session.goto(inside[0])
    session.add_breakpoint(address)
    assert session.reverse_within(start + 1, behind).position == expected


def rip_at(session: Session, position: object) -> int:
    session.goto(position)  # type: ignore[arg-type]
    return session.registers.rip
