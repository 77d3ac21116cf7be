"""`reenact cache`: what is kept for later recordings, shown and cleared."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache with a copy that a trace has, and one that none has."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    files = tmp_path / "cache" / "reenact" / "files"
    files.mkdir(parents=True)
    for name in ("aa-1", "bb-2"):
        (files / name).write_bytes(bytes(8192))
        (files / f"{name}.sum").write_text("0\n")
    os.link(files / "aa-1", tmp_path / "in-a-trace")
    return files.parent


def test_it_is_shown(run, cache: Path) -> None:
    status, out, _ = run("cache")
    assert status == 0
    assert "copies of programs and libraries" in out
    assert str(cache) in out
    (part,) = json.loads(run("cache", "--json")[1])["parts"]
    assert (part["part"], part["files"]) == ("files", 4)
    assert 0 < part["unused_bytes"] < part["bytes"]


def test_it_is_cleared(run, cache: Path, tmp_path: Path) -> None:
    status, out, _ = run("cache", "--clear")
    assert (status, out) == (0, f"nothing is kept in {cache}\n")
    assert list((cache / "files").iterdir()) == []
    assert (tmp_path / "in-a-trace").stat().st_size == 8192
    (cache / "files").rmdir()
    assert run("cache")[0] == 0


def test_what_no_trace_has_is_removed(run, cache: Path) -> None:
    assert run("cache", "--unused")[0] == 0
    assert sorted(path.name for path in (cache / "files").iterdir()) == ["aa-1", "aa-1.sum"]


def test_a_cache_that_cannot_be_read(run, cache: Path) -> None:
    for path in (cache / "files").iterdir():
        path.unlink()
    (cache / "files").rmdir()
    (cache / "files").write_text("no directory")
    status, out, err = run("cache")
    assert status == 125
    assert out == ""
    assert "cannot read" in err


def test_every_part_is_shown_and_cleared(run, cache: Path) -> None:
    """What this version knows, and what another one has left."""
    for name in ("sites", "right", "debug", "of-old"):
        (cache / name / "deep").mkdir(parents=True)
        (cache / name / "deep" / "one").write_bytes(bytes(5000))
    out = run("cache")[1]
    assert "checksums that were right" in out
    assert "of-old (of another version)" in out
    parts = {part["part"] for part in json.loads(run("cache", "--json")[1])["parts"]}
    assert parts == {"files", "sites", "right", "debug", "of-old"}
    assert run("cache", "--clear")[1] == f"nothing is kept in {cache}\n"
    assert [path for path in cache.rglob("*") if path.is_file()] == []
