"""Threads have the same number at every position, and the names that the kernel knows them by."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import skips
from debugger_session import SOURCES, built, record
from gdb_machine import Machine
from recorded_run import Keeper, Reenact

import reenact as package

NAMES = ["names", "first worker", "renamed", "third, with a l"]


@pytest.fixture(scope="module")
def trace(reenact: Reenact, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recording of names.c: three threads, one after the other."""
    folder = tmp_path_factory.mktemp("names")
    return record(reenact, folder / "trace", built("names.c", folder))


@pytest.fixture
def machine(reenact: Reenact, trace: Path) -> Iterator[Machine]:
    """gdb on it."""
    with Machine(reenact, trace) as opened:
        yield opened


def line_of(mark: str) -> str:
    """The place of the line of names.c with a mark."""
    lines = (SOURCES / "names.c").read_text().splitlines()
    return f"names.c:{next(n for n, line in enumerate(lines, 1) if mark in line)}"


def listed(machine: Machine) -> dict[int, tuple[int, str]]:
    """Number, tid and the rest of what gdb shows of each thread."""
    text = machine.tell("info threads").text
    found = re.findall(r"^[* ] (\d+) +Thread \d+\.(\d+) (.*)$", text, re.MULTILINE)
    assert len(found) == 4, text
    return {int(number): (int(tid), rest) for number, tid, rest in found}


def test_in_a_session(trace: Path) -> None:
    with package.open(trace).replay() as session:
        assert [thread.name for thread in session.threads] == ["names"]
        seen: dict[int | None, int] = {}
        session.add_breakpoint(line_of("/* works */"))
        for number in (2, 3, 4):
            assert session.continue_().reason.name == "BREAKPOINT"
            threads = {thread.number: thread for thread in session.threads}
            assert sorted(threads) == [1, number]
            assert threads[number].is_running
            assert threads[number].pthread != threads[1].pthread
            assert all(seen.setdefault(one.number, one.tid) == one.tid for one in session.threads)
        assert [thread.tid for thread in session.all_threads] == [seen[n] for n in (1, 2, 3, 4)]
        while session.reverse_continue().reason.name == "BREAKPOINT":
            assert all(seen[one.number] == one.tid for one in session.threads)


def test_a_name_is_as_it_is_at_the_position(trace: Path) -> None:
    """Set by prctl, by the C library through /proc, by a write; forwards and back."""
    with package.open(trace).replay() as session:
        session.add_breakpoint(line_of("/* between */"))
        session.add_breakpoint(line_of("/* renames */"))
        session.add_breakpoint(line_of("/* over */"))
        told = []
        while session.continue_().reason.name == "BREAKPOINT":
            told.append((session.position, [one.name for one in session.threads]))
        assert [names for _, names in told] == [
            ["names", "first worker"],
            ["names", "second worker"],
            ["names", "renamed"],
            ["names", "third, with a l"],
            ["the main thread"],
        ]
        for position, names in reversed(told):
            session.goto(position)
            assert [one.name for one in session.threads] == names


def test_numbers_in_gdb(machine: Machine, trace: Path) -> None:
    """The same by breakpoints, by goto, by last; what is not there is said."""
    with package.open(trace).replay() as session:
        tids = {one.number: one.tid for one in session.all_threads}
    machine.tell(f"break {line_of('/* works */')}")
    for number in (2, 3, 4):
        assert f"Thread {number} " in machine.tell("continue").text
        shown = listed(machine)
        assert {n: tid for n, (tid, _) in shown.items()} == tids
        assert "runs" in shown[number][1]
        assert all("(ended)" in shown[n][1] for n in range(2, number))
        assert all("(not made yet)" in shown[n][1] for n in range(number + 1, 5))
        assert re.search(r"\(runs here, pthread 0x[0-9a-f]+\)", shown[number][1])
    assert '"third, with a l"' in listed(machine)[4][1]
    for where in ("goto start", "goto end", "last stage", "goto 50%", "reverse-continue"):
        machine.tell(where)
        shown = listed(machine)
        assert {n: tid for n, (tid, _) in shown.items()} == tids, where
        absent = [rest for _, rest in shown.values() if re.search("ended|not made yet", rest)]
        assert all("0x0000000000000000 in ??" in rest for rest in absent), where
        frames = machine.tell("thread apply all backtrace 1").text
        assert len(re.findall("^Thread", frames, re.MULTILINE)) == 4, frames


