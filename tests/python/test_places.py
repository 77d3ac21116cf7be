"""Where traces live."""

import os
import shlex
from types import SimpleNamespace

import pytest
from made_traces import write_trace

from reenact import places
from reenact.errors import RecordingError, ReenactError, TraceError


def test_home_by_environment(monkeypatch, home, tmp_path):
    assert places.home() == str(home)
    monkeypatch.delenv("REENACT_TRACE_DIR")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert places.home() == str(tmp_path / "reenact")
    monkeypatch.setenv("XDG_DATA_HOME", "relative")
    monkeypatch.setenv("HOME", "/home/somebody")
    assert places.home() == "/home/somebody/.local/share/reenact"


def test_names_count_up_and_are_private(home):
    first = places.create_default("/usr/bin/ls")
    assert first == str(home / "ls-1")
    assert os.stat(first).st_mode & 0o777 == 0o700
    (home / "ls-7").mkdir()
    (home / "ls-x").mkdir()
    (home / "other-ls-9").mkdir()
    assert places.create_default("ls") == str(home / "ls-8")


def test_given_place(tmp_path):
    assert places.create_given(str(tmp_path / "t")) == str(tmp_path / "t")
    assert places.create_given(str(tmp_path / "t")) == str(tmp_path / "t")
    (tmp_path / "t" / "x").touch()
    with pytest.raises(RecordingError, match="not empty"):
        places.create_given(str(tmp_path / "t"))
    with pytest.raises(RecordingError, match="not a directory"):
        places.create_given(str(tmp_path / "t" / "x"))
    with pytest.raises(RecordingError, match="No such file"):
        places.create_given(str(tmp_path / "no" / "t"))


def test_a_hint_is_one_command(tmp_path):
    """What a person copies into a shell names this one directory, whatever it is called."""
    given = tmp_path / "a b; touch c"
    given.mkdir()
    (given / "x").touch()
    with pytest.raises(RecordingError) as raised:
        places.create_given(str(given))
    command = raised.value.hint.partition("remove it: ")[2]
    assert shlex.split(command) == ["reenact", "rm", str(given)]


def test_unwritable_home(monkeypatch):
    monkeypatch.setenv("REENACT_TRACE_DIR", "/proc/nowhere")
    with pytest.raises(RecordingError, match="cannot make a trace directory"):
        places.create_default("ls")


def test_latest_follows(home):
    first, second = write_trace(home / "a-1"), write_trace(home / "b-1")
    places.point_latest(str(first))
    places.point_latest(str(second))
    assert os.readlink(home / "latest") == "b-1"
    assert places.locate(None) == str(second)
    assert sorted(os.listdir(home)) == ["a-1", "b-1", "latest"]


def test_locate(home, trace, monkeypatch, tmp_path):
    assert places.locate("ls-1") == str(trace)
    assert places.locate("latest") == str(trace)
    assert places.locate(str(trace)) == str(trace)
    monkeypatch.chdir(tmp_path)
    assert places.locate("traces/ls-1") == str(trace)
    with pytest.raises(TraceError, match="there is no trace"):
        places.locate("../ls-1")


def test_held_while_recording(trace):
    assert not places.is_being_recorded(str(trace))
    held = places.hold(str(trace))
    assert places.is_being_recorded(str(trace))
    os.close(held)
    assert not places.is_being_recorded(str(trace))


def test_a_home_that_is_empty_is_none(monkeypatch, tmp_path):
    for name in ("REENACT_TRACE_DIR", "XDG_DATA_HOME"):
        monkeypatch.setenv(name, "")
    entry = SimpleNamespace(pw_dir=str(tmp_path))
    monkeypatch.setattr("pwd.getpwuid", lambda _: entry)
    for unusable in ("", "relative"):
        monkeypatch.setenv("HOME", unusable)
        assert places.home() == str(tmp_path / ".local/share/reenact")
    monkeypatch.setenv("REENACT_TRACE_DIR", "~/traces")
    assert places.home() == str(tmp_path / "traces")
    entry.pw_dir = ""
    with pytest.raises(ReenactError, match="no home directory"):
        places.home()


@pytest.mark.parametrize(
    ("owner", "around", "mode", "is_followed"),
    [
        (1000, 1000, 0o755, True),  # as root in a user's own directory
        (1000, 1000, 0o777, False),
        (1000, 0, 0o1777, False),
        (0, 1000, 0o1777, True),
        (None, 0, 0o1777, True),
    ],
)
def test_a_latest_that_another_user_has_planted(
    monkeypatch, home, trace, owner, around, mode, is_followed
):
    (home / "latest").unlink()
    places.point_latest(str(trace))
    owner = os.geteuid() if owner is None else owner
    status, link_status = os.stat, os.lstat

    def lstat(path, **options):
        found = link_status(path, **options)
        if path == str(home / "latest"):
            return SimpleNamespace(st_uid=owner, st_mode=found.st_mode)
        return found

    def stat(path, **options):
        if path == str(home):
            return SimpleNamespace(st_uid=around, st_mode=0o40000 | mode)
        return status(path, **options)

    monkeypatch.setattr(os, "lstat", lstat)
    monkeypatch.setattr(os, "stat", stat)
    monkeypatch.setattr(os, "geteuid", lambda: 0 if owner != os.getuid() else owner)
    if is_followed:
        assert places.locate(None) == str(trace)
    else:
        with pytest.raises(TraceError, match="another user's"):
            places.locate(None)
