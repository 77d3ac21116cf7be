"""`record --paranoid`: what was replaced in the program's code, and what was executed."""

from __future__ import annotations

import re

from guest_build import GuestBuild
from recorded_run import Keeper, Reenact

import reenact as api
from reenact.replaced_code import Place, ReplacedCode, replaced_code

_SUMMARY = re.compile(rb"reenact: (\d+) of (\d+) breakpoints and (\d+) of (\d+) jumps ")


def test_paranoid_names_what_was_not_executed(
    reenact: Reenact, guests: GuestBuild, keeper: Keeper, tmp_path
) -> None:
    """A program that makes the same calls again and again; the dynamic linker's ways not taken."""
    program = str(guests.build("code_patched.c", "code_patched"))
    trace = str(keeper.trace())
    told = reenact.run("record", "--paranoid", "-o", trace, "--", program, directory=tmp_path)
    assert told.status == 0, told.describe()
    summary = _SUMMARY.search(told.stderr)
    assert summary, told.describe()
    executed, breakpoints, taken, jumps = map(int, summary.groups())
    assert 0 < executed < breakpoints
    assert 0 < taken <= jumps
    assert b"breakpoints never executed in " in told.stderr


def test_tables_are_not_replaced(
    reenact: Reenact, guests: GuestBuild, keeper: Keeper, tmp_path
) -> None:
    """Nothing of a program that is full of tables which look like code."""
    program = str(guests.build("code_tables.s", "code_tables"))
    trace = str(keeper.trace())
    told = reenact.run("record", "-o", trace, "--", program, directory=tmp_path)
    assert told.status == 0, told.describe()
    code = replaced_code(api.open(trace))
    assert code.breakpoints
    assert not [place for place in code.breakpoints | code.jumps if place.file == program]


def test_children_execute_what_their_parents_mapped(
    reenact: Reenact, guests: GuestBuild, keeper: Keeper, tmp_path
) -> None:
    """Breakpoints are known in forked processes, and each that was hit was placed."""
    program = str(guests.build("fork.c", "fork"))
    trace = str(keeper.trace())
    told = reenact.run("record", "-o", trace, "--", program, directory=tmp_path)
    assert told.status == 0, told.describe()
    opened = api.open(trace)
    code = replaced_code(opened)
    hits = {
        event.ip
        for process in opened.processes
        for event in opened.events(process.number, kinds=("instruction",))
    }
    assert len(opened.processes) > 1
    assert len(code.executed) == len(hits)


def test_lines_are_grouped_by_file() -> None:
    """A summary, then a line for each file, in order."""
    places = {Place("/b", 0x20), Place("/b", 0x10), Place("/a", 1)}
    code = ReplacedCode(breakpoints=places, executed={Place("/a", 1)}, jumps={Place("", 0x7000)})
    assert list(code.lines()) == [
        "1 of 3 breakpoints and 0 of 1 jumps in the program's code were executed",
        "breakpoints never executed in /b: 0x10, 0x20",
        "jumps never executed in no file: 0x7000",
    ]
