"""`last` in gdb and its like in Python: memory again and again, forwards, and registers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from debugger_session import SOURCES, Answers, built, debug, line_of, record
from recorded_run import Reenact
from remote_client import Client, served

import reenact as package
from reenact.errors import UsageError
from reenact.session.session import Session
from reenact.session.values import StopReason

_CHANGE = re.compile(r"^(?P<name>.+): (?P<before>.+) -> (?P<after>.+), [0-9.]+ s, thread", re.M)


@pytest.fixture(scope="module")
def walk(reenact: Reenact, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of walk.c, whose counter is in memory."""
    folder = tmp_path_factory.mktemp("walk")
    return record(reenact, folder / "trace", built("walk.c", folder))


@pytest.fixture(scope="module")
def registers(reenact: Reenact, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of registers.c, whose locals are in registers."""
    folder = tmp_path_factory.mktemp("registers")
    return record(reenact, folder / "trace", built("registers.c", folder, "-O2"))


@pytest.fixture
def session(registers: Path) -> Iterator[Session]:
    """Where the innermost call of `deep` uses what it has computed."""
    with package.open(registers).replay() as opened:
        point = opened.add_breakpoint(_place("kept is used"))
        assert opened.continue_().reason == StopReason.BREAKPOINT
        point.remove()
        yield opened


def _place(mark: str) -> str:
    return f"registers.c:{line_of('registers.c', mark)}"


def _line(session: Session) -> str:
    """The text of the line where a session stands."""
    line = session.frame().line
    assert line is not None
    return (SOURCES / "registers.c").read_text().splitlines()[line - 1]


def _change(said: Answers, index: int) -> tuple[str, str, str]:
    found = _CHANGE.search(said[index])
    assert found is not None, said.everything
    return found["name"], found["before"], found["after"]


def test_again_means_the_write_before(reenact: Reenact, walk: Path) -> None:
    """By the address, whatever frame is selected, with the same words and without any."""
    said = debug(
        reenact, walk, "goto end", "last counter", "last", "last counter", "up", "last counter",
        "last", "when", "last -f", "last -f", "last -f counter", "print counter",
    )  # fmt: skip
    values = [_change(said, index) for index in (1, 2, 3, 5, 6)]
    assert [after for _, _, after in values[:3]] == ["499558", "499556", "499555"]
    assert [before for _, before, _ in values[:-1]] == [after for _, _, after in values[1:]]
    assert {name for name, *_ in values} == {"counter"}
    positions = [said.position(index) for index in (1, 2, 3, 5, 6, 7)]
    assert len(set(positions)) == 5
    assert positions[-1] == positions[-2]
    forwards = [_change(said, index)[1:] for index in (8, 9, 10)]
    assert forwards == [(before, after) for _, before, after in (values[4], values[3], values[2])]
    assert said.number(11) == int(forwards[-1][1])
    assert "add (times=" in said[6]


def test_what_is_not_written(reenact: Reenact, walk: Path) -> None:
    said = debug(
        reenact, walk, "last", "last counter", "when", "goto end", "when", "last -f counter",
        "when", "last 1 + 2", "last $xmm0", "last $rsp",
    )  # fmt: skip
    assert "last what?" in said[0]
    assert "not written since the start" in said[1]
    assert said.position(2) == "0:2"
    assert "not written until the end" in said[5]
    assert said.position(4) == said.position(6)
    assert "this is computed" in said[7]
    assert "neither in memory nor in one register" in said[8]
    assert "rsp changes with every call" in said[9]


def test_structures_in_gdb(reenact: Reenact, walk: Path) -> None:
    said = debug(reenact, walk, "goto end", "last record", "last", "print record")
    name, before, after = _change(said, 2)
    assert name == "record"
    assert "number = 0" in before
    assert "number = 5" in after
    assert "number = 0" in said[3]


def test_for_any_debugger(reenact: Reenact, walk: Path) -> None:
    """The monitor command remembers, too."""
    with package.open(walk).replay() as session:
        session.goto("end")
        ((address, size),) = session.symbols.variables("counter")
    with served(reenact, walk, "--goto", "end") as (_, port), Client(port) as client:

        def monitor(line: str) -> list[str]:
            answer = client.ask("qRcmd," + line.encode().hex())
            return bytes.fromhex(answer).decode().splitlines()

        first = monitor(f"last {address:#x} {size}")
        assert first[1].startswith("0x79f64 -> 0x79f66, "), first
        second = monitor("last")
        assert second[1].startswith("0x79f63 -> 0x79f64, "), second
        assert monitor("last -f")[1:] == second[1:]
        assert monitor("last -f")[1:] == first[1:]


@pytest.mark.parametrize("level", range(4))
def test_a_register_of_each_frame(level: int, session: Session) -> None:
    """It is where the calls inside have saved it; what they do with the register is theirs."""
    origin = session.position
    depth, value = session.evaluate("depth", level), int(session.evaluate("kept", level))
    assert session.last_write("kept", frame=level).reason == StopReason.WATCHPOINT
    assert "kept is made" in _line(session)
    assert int(session.evaluate("depth")) == int(depth)
    number = session.register_of("kept", 0)
    session.goto(origin)
    assert number is None or session.register_of("kept", level) is not None
    stop = session.last_write("kept", frame=level)
    assert session.stepi().position > stop.position
    assert value in session.registers.general


def test_on_to_the_change_of_a_register(session: Session) -> None:
    """Nothing changes it before the function restores it for its caller."""
    number = session.register_of("kept")
    assert number is not None
    session.last_write("kept")
    made = session.position
    session.stepi()
    stop = session.next_write("$rbp" if number == 6 else "$rbx")
    assert stop.reason == StopReason.WATCHPOINT
    assert stop.position > made
    assert session.frame().function == "deep"
    session.reverse_stepi()
    assert session.frame().function == "deep"


def test_a_value_that_was_handed_down(session: Session) -> None:
    """An argument: the caller's instruction is found. A result: the one of what was called."""
    point = session.add_breakpoint("used")
    session.continue_()
    point.remove()
    assert session.frame().function == "used"
    value = session.registers["rdi"]
    assert session.last_write("$rdi").reason == StopReason.WATCHPOINT
    assert session.frame().function == "deep"
    session.stepi()
    assert session.registers["rdi"] == value
    session.goto("start")
    point = session.add_breakpoint("twisted")
    session.continue_()
    point.remove()
    assert session.finish().reason == StopReason.POSITION
    value = session.registers["rax"]
    assert session.last_write("$rax").reason == StopReason.WATCHPOINT
    assert "/* twisted" in _line(session)
    session.stepi()
    assert session.registers["rax"] == value


def test_what_cannot_be_followed(session: Session) -> None:
    here = session.position
    with pytest.raises(UsageError, match="rsp changes"):
        session.last_write("$rsp")
    with pytest.raises(UsageError, match="cannot be followed"):
        session.last_write("$rip")
    assert session.position == here


def test_a_register_in_gdb(reenact: Reenact, registers: Path) -> None:
    """As memory: by the name of the variable, again without one, and forwards."""
    said = debug(
        reenact, registers, f"break {_place('kept is used')}", "continue", "up", "print kept",
        "last kept", "stepi", "last", "last -f", "last $rbx", "when",
    )  # fmt: skip
    name, _, after = _change(said, 4)
    assert re.fullmatch(r"kept \(\$r\w+\)", name), name
    assert int(after) == said.number(3)
    assert "kept is made" in said[4]
    again = _change(said, 6)
    assert again[2] == after
    assert _change(said, 8)[0] == "$rbx"


def test_what_gdb_takes_for_optimized_out(reenact: Reenact, tmp_path: Path) -> None:
    """Where files are optimized together, gdb finds a declaration and no place for it."""
    source = tmp_path / "totals.c"
    source.write_text(
        "#include <stdio.h>\n"
        "static long all_of_it;\n"
        "__attribute__((noinline)) static void add(long by)\n"
        "{\n"
        "    all_of_it += by;\n"
        "}\n"
        "int main(int count, char **words)\n"
        "{\n"
        "    for (int i = 0; i < 3; i++) add(count * i);\n"
        '    printf("%ld\\n", all_of_it);\n'
        "    return 0;\n"
        "}\n"
    )
    program = built(str(source), tmp_path, "-O2", "-flto")
    trace = record(reenact, tmp_path / "trace", program)
    said = debug(reenact, trace, "break printf", "continue", "last all_of_it", "last all_of_it")
    for index, values in ((2, "1 -> 3"), (3, "0 -> 1")):
        assert re.search(rf"all_of_it.*: {values}", said[index]), said.everything


def test_short_strings_are_stored_by_masks(reenact: Reenact, tmp_path: Path) -> None:
    """Of a whole register they store what a mask says: the rest is not written."""
    line = 6
    source = tmp_path / "short.c"
    source.write_text(
        "#include <string.h>\n"
        "char text[256] __attribute__((aligned(64)));\n"
        "volatile int length = 5;\n"
        "int main(void)\n"
        "{\n"
        "    text[10] = 'x';\n"
        "    memset(text, 'y', length);\n"
        "    return text[10] != 'x';\n"
        "}\n"
    )
    trace = record(reenact, tmp_path / "trace", built(str(source), tmp_path, "-O0", "-g"))
    with package.open(trace).replay() as session:
        session.goto("end")
        assert session.last_write("text[10]") is not None
        assert session.frame().line == line
        session.goto("end")
        assert session.last_write("text[4]") is not None
        assert session.frame().line != line
