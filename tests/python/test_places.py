"""Where traces live."""

import os

import pytest
from made_traces import write_trace

from reenact import places
from reenact.errors import RecordingError, TraceError


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
