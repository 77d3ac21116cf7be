"""What a session can stop at: system calls, forks, programs, ends, accesses; in both directions."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from debugger_session import built
from guest_build import GuestBuild
from recorded_run import Keeper, Reenact

import reenact as package
from reenact.session.session import Session
from reenact.session.values import Stop, StopReason

#: `write`, `execve`, and what forks.
WRITE, EXECVE = 1, 59
FORKS = (56, 57, 58, 435)


def stops(session: Session, movement: str) -> list[Stop]:
    """All stops of a movement, up to the end or the start."""
    found = []
    while (stop := getattr(session, movement)()).reason not in (StopReason.END, StopReason.START):
        found.append(stop)
    return found


@pytest.fixture
def walk(reenact: Reenact, keeper: Keeper, tmp_path: Path) -> Iterator[Session]:
    reenact.record([str(built("walk.c", tmp_path))], keeper.trace())
    with package.open(keeper.trace()).replay() as session:
        yield session


@pytest.mark.parametrize(
    ("guest", "what", "codes", "kinds", "numbers"),
    [
        ("files", "syscall", (WRITE,), ("syscall",), (WRITE,)),
        ("files", "exit", (), ("exit",), ()),
        ("fork", "fork", (), ("syscall",), FORKS),
        ("vfork", "fork", (), ("syscall",), FORKS),
        ("exec_chain", "exec", (), ("image-ready",), ()),
        ("fault_fix", "fault", (), ("fault",), ()),
        ("signal_nested", "signal", (10,), ("signal",), (10,)),
        ("clocks", "instruction", (), ("instruction",), ()),
    ],
)
def test_events_are_caught_in_both_directions(
    guest: str, what: str, codes: tuple, kinds: tuple, numbers: tuple,
    reenact: Reenact, guests: GuestBuild, keeper: Keeper,
) -> None:  # fmt: skip
    program = guests.build(f"{guest}.c", f"{guest}-O2", ("-O2", "-pthread"))
    reenact.record([str(program)], keeper.trace())
    trace = package.open(keeper.trace())
    with trace.replay() as session:
        first = session.start.event + 1
        expected = [event.index for event in trace.events(0, first, kinds=kinds, codes=numbers)]
        session.catch(what, codes)
        forwards = stops(session, "continue_")
        assert {stop.reason for stop in forwards} <= {StopReason.CATCH}
        told = [stop.position.event for stop in forwards]
        assert told == expected
        backwards = [stop.position.event for stop in stops(session, "reverse_continue")]
        # What is caught where the process ends is no stop before the end.
        assert backwards == [event for event in expected[::-1] if event < session.end.event]
        for stop in forwards:
            assert stop.event is not None
            assert stop.event.kind in kinds
            assert str(stop).startswith(f"catch at {stop.position}, thread ")


def test_accesses_to_what_an_expression_means(walk: Session) -> None:
    walk.add_breakpoint("square")
    walk.continue_()
    start = walk.position
    counts = {}
    for kind in ("read", "write", "access"):
        walk.goto(start)
        for point in walk.points:
            point.remove()
        point = walk.watch("counter", kind=kind)
        forwards = stops(walk, "continue_")
        assert all(stop.address == point.address for stop in forwards)
        counts[kind] = len(forwards)
        assert repr(point).startswith(f"Watchpoint({kind} of 4 bytes at ")
    # `counter += i` three times more, and nothing else; a read-modify-write may be one instruction.
    assert counts["write"] == 3
    assert counts["read"] == 3
    assert counts["access"] in (3, 6)


def test_conditions_see_the_program(walk: Session) -> None:
    seen = []

    def is_wanted(at: Session) -> bool:
        seen.append((int(at.evaluate("i")), at.frame(1).function, at.thread))
        return at.evaluate("i") == at.evaluate("times", 0) - 1

    point = walk.add_breakpoint("walk.c:28", is_wanted)
    ends = []
    while walk.continue_().reason == StopReason.BREAKPOINT:
        ends.append(int(walk.evaluate("times")))
    assert ends == [10, 1000, 3]
    assert len(seen) == 1013
    assert {function for _, function, _ in seen} == {"main"}
    assert point.hits == 3
    back = []
    while walk.reverse_continue().reason == StopReason.BREAKPOINT:
        back.append(int(walk.evaluate("times")))
    assert back == ends[::-1]


def test_watching_changes_with_a_condition(walk: Session) -> None:
    """A condition of a watchpoint is asked right before the access."""
    walk.watch("counter", condition=lambda at: at.evaluate("counter") == 45)
    stop = walk.continue_()
    assert stop.reason == StopReason.WATCHPOINT
    # `counter += 0` writes 45 once more.
    assert walk.evaluate("counter") == 45
    assert walk.continue_().reason == StopReason.WATCHPOINT
    assert walk.evaluate("counter") == 46


def test_what_is_printed_helps(walk: Session) -> None:
    point = walk.add_breakpoint("add")
    stop = walk.continue_()
    assert str(stop) == f"breakpoint at {stop.position}, thread {stop.thread}, " + (
        f"address {stop.address:#x}"
    )
    assert repr(point) == "Breakpoint(add, 1 hit)"
    registers = walk.registers
    assert registers.rax == registers["rax"]
    assert f"rip={registers.rip:#x}" in repr(registers)
    assert len(repr(registers)) < 1000
    with pytest.raises(AttributeError):
        _ = registers.eax
    assert "at 0:" in repr(walk)
    assert "walk" in repr(walk.symbols)
    assert [thread.tid for thread in walk.threads] == [walk.thread]


def test_a_branch_is_seen_as_it_is(walk: Session) -> None:
    walk.add_breakpoint("square")
    walk.continue_()
    (entry,) = walk.symbols.entries("add")
    before = walk.frame()
    with walk.branch():
        assert walk.frame() == before
        walk.set_registers(walk.registers.replaced(rip=entry))
        assert walk.frame().function == "add"
        ((value, _),) = walk.symbols.variables("counter")
        walk.write_memory(value, (7).to_bytes(4, "little"))
        assert walk.evaluate("counter") == 7
    assert walk.frame() == before
    assert walk.evaluate("counter") != 7
