"""`reenact mv` and `reenact gc`: traces get other names, and old ones go."""

from __future__ import annotations

import os
import time

import pytest
from made_traces import write_log, write_trace

from reenact import places
from reenact.session.bookmarks import BY_TESTS, Bookmarks
from reenact.session.positions import Position


@pytest.fixture
def traces(home):
    """Five traces, a day apart, the oldest first; each takes 1 MiB and a little."""
    for number in range(5):
        path = write_trace(home / f"ls-{number}")
        write_log(path, {0: 9})
        (path / "files").mkdir()
        (path / "files" / "0").write_bytes(bytes(1 << 20))
        moment = time.time() - (5 - number) * 86400
        os.utime(path / "manifest.json", (moment, moment))
    (home / "latest").symlink_to("ls-4")
    return home


def names(home):
    return sorted(path.name for path in home.iterdir() if path.name != "latest")


@pytest.mark.parametrize(
    ("words", "left"),
    [
        (["--keep", "2"], ["ls-3", "ls-4"]),
        (["--keep", "0"], []),
        (["--keep", "9"], [f"ls-{number}" for number in range(5)]),
        (["--max-size", "3.5M"], ["ls-2", "ls-3", "ls-4"]),
        (["--older-than", "60h"], ["ls-3", "ls-4"]),
        (["--older-than", "4.5d", "--keep", "3"], ["ls-2", "ls-3", "ls-4"]),
        (["--keep", "0", "--dry-run"], [f"ls-{number}" for number in range(5)]),
    ],
)
def test_limits(run, traces, words, left):
    status, out, _ = run("gc", *words)
    assert status == 0
    assert "remove" in out
    assert names(traces) == left
    assert (traces / "latest").exists() == bool(left)


def test_what_stays(run, traces):
    """What somebody has set bookmarks in, or cannot be read, and what is being recorded."""
    Bookmarks(str(traces / "ls-0")).add("mine", Position(0, 2))
    Bookmarks(str(traces / "ls-2")).add("failed", Position(0, 2), BY_TESTS)
    (traces / "ls-3" / "bookmarks.json").write_text("{}")
    held = places.hold(str(traces / "ls-1"))
    assert run("gc", "--keep", "1")[0] == 0
    os.close(held)
    assert names(traces) == ["ls-0", "ls-1", "ls-3", "ls-4"]


def test_what_is_no_trace_stays(run, traces):
    (traces / "precious").mkdir()
    assert run("gc", "--keep", "0")[0] == 0
    assert names(traces) == ["precious"]


def test_no_limit(run, traces):
    for words in ([], ["--keep", "x"], ["--max-size", "-1"], ["--older-than", "old"]):
        status, _, err = run("gc", *words)
        assert (status, "hint" in err) == (125, True)
    assert len(names(traces)) == 5


def test_other_names(run, traces, tmp_path):
    assert run("mv", "latest", "deadlock") == (0, "", "")
    assert run("ps", "deadlock")[0] == 0
    assert os.readlink(traces / "latest") == "deadlock"
    (tmp_path / "elsewhere").mkdir()
    assert run("mv", "ls-0", str(tmp_path / "elsewhere"))[0] == 0
    assert run("mv", str(tmp_path / "elsewhere" / "ls-0"), str(tmp_path / "x"))[0] == 0
    assert places.is_trace(str(tmp_path / "x"))
    assert names(traces) == ["deadlock", "ls-1", "ls-2", "ls-3"]


def test_to_another_file_system(run, traces, tmp_path, monkeypatch):
    rename = os.rename

    def refused(source, target):
        if os.path.basename(source) == "ls-1":
            raise OSError(18, "Invalid cross-device link")
        rename(source, target)

    monkeypatch.setattr("os.rename", refused)
    assert run("mv", "ls-1", str(tmp_path / "moved"))[0] == 0
    assert (tmp_path / "moved" / "files" / "0").stat().st_size == 1 << 20
    assert "ls-1" not in names(traces)
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_refusals(run, traces, tmp_path):
    (tmp_path / "precious").mkdir()
    held = places.hold(str(traces / "ls-3"))
    for words in (["nothing", "x"], ["ls-1", "ls-2"], ["ls-1", "latest"], ["ls-1", ""],
                  ["ls-1", str(tmp_path / "not" / "there")], [str(tmp_path / "precious"), "x"],
                  ["ls-3", "x"]):  # fmt: skip
        status, _, err = run("mv", *words)
        assert status == 125, words
        assert err.startswith("reenact: ")
        assert "a bug" not in err
    os.close(held)
    assert len(names(traces)) == 5
