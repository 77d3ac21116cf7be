"""Traces share the copies of what they mapped, and stay whole whatever becomes of the others."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from guest_build import GuestBuild
from recorded_run import Reenact


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
