"""Bookmarks: kept with the trace, whole whatever happens, and told clearly where they cannot be."""

from __future__ import annotations

import json
import multiprocessing
import os

import pytest

from reenact.errors import ReenactError, TraceError, UsageError
from reenact.session.bookmarks import FILE, Bookmarks
from reenact.session.positions import Position
from reenact.trace_files import TraceFiles


def test_they_are_kept_in_order_of_positions(trace):
    marks = Bookmarks(str(trace))
    assert list(marks) == []
    marks.add("late", Position(0, 9, 3), "the crash: «why»?")
    marks.add("early", Position(0, 2))
    again = Bookmarks(str(trace))
    assert [mark.name for mark in again] == ["early", "late"]
    assert again["late"].position == Position(0, 9, 3)
    assert again["late"].note == "the crash: «why»?"
    assert "early" in again
    assert len(again) == 2
    with pytest.raises(UsageError, match="already, at 0:9\\+3"):
        again.add("late", Position(0, 1))
    again.add("late", Position(0, 1), replace=True)
    assert [mark.name for mark in marks] == ["late", "early"]
    marks.remove("late")
    assert [mark.name for mark in again] == ["early"]
    assert os.stat(trace / FILE).st_mode & 0o077 == 0


@pytest.mark.parametrize("name", ["", "a b", "@x", "x@y", ":x", "5%\n", "+1", "%"])
def test_names_that_could_be_places_are_refused(trace, name):
    with pytest.raises(UsageError, match="no name for a bookmark"):
        Bookmarks(str(trace)).add(name, Position(0, 1))
    assert not (trace / FILE).exists()


def test_what_is_not_there(trace):
    marks = Bookmarks(str(trace))
    with pytest.raises(UsageError, match="no bookmark 'x'") as raised:
        marks.remove("x")
    assert "none at all" in raised.value.hint
    marks.add("y", Position(0, 1))
    with pytest.raises(UsageError, match="no bookmark 'x'") as raised:
        _ = marks["x"]
    assert "y" in raised.value.hint
    with pytest.raises(UsageError, match="characters"):
        marks.add("z", Position(0, 1), "x" * 10_001)


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "[]",
        "7",
        '{"version": 1}',
        '{"version": 1, "bookmarks": [{}]}',
        '{"version": 1, "bookmarks": [{"name": "a", "position": "x", "note": "", "created": 1}]}',
        "\udcff",
        "[" * 100_000,
    ],
)
def test_damage_is_told_and_nothing_is_written_over_it(trace, content):
    path = trace / FILE
    path.write_bytes(content.encode("utf-8", "surrogateescape"))
    for attempt in (list, len, lambda marks: marks.add("a", Position(0, 1))):
        with pytest.raises(TraceError, match="damaged"):
            attempt(Bookmarks(str(trace)))
    assert path.read_bytes() == content.encode("utf-8", "surrogateescape")


def test_a_newer_version_is_left_alone(trace):
    (trace / FILE).write_text(json.dumps({"version": 2, "bookmarks": []}))
    with pytest.raises(TraceError, match="newer"):
        Bookmarks(str(trace)).add("a", Position(0, 1))


def test_a_trace_that_cannot_be_written_to(trace, monkeypatch):
    marks = Bookmarks(str(trace))
    marks.add("kept", Position(0, 1))

    def refuse(*_arguments):
        raise ReenactError("cannot write bookmarks.json: Permission denied")

    # As an ordinary user finds it; root may write anywhere.
    monkeypatch.setattr(TraceFiles, "replace", refuse)
    with pytest.raises(ReenactError, match=r"cannot be kept in .*Permission denied"):
        marks.add("new", Position(0, 2))
    assert [mark.name for mark in marks] == ["kept"]
    assert not list(trace.glob(f"{FILE}.*"))
    monkeypatch.undo()
    with pytest.raises(ReenactError, match="cannot be kept"):
        Bookmarks(str(trace / "nowhere")).add("new", Position(0, 2))


def add_ten(path: str, first: int) -> None:
    for number in range(first, first + 10):
        Bookmarks(path).add(f"mark{number}", Position(0, number))


def test_many_add_at_one_moment(trace):
    context = multiprocessing.get_context("spawn")
    adders = [context.Process(target=add_ten, args=(str(trace), n * 10)) for n in range(3)]
    for adder in adders:
        adder.start()
    for adder in adders:
        adder.join()
    assert len(Bookmarks(str(trace))) == 30


def test_the_command_lists_and_removes(run, trace):
    Bookmarks(str(trace)).add("here", Position(0, 1, 2), "a note")
    status, out, _ = run("bookmark", str(trace))
    assert (status, out.splitlines()[1].split()) == (0, ["here", "0:1+2", "a", "note"])
    status, out, _ = run("bookmark", str(trace), "--json")
    (mark,) = json.loads(out)["bookmarks"]
    assert (mark["name"], mark["position"], mark["note"]) == ("here", "0:1+2", "a note")
    assert run("bookmark", str(trace), "--remove", "here")[0] == 0
    status, out, _ = run("bookmark", str(trace))
    assert out.startswith("no bookmarks yet")
    for words, message in (
        (["--remove", "here"], "no bookmark 'here'"),
        (["--add", "x"], "--add wants to know which position"),
        (["--note", "x"], "belong to --add"),
        (["--add", "x", "--remove", "y"], "not allowed with"),
    ):
        status, _, err = run("bookmark", str(trace), *words)
        assert status == 125
        assert message in err
