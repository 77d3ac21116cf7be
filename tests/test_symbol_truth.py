"""Values at random positions of programs built in many ways: as gdb has them, or with a reason."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
import skips
from debugger_session import SOURCES, record
from recorded_run import Reenact
from symbol_truth import ask, ask_gdb, compared, questions
from tiers import FULL

import reenact as package

#: Pairs of a position and an expression for each program and build.
COUNT = 160 if FULL else 36


@dataclass(frozen=True)
class Build:
    """How a program is built; `after`: a command that changes it then."""

    name: str
    compiler: str
    options: tuple[str, ...]
    after: tuple[str, ...] = ()


BUILDS = (
    Build("gcc", "gcc", ("-O0",)),
    Build("gcc-O2", "gcc", ("-O2",)),
    Build("gcc-dwarf4", "gcc", ("-O0", "-gdwarf-4")),
    Build("gcc-dwarf3", "gcc", ("-O1", "-gdwarf-3", "-gstrict-dwarf")),
    Build("gcc-split", "gcc", ("-O2", "-gsplit-dwarf")),
    Build("gcc-package", "gcc", ("-O0", "-gsplit-dwarf", "-gdwarf-4"), ("dwp", "-e", "PROGRAM")),
    Build("gcc-types", "gcc", ("-O0", "-fdebug-types-section")),
    Build("gcc-dwz", "gcc", ("-O0", "-gdwarf-4"), ("dwz", "PROGRAM")),
    Build("gcc-lto", "gcc", ("-O2", "-flto")),
    Build("clang", "clang", ("-O0",)),
    Build("clang-O2", "clang", ("-O2", "-gdwarf-4")),
    Build("clang-split", "clang", ("-O0", "-gsplit-dwarf")),
)
EXPRESSIONS = {
    "shapes.c": [
        "counter", "grid", "grid[1]", "grid[1][2]", "words", "words[1]", "*words", "fields",
        "fields.b", "fields.c", "fields.w", "fields.x", "fields.tail", "fields.far", "wide",
        "huge", "is_ready", "first->next->key", "*first", "first->both", "first->low",
        "at->name", "*at", "at->color", "sizeof(struct node)", "counter * 3 + 1", "grid[2][1] << 3",
        "&grid[1]", "fields.flag ? 7 : 9", "-fields.c", "(char)counter", "counter > 10 && is_ready",
        "$pc", "$sp", "$eax", "wide * 2", "sizeof words", "words[0][1]", "'a' + 1",
    ],
    "classes.cc": [
        "store::count", "Box<double>::made", "whole", "*whole", "whole->own", "whole.own", "base",
        "base.second", "right.right", "color", "box", "box.value", "array[1]", "array",
        "first", "first.number", "at->number", "*at", "numbers._M_impl._M_start[1]", "second",
        "whole.left", "whole->left", "whole->second", "found * 2", "sizeof(Both)", "right.first",
    ],
}  # fmt: skip


#: Those that are tried each time.
_QUICK = ("gcc-O2", "gcc-split", "gcc-dwarf4", "gcc-types", "clang-O2")


@pytest.mark.parametrize("source", EXPRESSIONS)
@pytest.mark.parametrize(
    "build",
    [build for build in BUILDS if FULL or build.name in _QUICK],
    ids=lambda build: build.name,
)
def test_values_are_those_of_gdb(
    source: str, build: Build, reenact: Reenact, tmp_path: Path
) -> None:
    compiler = build.compiler
    if source.endswith(".cc"):
        compiler = {"gcc": "g++", "clang": "clang++"}[compiler]
    for needed in (compiler, *build.after[:1]):
        if shutil.which(needed) is None:
            skips.skip(skips.Reason.NO_PROGRAM, needed)
    program = tmp_path / "program"
    command = [compiler, "-g", *build.options, "-o", program, SOURCES / source]
    subprocess.run(command, check=True, cwd=tmp_path)
    if build.after:
        after = [str(program) if word == "PROGRAM" else word for word in build.after]
        subprocess.run(after, check=True, cwd=tmp_path)
    trace = record(reenact, tmp_path / "trace", program)
    with package.open(trace).replay() as session:
        asked = questions(session, source, EXPRESSIONS[source], COUNT, seed=len(build.name))
        ours = ask(session, asked)
    its = ask_gdb(reenact, trace, asked, tmp_path)
    wrong = {question: compared(one, other)
             for question, one, other in zip(asked, ours, its) if compared(one, other)}  # fmt: skip
    assert not wrong, "\n".join(f"{key}: {text}" for key, text in wrong.items())
    # Reasons are told, but not for everything.
    told = sum(not answer.startswith("error: ") for answer in ours)
    could = sum(
        not answer.startswith("error: ") and "optimized out" not in answer for answer in its
    )
    assert told >= could * 0.6
