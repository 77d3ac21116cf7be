"""From a value in memory that processes share to the store that it comes from, in any of them."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from debugger_session import debug, need_gdb
from guest_build import GuestBuild
from recorded_run import Keeper, Reenact

import reenact as package
from reenact.errors import UsageError
from reenact.session.positions import Position
from reenact.trace import Trace

GUESTS = Path(__file__).resolve().parent / "guests"
SOURCE = "share_stores.c"


def line(mark: str) -> int:
    """The line of the guest with a mark."""
    lines = (GUESTS / SOURCE).read_text().splitlines()
    return next(number for number, text in enumerate(lines, 1) if f"/* {mark}" in text)


@pytest.fixture(scope="module")
def trace(reenact: Reenact, guests: GuestBuild, tmp_path_factory: pytest.TempPathFactory) -> Trace:
    program = guests.build(SOURCE, "share_stores-g", ("-O0", "-g", "-pthread"))
    place = tmp_path_factory.mktemp("stores") / "trace"
    recorded = reenact.record([str(program)], place)
    assert recorded.status == 0, recorded.describe()
    return package.open(place)


def stored_at(trace: Trace, position: Position) -> tuple[str | None, int | None]:
    with trace.replay(position.process) as session:
        session.goto(position)
        frames = [frame for frame in session.frames() if (frame.file or "").endswith(SOURCE)]
        return frames[0].function, frames[0].line


def test_the_store_of_another_process(trace: Trace) -> None:
    """Memory without a file, at other addresses, in one piece and over the bounds of blocks."""
    with trace.replay() as session:
        session.add_breakpoint(f"{SOURCE}:{line('reads')}")
        session.continue_()
        here = session.position
        for what, process, mark in (
            ("all->value", 2, "stores"),
            ("all->text", 3, "copies"),
            ("all->text[511]", 3, "copies"),
            ("other[1030]", 1, "maps again"),
            ("all->mine", 0, "own"),
            ("all->first", 0, "before"),
        ):
            found = session.sender(what)
            assert (found.position.process, found.is_call) == (process, False), what
            assert stored_at(trace, found.position)[1] == line(mark), what
            assert found.through == "shared memory"
        assert session.position == here


def test_from_a_child(trace: Trace) -> None:
    """What it has from before it was forked, and what the parent wrote after."""
    with trace.replay(1) as session:
        session.add_breakpoint(f"{SOURCE}:{line('child reads')}")
        session.continue_()
        found = session.sender("all->first")
        assert stored_at(trace, found.position) == ("main", line("before"))
        found = session.sender("all->go")
        assert found.position.process == 0
        assert stored_at(trace, found.position) == ("main", line("goes"))


def test_what_cannot_be_followed_is_said(trace: Trace) -> None:
    with trace.replay() as session:
        session.add_breakpoint(f"{SOURCE}:{line('reads')}")
        session.continue_()
        with pytest.raises(UsageError, match="not shared with another recorded process"):
            session.sender("all")
        with pytest.raises(UsageError, match="cannot follow 0 bytes"):
            session.sender("all->value", size=0)
        with pytest.raises(UsageError, match="cannot follow 100000 bytes"):
            session.sender("all->value", size=100_000)


def test_at_the_end_of_each_process(trace: Trace) -> None:
    """Every member of the group says the same store, wherever it has the memory."""
    answers = set()
    with trace.replay() as session:
        session.add_breakpoint(f"{SOURCE}:{line('reads')}")
        session.continue_()
        address = int(session.evaluate("all"))
        memory = next(m.memory for m in session.mappings if m.start == address)
        answers.add(trace.following.writer(session.position, address + 4, 4).position)
    for process in (1, 2, 3):
        with trace.replay(process) as session:
            session.goto("end")
            (own,) = (m for m in session.mappings if m.memory == memory and m.offset == 0)
            answers.add(trace.following.writer(session.position, own.start + 4, 4).position)
    assert len(answers) == 1


def test_on_the_command_line_and_in_gdb(reenact: Reenact, trace: Trace) -> None:
    with trace.replay() as session:
        session.add_breakpoint(f"{SOURCE}:{line('reads')}")
        session.continue_()
        where, found = str(session.position), session.sender("all->value")
    said = reenact.run("follow", "--value", "all->value", where, trace.path).stdout.decode()
    assert str(found.position) in said
    assert "by process 2" in said
    assert "through shared memory" in said
    words = ("follow", "--json", "--value", "all->value", where, trace.path)
    (listed,) = json.loads(reenact.run(*words).stdout)["found"]
    assert listed["position"] == str(found.position)
    wrong = reenact.run("follow", "--back", "--value", "all->value", where, trace.path)
    assert (wrong.status, wrong.stdout) == (125, b"")
    assert b"--value cannot be followed with --back" in wrong.stderr
    need_gdb()
    answers = debug(
        reenact, Path(trace.path), f"goto {where}", "follow all->value", f"goto {found.position}",
        "info symbol $pc", "follow nonsense",
    )  # fmt: skip
    assert f"goto {found.position}: 4 bytes through shared memory" in answers[1]
    assert "work" in answers[3]
    assert 'No symbol "nonsense"' in answers[4]


def test_memory_with_a_file_and_of_a_pool(reenact: Reenact, keeper: Keeper, tmp_path: Path) -> None:
    """Python's shared memory: a file in /dev/shm that each maps by itself."""
    script = tmp_path / "pool.py"
    script.write_text(
        "from multiprocessing import Process, shared_memory\n"
        "def fill(name):\n"
        "    memory = shared_memory.SharedMemory(name)\n"
        "    memory.buf[700:706] = b'filled'\n"
        "    memory.close()\n"
        "if __name__ == '__main__':\n"
        "    memory = shared_memory.SharedMemory(create=True, size=4096)\n"
        "    child = Process(target=fill, args=(memory.name,))\n"
        "    child.start(), child.join()\n"
        "    assert bytes(memory.buf[700:706]) == b'filled'\n"
        "    memory.close(), memory.unlink()\n"
    )
    recorded = reenact.record([sys.executable, str(script)], keeper.trace(), timeout=120)
    assert recorded.status == 0, recorded.describe()
    trace = package.open(keeper.trace())
    with trace.replay() as session:
        session.catch("syscall", [11])
        while True:
            assert session.continue_().reason.name == "CATCH"
            before = next(trace.events(0, session.position.event, session.position.event))
            session.goto(Position(0, session.position.event - 1))
            there = session.memory.read(before.args[0] + 700, 6)
            if there == b"filled":
                break
            session.goto(Position(0, before.index))
        found = session.sender(before.args[0] + 700, 6)
    assert found.position.process != 0
    with trace.replay(found.position.process) as other:
        other.goto(found.position)
        assert "memcpy" in str(other.frames()[0].function) or "memmove" in str(other.frames()[0])
