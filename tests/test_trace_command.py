"""`reenact trace`: each hit of a place once, with the values the program had there."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from debugger_session import SOURCES, built
from recorded_run import Keeper, Reenact

from reenact.session.positions import Position


def line_of(mark: str) -> int:
    """The number of the line of walk.c with a mark."""
    lines = (SOURCES / "walk.c").read_text().splitlines()
    return next(number for number, line in enumerate(lines, 1) if mark in line)


@pytest.fixture
def walk(reenact: Reenact, keeper: Keeper, tmp_path: Path) -> str:
    """A recording of walk.c."""
    program = built("walk.c", tmp_path)
    reenact.record([str(program)], keeper.trace())
    return str(keeper.trace())


def test_each_call_with_its_argument(reenact: Reenact, walk: str) -> None:
    ending = reenact.run(
        "trace", walk, "--json", "--at", "add", "--print", "times", "--print", "counter + 1"
    )
    assert ending.status == 0
    hits = [json.loads(line) for line in ending.stdout.decode().splitlines()]
    assert [[value["value"] for value in hit["values"]] for hit in hits] == [
        [10, 1],
        [1000, 46],
        [3, 45 + 499500 + 10 + 1],
    ]
    assert {hit["function"] for hit in hits} == {"add"}
    positions = [Position(**hit["position"]) for hit in hits]
    assert positions == sorted(set(positions))


def test_a_line_as_text_and_a_limit(reenact: Reenact, walk: str) -> None:
    line = line_of("/* add one */")
    ending = reenact.run(
        "trace",
        walk,
        "--at",
        f"walk.c:{line}",
        "--print",
        "i",
        "--print",
        "counter",
        "--limit",
        "3",
    )
    assert ending.status == 0
    lines = ending.stdout.decode().splitlines()
    assert len(lines) == 3
    for number, (text, counter) in enumerate(zip(lines, (0, 0, 1), strict=True)):
        assert text.endswith(f"walk.c:{line}  i = {number}  counter = {counter}")
        assert "  add at " in text


def test_every_hit_of_a_line(reenact: Reenact, walk: str) -> None:
    place = f"walk.c:{line_of('/* add one */')}"
    ending = reenact.run("trace", walk, "--csv", "--at", place, "--print", "i")
    assert ending.status == 0
    rows = list(csv.DictReader(io.StringIO(ending.stdout.decode())))
    assert [int(row["i"]) for row in rows] == [*range(10), *range(1000), *range(3)]


def test_a_structure_and_what_has_no_value(reenact: Reenact, walk: str) -> None:
    ending = reenact.run(
        "trace", walk, "--csv", "--at", "square",
        *("--print", "record", "--print", "*nowhere", "--print", "value == counter"),
    )  # fmt: skip
    assert ending.status == 0
    (row,) = csv.DictReader(io.StringIO(ending.stdout.decode()))
    assert row["record"] == '{number = 5, text = ""}'
    assert "cannot be read" in row["*nowhere"]
    assert row["value == counter"] == "1"


def test_a_library_that_is_loaded_later(reenact: Reenact, walk: str) -> None:
    """printf is in the C library, which the dynamic linker maps after the first position."""
    ending = reenact.run("trace", walk, "--json", "--at", "printf", "--print", "$rsi")
    assert ending.status == 0
    hits = [json.loads(line) for line in ending.stdout.decode().splitlines()]
    number = ((45 + 499500 + 10) ** 2 + 2**31) % 2**32 - 2**31
    assert [hit["values"][0]["value"] % 2**32 for hit in hits] == [number % 2**32]


def test_a_place_that_is_never_reached(reenact: Reenact, walk: str) -> None:
    place = f"walk.c:{line_of('/* crashes */')}"
    ending = reenact.run("trace", walk, "--at", place, "--print", "argc")
    assert (ending.status, ending.stdout) == (0, b"")
    assert "never comes to" in ending.stderr.decode()


def test_only_hits_at_which_a_condition_holds(reenact: Reenact, walk: str) -> None:
    place = f"walk.c:{line_of('/* add one */')}"
    words = ("--csv", "--at", place, "--print", "i", "--print", "times")
    ending = reenact.run("trace", walk, *words, "--if", "i == 2 || (times == 1000 && i > 997)")
    assert ending.status == 0
    rows = list(csv.DictReader(io.StringIO(ending.stdout.decode())))
    assert [(row["i"], row["times"]) for row in rows] == [
        ("2", "10"), ("2", "1000"), ("998", "1000"), ("999", "1000"), ("2", "3"),
    ]  # fmt: skip
    ending = reenact.run("trace", walk, *words, "--if", "i > 500", "--limit", "2")
    rows = list(csv.DictReader(io.StringIO(ending.stdout.decode())))
    assert [row["i"] for row in rows] == ["501", "502"]


def test_a_condition_that_never_holds_or_has_no_value(reenact: Reenact, walk: str) -> None:
    ending = reenact.run("trace", walk, "--at", "add", "--if", "times < 0")
    assert (ending.status, ending.stdout) == (0, b"")
    assert ending.stderr.decode() == "the process never comes to add with this condition\n"
    ending = reenact.run("trace", walk, "--at", "square", "--if", "*nowhere == 1")
    assert (ending.status, ending.stdout) == (0, b"")
    assert "the condition has no value at 1 hit, which do not count" in ending.stderr.decode()
    assert "cannot be read" in ending.stderr.decode()


def test_what_no_hit_can_have_is_an_error_before_the_pass(reenact: Reenact, walk: str) -> None:
    for option in ("--print", "--if"):
        for expression, message in (
            ("missing", "at add: no variable missing can be seen here"),
            ("times > 5 || missing > 5", "no variable missing"),
            ("record.nothing", "has no member nothing"),
            ("times.member", "has no members"),
            ("$raxx", "there is no register raxx"),
            ("times /", "is not an expression"),
            ("(times", "is not an expression"),
            ("times = 5", "a recording cannot be changed"),
        ):
            ending = reenact.run("trace", walk, "--at", "add", option, expression)
            assert (ending.status, ending.stdout) == (125, b""), expression
            assert message in ending.stderr.decode().splitlines()[0]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--at", "no_such_function"], "no function is named no_such_function"),
        (["--at", "nowhere.c:3"], "no debug information names a file nowhere.c"),
        (["--at", "walk.c:100000"], "has no code at line 100000"),
        (["--at", "add", "-p", "7"], "no process 7"),
        (["--at", "add", "--limit", "0"], "at least 1"),
        (["--at", "add", "--json", "--csv"], "not allowed with"),
        ([], "--at"),
    ],
)
def test_what_cannot_be_traced(reenact: Reenact, walk: str, words: list[str], message: str) -> None:
    ending = reenact.run("trace", walk, *words)
    assert (ending.status, ending.stdout) == (125, b"")
    assert message in ending.stderr.decode().splitlines()[0]
    assert "Traceback" not in ending.stderr.decode()
