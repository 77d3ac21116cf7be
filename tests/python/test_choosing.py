"""Which process a number or a name means."""

from __future__ import annotations

import pytest

from reenact.choosing import find_process
from reenact.errors import UsageError
from reenact.events import Process


def _process(number: int, pid: int, program: str, *arguments: str) -> Process:
    return Process(number, None, pid, 1, "fork", program, arguments, 3, 0, None, is_complete=True)


_TREE = (
    _process(0, 100, "/usr/bin/dash", "sh", "-c", "x"),
    _process(1, 101, "/usr/bin/ls", "ls", "/"),
    _process(2, 102, "/usr/lib/gcc/cc1", "/usr/lib/gcc/cc1", "a.c"),
    _process(3, 103, "/usr/lib/gcc/cc1", "/usr/lib/gcc/cc1", "b.c"),
    _process(4, 104, "", ""),
)


@pytest.mark.parametrize(
    ("wanted", "number"),
    [("0", 0), ("3", 3), ("sh", 0), ("dash", 0), ("/usr/bin/ls", 1), ("ls", 1)],
)
def test_numbers_and_names(wanted: str, number: int) -> None:
    assert find_process(_TREE, wanted) == number


def test_a_pid_is_explained() -> None:
    with pytest.raises(UsageError, match="no process 102") as raised:
        find_process(_TREE, "102")
    assert raised.value.hint_on_line(None) == "102 is the pid of process 2: -p 2"


@pytest.mark.parametrize("wanted", ["7", "cat", "", "-1"])
def test_what_is_not_there(wanted: str) -> None:
    with pytest.raises(UsageError, match="no process"):
        find_process(_TREE, wanted)


def test_a_name_that_several_have() -> None:
    with pytest.raises(UsageError, match="2 processes ran cc1") as raised:
        find_process(_TREE, "cc1")
    assert raised.value.hint.endswith("2, 3")
