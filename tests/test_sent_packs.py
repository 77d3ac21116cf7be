"""Packs of real recordings: what was recorded is replayed from the one file alone."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest
import skips
from debugger_session import need_gdb
from guest_build import GuestBuild
from recorded_run import Keeper, Reenact, run

import reenact as package

PROGRAMS = {
    "python": [sys.executable, "-c", "import json; print(json.dumps(list(range(9))))"],
    "shell": ["sh", "-c", "for i in 1 2 3; do echo $i | tr 1-3 a-c; done"],
    "node": ["node", "-e", "console.log([1, 2, 3].map(x => x * 7))"],
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_moved(name: str, reenact: Reenact, keeper: Keeper, tmp_path: Path) -> None:
    """By both engines; the trace is gone, and so is what was unpacked before."""
    command = PROGRAMS[name]
    if shutil.which(command[0]) is None:
        skips.skip(skips.Reason.NO_PROGRAM, command[0])
    trace, pack = keeper.trace(), tmp_path / "one.reenact"
    recorded = reenact.record(command, trace, timeout=120)
    assert reenact.run("pack", str(trace), "-o", str(pack)).status == 0
    shutil.rmtree(trace)
    there = Reenact(reenact.command, {**reenact.variables, "XDG_CACHE_HOME": str(tmp_path)})
    for way in ([], ["--translated"]):
        assert not there.verify(pack, *way)["divergences"]
    assert there.run("verify", "--output", str(pack)).stdout == recorded.stdout
    assert [path.name for path in (tmp_path / "reenact/packs").iterdir()] != []


def test_other_tools_read_it(reenact: Reenact, keeper: Keeper, tmp_path: Path) -> None:
    for needed in ("tar", "zstd"):
        skips.need_program(needed)
    trace, pack = keeper.trace(), tmp_path / "one.reenact"
    reenact.record(["true"], trace)
    assert reenact.run("pack", str(trace), "-o", str(pack)).status == 0
    assert run(["zstd", "-q", "-t", str(pack)]).status in (0, 1)
    ending = run(["tar", "--zstd", "-xf", str(pack)], directory=tmp_path)
    assert ending.status == 0, ending.describe()
    assert (tmp_path / "events").read_bytes() == (trace / "events").read_bytes()
    kept = {path.name: path.read_bytes() for path in (trace / "files").iterdir()}
    assert {path.name: path.read_bytes() for path in (tmp_path / "files").iterdir()} == kept


def test_in_gdb(guests: GuestBuild, reenact: Reenact, keeper: Keeper, tmp_path: Path) -> None:
    """The program and its sources are in it."""
    need_gdb()
    source = tmp_path / "sums.c"
    source.write_text("int sum;\nint main(void)\n{\n    sum = 6;\n    return sum - 6;\n}\n")
    program, trace, pack = tmp_path / "sums", keeper.trace(), tmp_path / "one.reenact"
    assert run(["cc", "-g", "-o", str(program), str(source)]).status == 0
    reenact.record([str(program)], trace)
    assert reenact.run("pack", str(trace), "-o", str(pack)).status == 0
    for path in (source, program):
        path.unlink()
    shutil.rmtree(trace)
    there = Reenact(reenact.command, {**reenact.variables, "XDG_CACHE_HOME": str(tmp_path)})
    words = ["-nx", "-batch", "-ex", "goto end", "-ex", "last sum"]
    said = there.run("replay", str(pack), "--", *words).stdout
    assert b"sum = 6;" in said
    assert b"0 -> 6" in said


def test_in_python(reenact: Reenact, keeper: Keeper, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    trace, pack = keeper.trace(), tmp_path / "one.reenact"
    reenact.record(["true"], trace)
    assert reenact.run("pack", str(trace), "-o", str(pack)).status == 0
    with package.open(pack).replay() as session:
        session.goto("end")
        assert session.position.event == package.open(trace).processes[0].events - 1
