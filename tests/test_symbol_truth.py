"""Values at random positions of programs built in many ways: as gdb has them, or with a reason."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
import truth_builds
from debugger_session import record
from recorded_run import Reenact
from symbol_truth import Verdict, ask, ask_gdb, compared
from tiers import FULL
from truth_builds import Build, Program
from truth_questions import questions

import reenact as package

#: Pairs of a position and an expression for each program and build: 25 in 8 builds of 10 programs.
COUNT = 25 if FULL else 16

#: What each program is built as when not everything is tried.
_QUICK = {
    "shapes": "gcc-O2-dwarf4", "ledger": "clang-split", "numbers": "gcc", "kernel": "gcc-split",
    "search": "gcc-O2", "classes": "gcc-package", "market": "gcc-types", "family": "clang-O2",
    "machine": "gcc", "engine": "gcc",
}  # fmt: skip
#: What rustc knows of the ways to build.
_OF_RUST = ("gcc", "gcc-O2", "gcc-split", "gcc-dwz", "gcc-lto")


def _cases() -> list[tuple[Program, Build]]:
    builds = (*truth_builds.BUILDS, *truth_builds.RARE)
    return [
        (program, build)
        for program in truth_builds.PROGRAMS
        for build in builds
        if (FULL or build.name == _QUICK[program.name])
        and (program.compiler != ".rs" or build.name in _OF_RUST)
    ]


@pytest.mark.parametrize(("program", "build"), _cases(), ids=lambda one: one.name)
def test_values_are_those_of_gdb(
    program: Program, build: Build, reenact: Reenact, tmp_path: Path
) -> None:
    executable = truth_builds.compiled(program, build, tmp_path)
    trace = record(reenact, tmp_path / "trace", executable)
    with package.open(trace).replay() as session:
        asked = questions(session, program, COUNT, seed=len(build.name))
        ours = ask(session, asked)
    its = ask_gdb(reenact, trace, asked, tmp_path, program.language)
    found = [
        (
            question,
            *compared(
                question[2],
                one,
                other,
                is_rust=program.compiler == ".rs",
                hides_places=build.hides_places,
            ),
        )
        for question, one, other in zip(asked, ours, its)
    ]
    wrong = [f"{question}: {text}" for question, verdict, text in found if verdict is Verdict.WRONG]
    assert not wrong, "\n".join(wrong)
    # Reasons are told, but not for everything.
    count = Counter(verdict for _, verdict, _ in found)
    assert count[Verdict.SAME] > 2 * count[Verdict.REASON], found
