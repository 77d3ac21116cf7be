"""Manifests that no recording has written: told as such, and no trace beside them is hidden."""

from __future__ import annotations

import json

import pytest
from made_traces import write_trace

FIELDS = [
    {"start": {"epoch_ns": 10**400, "tsc": 1}},
    {"start": {"epoch_ns": -(10**30)}},
    {"start": {"epoch_ns": 1 << 62}, "end": {"epoch_ns": 0}},
    {"start": {"epoch_ns": True}},
    {"command": ["\ud800\x1b[31m\n\u202e"]},
    {"command": [[["x"]]]},
    {"command": "ls"},
    {"reenact": [], "hostname": "\udcff", "kernel": None, "program": {}},
    {"messages": ["\ud800", "a\nb", 7], "directory": "x" * 100_000},
    {"format_version": True},
    {"format_version": 10**300},
    {"format_version": -5},
    {"format_version": float("nan")},
]
TEXTS = [
    "1" * 5000,
    "",
    "[]",
    "7",
    "null",
    '{"format_version": 1e999}',
    "[" * 200_000,
    "\xff",
]


@pytest.fixture(params=range(len(FIELDS) + len(TEXTS)))
def strange(request, home):
    """A trace with a strange manifest in the default place."""
    path = home / "strange-1"
    if request.param < len(FIELDS):
        return write_trace(path, **FIELDS[request.param])
    write_trace(path)
    (path / "manifest.json").write_bytes(TEXTS[request.param - len(FIELDS)].encode("latin-1"))
    return path


def is_clean(text: str) -> bool:
    """Whether a terminal and a decoder of UTF-8 can be sent this."""
    text.encode()
    return all(line.isprintable() for line in text.splitlines())


def test_all_commands_that_read_manifests(run, trace, strange):
    del trace
    status, out, _ = run("ls")
    assert status == 0
    assert is_clean(out)
    assert [line.split()[0] for line in out.splitlines()[1:]].count("ls-1") == 1
    status, out, _ = run("ls", "--json")
    assert status == 0
    assert {found["name"] for found in json.loads(out)["traces"]} == {"ls-1", "strange-1"}
    for command in (["info"], ["info", "--json"], ["ps"], ["dump"], ["bookmark"]):
        status, out, err = run(command[0], str(strange), *command[1:])
        assert status in (0, 125), (command, err)
        assert is_clean(out + err), command
        assert "has a bug" not in err, (command, err)
