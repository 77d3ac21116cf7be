"""What is put in place of a trace's files neither hangs, nor leads away, nor fills memory."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from recorded_run import Ending, Reenact

#: Seconds that any command may take on what is planted.
PATIENCE = 60
FILES = ["manifest.json", "events", "files.jsonl", "files/0", "landings", "files"]


def link_away(path: Path) -> None:
    shutil.move(path, path.parent.parent / "victim")
    path.symlink_to(path.parent.parent / "victim")


def endless_link(path: Path) -> None:
    _remove(path)
    path.symlink_to("/dev/zero")


def fifo(path: Path) -> None:
    _remove(path)
    os.mkfifo(path)


def sparse(path: Path) -> None:
    if path.is_dir():
        _remove(path)
    with path.open("ab") as file:
        file.truncate(8 << 40)


def directory(path: Path) -> None:
    _remove(path)
    path.mkdir()


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()


@pytest.fixture(scope="module")
def recorded(reenact: Reenact, tmp_path_factory) -> Path:
    """A trace of a small program."""
    place = tmp_path_factory.mktemp("planted") / "trace"
    ending = reenact.record(["true"], place)
    assert ending.status == 0, ending.describe()
    return place


def clean(ending: Ending) -> None:
    """Any verdict, but told as a sentence."""
    assert ending.status in (0, 1, 125), ending.describe()
    assert b"Traceback" not in ending.stderr, ending.describe()
    assert b"has a bug" not in ending.stderr, ending.describe()


@pytest.mark.parametrize("plant", [link_away, endless_link, fifo, sparse, directory])
@pytest.mark.parametrize("name", FILES)
def test_planted(reenact: Reenact, recorded: Path, tmp_path: Path, name: str, plant) -> None:
    """Each file of a trace replaced, and every command that reads traces."""
    trace = tmp_path / "trace"
    shutil.copytree(recorded, trace)
    plant(trace / name)
    for command in (["info"], ["dump"], ["ps"], ["verify"], ["bookmark"], ["rm"]):
        clean(reenact.run(command[0], str(trace), *command[1:], timeout=PATIENCE))