def test_a_thread_that_is_not_there_can_be_selected(machine: Machine) -> None:
    machine.tell("goto start")
    assert "0x0000000000000000 in ?? ()" in machine.tell("thread 3").text
    assert "<unavailable>" in machine.tell("print $rax").text
    machine.tell(f"break {line_of('/* works */')}")
    assert "Thread 2 " in machine.tell("continue").text
    machine.tell("goto end")
    machine.tell("thread 3")
    assert "Thread 4 " in machine.tell("reverse-continue").text
    machine.tell("delete")
    machine.tell("goto start")
    machine.tell("thread 3")
    # Its first step is its first one.
    machine.tell("stepi")
    assert "runs" in listed(machine)[3][1]


def test_on_the_command_line(reenact: Reenact, trace: Path) -> None:
    lines = reenact.run("ps", "--threads", str(trace)).stdout.decode().splitlines()
    assert [line.split()[1] for line in lines[1:]] == ["1", "2", "3", "4"]
    names = ["the main thread", *NAMES[1:]]
    assert all(line.endswith(name) for line, name in zip(lines[1:], names, strict=True)), lines
    said = json.loads(reenact.run("ps", "--threads", "--json", str(trace)).stdout)
    assert [(one["number"], one["name"]) for one in said["threads"]] == [*enumerate(names, 1)]
    assert [one["end"] is None for one in said["threads"]] == [False] * 4
    # What it is known by in the program itself.
    with package.open(trace).replay() as session:
        known = {}
        session.add_breakpoint(line_of("/* works */"))
        while session.continue_().reason.name == "BREAKPOINT":
            known.update({one.number: one.pthread for one in session.threads})
    assert {one["number"]: one["pthread"] for one in said["threads"]} == known
    assert lines[0].split() == ["PROCESS", "THREAD", "TID", "PTHREAD", "BEGINS", "ENDS", "NAME"]
    assert [int(line.split()[3], 16) for line in lines[1:]] == [known[n] for n in (1, 2, 3, 4)]


def test_processes_and_programs(reenact: Reenact, keeper: Keeper, tmp_path: Path) -> None:
    """A child is called as its parent, then as the file that it executes: of a script as that."""
    script = tmp_path / "a-script-with-a-long-name"
    script.write_text("#!/bin/sh\n(read line < /dev/null; :)\nprintf x > /proc/self/comm\n:\n")
    script.chmod(0o755)
    reenact.record(["sh", "-c", f"{script}; exec cat /dev/null"], keeper.trace())
    ending = reenact.run("ps", "--threads", "--json", str(keeper.trace()))
    assert ending.stderr == b"", ending.describe()
    threads = json.loads(ending.stdout)["threads"]
    assert [one["name"] for one in threads] == ["cat", "x", "a-script-with-a"]


def test_threads_that_have_no_pthread(reenact: Reenact, tmp_path: Path) -> None:
    """Go makes its own, and keeps something else where C libraries keep what `pthread_self` is."""
    go = skips.need_program("go")
    source = tmp_path / "main.go"
    source.write_text('package main\nfunc main() { go println("other"); println("main") }\n')
    subprocess.run([go, "build", "-o", "main", "main.go"], check=True, cwd=tmp_path)
    trace = record(reenact, tmp_path / "trace", tmp_path / "main")
    with package.open(trace).replay() as session:
        session.goto("end")
        session.goto("70%")
        assert [thread.pthread for thread in session.threads if thread.pthread] == []
    with Machine(reenact, trace) as machine:
        machine.tell("goto 70%")
        said = machine.tell("info threads").text
        assert "runs here" in said
        assert "pthread" not in said.replace("pthread_", "")
    said = reenact.run("ps", "--threads", "--json", str(trace)).stdout.decode()
    assert {one["pthread"] for one in json.loads(said)["threads"]} == {None}
