"""`reenact pdb`: commands on a recorded Python program, from a failure to the line to blame."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from debugger_session import record
from python_interpreters import need_interpreter
from recorded_run import Reenact

_SERIES = ("3.11", "3.13")

#: A list that all calls share, because it is a default.
_SHARED_DEFAULT = """\
def collect(item, into=[]):
    into.append(item)
    return into

def check(orders):
    for customer, items in orders:
        got = collect(customer)
        if len(got) != 1:
            raise AssertionError(f"{customer} got {got}")

check([("ann", 1), ("bob", 2)])
"""

#: A wrong element of a dict, found after many other writes.
_WRONG_ELEMENT = """\
prices = {}

def load():
    for number in range(500):
        prices[f"item{number}"] = number

def discount(name):
    prices[name] = None

def total():
    return sum(price for price in prices.values() if price >= 0)

load()
discount("item77")
for number in range(500, 20_000):
    prices[f"item{number}"] = number
total()
"""


def _run(
    reenact: Reenact, folder: Path, series: str, source: str, *commands: str, at: str = ""
) -> str:
    program = folder / "app.py"
    program.write_text(source)
    trace = folder / "trace"
    if not trace.exists():
        record(reenact, trace, need_interpreter(series), program)
    options = [word for command in commands for word in ("-c", command)]
    options += ["--at", at] if at else []
    done = subprocess.run(
        [*reenact.command, "pdb", str(trace), *options],
        check=True,
        timeout=120,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert "Traceback" not in done.stderr
    return done.stdout


@pytest.fixture(params=_SERIES)
def series(request: pytest.FixtureRequest) -> str:
    """A release series."""
    return request.param


def test_from_a_shared_default_to_its_first_append(
    reenact: Reenact, tmp_path: Path, series: str
) -> None:
    said = _run(
        reenact, tmp_path, series, _SHARED_DEFAULT,
        "p got", "p len(got)", "last got[0]", "when", "w", "q",
    )  # fmt: skip
    assert f"ended by AssertionError at {tmp_path}/app.py:9" in said
    assert "['ann', 'bob']\n2\n" in said
    # The first element was bound by the call for the other customer.
    assert "got[0] becomes 'ann' here:\n> " in said
    assert "-> into.append(item)" in said


def test_from_a_wrong_element_to_the_call_that_stored_it(
    reenact: Reenact, tmp_path: Path, series: str
) -> None:
    said = _run(
        reenact, tmp_path, series, _WRONG_ELEMENT,
        "e", "p prices['item77'] is None", "last prices['item77']", "u", "q",
    )  # fmt: skip
    assert "ended by TypeError" in said
    assert "True" in said
    assert "prices['item77'] becomes None here:" in said
    assert "-> prices[name] = None" in said
    assert '-> discount("item77")' in said


def test_a_prompt_goes_both_ways(reenact: Reenact, tmp_path: Path, series: str) -> None:
    said = _run(
        reenact, tmp_path, series, _SHARED_DEFAULT,
        "goto start", "b collect, item == 'bob'", "c", "p into", "b", "rc", "c", "r", "rr",
        "whatis item", "nonsense +", "cl 9", "goto 99%%", "h", "q",
    )  # fmt: skip
    assert "Breakpoint 1 at collect" in said
    assert said.count("-> into.append(item)") >= 2
    assert "['ann']" in said
    assert "this is the start" in said
    assert "is no Python expression" in said
    assert "there is no breakpoint 9" in said
    assert "reverse" not in said.splitlines()[0]


def test_it_begins_at_the_first_line_where_nothing_failed(
    reenact: Reenact, tmp_path: Path, series: str
) -> None:
    said = _run(reenact, tmp_path, series, "x = 1\ny = x + 1\nprint(y)\n", "s", "p x", "q")
    assert said.splitlines()[:2] == [f"> {tmp_path}/app.py(1)<module>()", "-> x = 1"]
    assert "-> y = x + 1" in said


def test_what_is_no_python_is_said(reenact: Reenact, tmp_path: Path) -> None:
    trace = record(reenact, tmp_path / "trace", "true")
    words = [*reenact.command, "pdb", str(trace), "-c", "w", "-c", "s"]
    done = subprocess.run(
        words, check=False, timeout=60, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    assert "no Python runs in this process" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
