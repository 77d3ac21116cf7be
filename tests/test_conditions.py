"""Conditions that are asked where the program is replayed, of breakpoints and watchpoints."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from debugger_session import Answers, built, debug, line_of, record
from recorded_run import Reenact
from remote_client import Client, served

import reenact as package
from reenact.errors import UsageError
from reenact.gdb.agent_assembly import assembled, uses_registers
from reenact.session.points import AgentCode
from reenact.session.session import Session
from reenact.session.values import StopReason

ROUNDS = 200_000


@pytest.fixture(scope="module")
def trace(reenact: Reenact, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("conditions")
    return record(reenact, folder / "trace", built("conditions.c", folder))


@pytest.fixture
def session(trace: Path) -> Iterator[Session]:
    with package.open(trace).replay() as session:
        yield session


def code(*lines: str) -> AgentCode:
    """A condition from the text of its instructions."""
    placed, at = [], 0
    for line in lines:
        placed.append(f"{at} {line}")
        at = len(assembled(placed))
    return AgentCode({None: (assembled(placed),)})


def address_of(session: Session, name: str) -> int:
    (address, _), *_ = session.symbols.variables(name)
    return address


def test_a_condition_of_a_breakpoint_holds_in_both_directions(session: Session) -> None:
    # `i` is in rdi where hot begins: 5 in gdb's numbers of registers.
    (entry,) = session.symbols.entries("hot")
    wanted = ROUNDS - 7
    point = session.add_breakpoint(entry, code("reg 4", "reg 5", "swap", "pop", f"const32 {wanted}",
                                               "equal", "end"))  # fmt: skip
    assert session.continue_().reason == StopReason.BREAKPOINT
    assert session.registers["rdi"] == wanted
    assert session.continue_().reason == StopReason.END
    assert session.reverse_continue().reason == StopReason.BREAKPOINT
    assert session.registers["rdi"] == wanted
    assert session.reverse_continue().reason == StopReason.START
    assert point.hits == 2


def test_two_conditions_at_one_place(session: Session) -> None:
    (entry,) = session.symbols.entries("hot")
    one = session.add_breakpoint(entry, code("reg 5", "const8 9", "equal", "end"))
    other = session.add_breakpoint(entry, code("reg 5", "const8 12", "equal", "end"))
    session.continue_()
    session.continue_()
    assert session.registers["rdi"] == 12
    assert (one.hits, other.hits) == (1, 1)
    # One without a condition counts each time.
    always = session.add_breakpoint(entry)
    session.continue_()
    assert session.registers["rdi"] == 13
    assert always.hits == 1


@pytest.mark.parametrize(
    "lines",
    [("const8 1", "const8 0", "div_signed", "end"), ("const8 9", "ref64", "end"), ("pop", "end")],
)
def test_what_cannot_be_evaluated_stops(lines: tuple[str, ...], session: Session) -> None:
    (entry,) = session.symbols.entries("hot")
    session.add_breakpoint(entry, code(*lines))
    assert session.continue_().reason == StopReason.BREAKPOINT
    assert session.registers["rdi"] == 0


def test_a_condition_of_a_watchpoint(session: Session) -> None:
    total = address_of(session, "total")
    expected = sum(range(5001))
    session.watch(total, 8, "write", code(f"const64 {total}", "ref64", f"const64 {expected}",
                                          "equal", "end"))  # fmt: skip
    # Forwards it is asked behind the access, where one stands then.
    assert session.continue_().reason == StopReason.WATCHPOINT
    assert int(session.evaluate("total")) == expected
    # `total += 0` and the first rounds apart, the value is there once.
    assert session.continue_().reason == StopReason.END
    assert session.reverse_continue().reason == StopReason.WATCHPOINT
    # Backwards before it: the write that makes another value of it.
    assert int(session.evaluate("total")) == expected
    assert session.reverse_continue().reason == StopReason.START


def test_one_instruction_that_touches_two_watched_places(session: Session) -> None:
    """What does not count of one of them says nothing of the other."""
    start, to = address_of(session, "from"), address_of(session, "to")
    never = code("const8 0", "end")
    session.watch(start, 1, "access", never)
    written = session.watch(to, 1, "write")
    read = session.watch(start, 1, "read", lambda _: False)
    stops = 0
    while session.continue_().reason == StopReason.WATCHPOINT:
        stops += 1
    assert (stops, written.hits, read.hits) == (5, 5, 0)
    while session.reverse_continue().reason == StopReason.WATCHPOINT:
        stops += 1
    assert stops == 10


def values(said: Answers, expression: str) -> list[str]:
    return re.findall(rf"^{expression} is (.*)$", said.everything, re.MULTILINE)


def test_conditions_of_gdb(reenact: Reenact, trace: Path) -> None:
    line = line_of("conditions.c", "/* high */")
    said = debug(
        reenact, trace, f"break hot if i == {ROUNDS - 3}", "continue", "print i",
        "info breakpoints", f"break conditions.c:{line} if p->high == 17 && i > 100000",
        "reverse-continue", "print i", "reverse-continue", "print i",
    )  # fmt: skip
    assert said.number(2) == ROUNDS - 3
    assert "already hit 1 time" in said[3]
    # The last i with i % 256 == 18, before which 17 was written.
    assert said.number(6) == max(i for i in range(ROUNDS - 3) if i % 256 == 18)
    assert said.number(8) == said.number(6) - 256


@pytest.mark.parametrize("kind", ["watch", "awatch"])
def test_conditional_watchpoints_of_gdb_are_what_gdb_makes_of_them(
    kind: str, reenact: Reenact, trace: Path
) -> None:
    """With conditions asked here, and with gdb asking them at each access itself."""
    asked = (f"{kind} value if value == 5 && other > 200",)
    moves = ("continue", 'printf "other is %ld\\n", other') * 4
    back = ("reverse-continue", 'printf "other is %ld\\n", other') * 4
    ours = debug(reenact, trace, "break main", "continue", *asked, "delete 1", *moves, *back)
    its = debug(
        reenact, trace, "break main", "continue", *asked, "delete 1", "monitor watch-conditions",
        *moves, *back,
    )  # fmt: skip
    found = values(ours, "other")
    assert found == values(its, "other")
    assert len(set(found)) > 4
    assert "Old value = 4\nNew value = 5" in ours.everything or kind == "awatch"


def test_a_client_sends_what_is_no_condition(reenact: Reenact, trace: Path) -> None:
    with served(reenact, trace) as (_, port), Client(port) as client:
        assert "ConditionalBreakpoints+" in client.ask("qSupported:multiprocess+")
        with package.open(trace).replay() as session:
            (entry,) = session.symbols.entries("hot")
        for condition in ("X1,27", "X3,ffffff", "X0,", "X2,2100", "Xzz,00", "X1,2", "X4,26ffff27"):
            assert client.ask(f"Z0,{entry:x},1;{condition}") in ("OK", "E01"), condition
            assert client.ask("vCont;c").startswith("T05")
            assert client.ask(f"z0,{entry:x},1") == "OK"
            assert client.ask("qRcmd," + b"goto start".hex())


def test_gdbs_text_of_an_expression() -> None:
    lines = ["  0  const64 94137721548832", "  9  ref64", " 10  ext 64", " 12  const8 -1",
             " 14  equal", " 15  if_goto 18", " 18  end"]  # fmt: skip
    found = assembled(lines)
    assert found[0] == 0x25
    assert found.endswith(bytes((0x20, 0, 18, 0x27)))
    assert not uses_registers(found)
    assert uses_registers(assembled(["0 const8 38", "2 reg 5"]))
    for wrong in ("0 nonsense", "1 end", "0 end 5 6", "const8 1", ""):
        with pytest.raises(UsageError):
            assembled([wrong])


def test_a_text_is_asked_where_the_program_is_replayed(session: Session) -> None:
    wanted = ROUNDS - 7
    point = session.add_breakpoint("hot", f"i == {wanted} && p->low != 1")
    assert point.code is not None
    assert session.continue_().reason == StopReason.BREAKPOINT
    assert int(session.evaluate("i")) == wanted
    assert session.continue_().reason == StopReason.END
    assert session.reverse_continue().reason == StopReason.BREAKPOINT
    assert int(session.evaluate("i")) == wanted
    assert session.reverse_continue().reason == StopReason.START
    assert point.hits == 2


@pytest.mark.parametrize("text", ["i * 1.0 == 5.0", "i == 5"])
def test_a_text_holds_where_a_function_does(text: str, session: Session) -> None:
    point = session.add_breakpoint("hot", text)
    # Floating-point numbers are not computed with there: it is asked at each hit.
    assert (point.code is None) == ("1.0" in text)
    assert session.continue_().reason == StopReason.BREAKPOINT
    assert int(session.evaluate("i")) == 5
    assert session.reverse_continue().reason == StopReason.START


def test_a_text_without_a_value_stops(session: Session) -> None:
    session.add_breakpoint("hot", "i / (i - 3) > 100000")
    assert session.continue_().reason == StopReason.BREAKPOINT
    assert int(session.evaluate("i")) == 3
    with pytest.raises(UsageError, match="no variable j"):
        session.add_breakpoint("hot", "j == 3")


@pytest.mark.parametrize("rest", ["", " && &rounds != 0"])
def test_a_text_of_a_watchpoint(rest: str, session: Session) -> None:
    address = address_of(session, "value")
    point = session.add_breakpoint("main")
    session.continue_()
    point.remove()
    # `rounds` is one of main's: it means that wherever the access is.
    session.watch(address, 8, condition=f"value == 5 && other > 100{rest}")
    assert session.continue_().reason == StopReason.WATCHPOINT
    # Behind the access forwards, before it backwards.
    assert int(session.evaluate("value")) == 5
    first = session.position
    assert session.continue_().reason == StopReason.WATCHPOINT
    assert session.reverse_continue().position > first
    assert int(session.evaluate("value")) == 5
    with pytest.raises(UsageError, match="cannot be asked at each access"):
        session.watch(address, 8, condition="value > 1.5")


def test_a_text_of_a_catchpoint(session: Session) -> None:
    session.catch("syscall", condition="$rax == 1000000 || total > 0")
    stop = session.continue_()
    assert stop.reason == StopReason.CATCH
    assert int(session.evaluate("total")) > 0
