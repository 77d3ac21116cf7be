"""Traces share the copies of what they mapped, and stay whole whatever becomes of the others."""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path

import pytest
from guest_build import GuestBuild
from recorded_run import Reenact

import reenact as package


@pytest.fixture
def recorded(reenact: Reenact, tmp_path: Path):
    """Record a program in a trace of that name, with a cache of our own; the trace."""
    variables = {"XDG_CACHE_HOME": str(tmp_path / "cache")}

    def record(name: str, program: str = "true") -> Path:
        ending = reenact.record([program], tmp_path / name, variables=variables)
        assert ending.status == 0, ending.describe()
        assert reenact.verify(tmp_path / name)["divergences"] == []
        return tmp_path / name

    return record


def kept(trace: Path) -> dict[str, tuple[dict, os.stat_result]]:
    """What the trace says of each file it keeps, and the file's status, by the original's path."""
    lines = (trace / "files.jsonl").read_text().splitlines()
    files = [json.loads(line) for line in lines]
    return {file["path"]: (file, (trace / "files" / str(file["id"])).stat()) for file in files}


def test_the_second_recording_has_the_copies_of_the_first(recorded) -> None:
    first, second = kept(recorded("first")), kept(recorded("second"))
    assert first.keys() == second.keys()
    program = os.path.realpath(shutil.which("true"))
    for path, (file, status) in second.items():
        assert file["checksum"] == first[path][0]["checksum"], path
        assert status.st_mode & 0o222 == 0, path
    assert second[program][1].st_ino == first[program][1].st_ino
    assert second[program][1].st_ino != os.stat(program).st_ino


def test_traces_do_not_need_the_cache_nor_one_another(reenact: Reenact, recorded, tmp_path) -> None:
    recorded("first")
    second = recorded("second")
    shutil.rmtree(tmp_path / "first")
    shutil.rmtree(tmp_path / "cache")
    assert reenact.verify(second)["divergences"] == []
    recorded("third")


def test_what_the_program_writes_is_not_shared(
    reenact: Reenact, guests: GuestBuild, tmp_path: Path
) -> None:
    """Time stamps of what has just changed could be those of another content too."""
    program = tmp_path / "program"
    script = f"cp {guests.build('hello.c', 'hello')} {program}; {program}; exit 0"
    variables = {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    ending = reenact.record(["sh", "-c", script], tmp_path / "trace", variables=variables)
    assert ending.status == 0, ending.describe()
    files = kept(tmp_path / "trace")
    shared = {entry.stat().st_ino for entry in (tmp_path / "cache/reenact/files").iterdir()}
    assert files[os.path.realpath(shutil.which("sh"))][1].st_ino in shared
    assert files[str(program)][1].st_ino not in shared


def taken(folder: Path) -> int:
    """Bytes of the copies of a cache that no trace has."""
    found = [path.lstat() for path in (folder / "reenact" / "files").iterdir() if not path.suffix]
    return sum(status.st_size for status in found if status.st_nlink == 1)


def test_the_cache_does_not_grow_past_its_limit(recorded, tmp_path: Path) -> None:
    """1 GiB of copies that no trace has; the longest unused go first, and those of traces stay."""
    trace = recorded("first")
    shared = {status.st_ino for _, status in kept(trace).values() if status.st_nlink > 1}
    assert shared
    files = tmp_path / "cache" / "reenact" / "files"
    for number in range(5):
        # A hole takes no room of the disk, and counts all the same.
        with open(files / f"{number:016x}-{number}", "wb") as file:
            file.truncate(300 << 20)
        (files / f"{number:016x}-{number}.sum").write_text("0\n")
        time.sleep(0.01)
    assert taken(tmp_path / "cache") > 1 << 30
    # The next recording with something new tidies up.
    recorded("second", "env")
    assert 0 < taken(tmp_path / "cache") <= 1 << 30
    names = {path.name for path in files.iterdir()}
    assert {f"{number:016x}-{number}" in names for number in (0, 1)} == {False}
    assert {f"{number:016x}-{number}" in names for number in (3, 4)} == {True}
    assert not any(f"{number:016x}-{number}.sum" in names for number in (0, 1))
    assert shared <= {path.stat().st_ino for path in files.iterdir()}
    assert sorted(recorded("third").iterdir())


def test_a_session_needs_nothing_of_the_cache(reenact: Reenact, recorded, tmp_path: Path) -> None:
    """It is cleared while a session and gdb use it, and its traces replay on."""
    trace = recorded("first")
    with package.open(trace).replay() as session:
        session.goto("50%")
        ending = reenact.run("cache", "--clear", variables={"XDG_CACHE_HOME": f"{tmp_path}/cache"})
        assert ending.status == 0, ending.describe()
        session.goto("end")
        assert session.goto("start").reason.name == "START"
        assert session.frames()
    assert reenact.verify(trace)["divergences"] == []
    assert kept(recorded("second"))
