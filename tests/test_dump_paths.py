"""`reenact dump --paths`: the paths of system calls, which only the replayed program has."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from recorded_run import Ending, Reenact

#: Names that would confuse a reader of the line: its own signs, a quote, and no UTF-8.
SCRIPT = """
mkdir 'a, ) = b' && cd 'a, ) = b' && mkdir 'quote"d'
cat /nonexistent/file 2>/dev/null
mkdir "$(printf 'odd\\377')"
"""


@pytest.fixture(scope="module")
def trace(reenact: Reenact, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of the script, with processes that fork and execute."""
    folder = tmp_path_factory.mktemp("paths")
    words = [*reenact.command, "record", "--quiet", "-o", "trace", "--", "sh", "-c", SCRIPT]
    subprocess.run(words, cwd=folder, check=True)
    return folder / "trace"


def dumped(reenact: Reenact, trace: Path, *options: str) -> Ending:
    """What it prints with some options."""
    ending = reenact.run("dump", *options, str(trace))
    assert ending.status == 0, ending.describe()
    return ending


def test_as_strace_shows_them(reenact: Reenact, trace: Path) -> None:
    ending = dumped(reenact, trace, "--kind", "syscall", "--paths")
    assert not ending.stderr
    calls = {line.split(maxsplit=2)[2] for line in ending.stdout.decode().splitlines()}
    assert 'mkdir("a, ) = b", 0777) = 0' in calls
    assert 'mkdir("quote\\x22d", 0777) = 0' in calls
    assert 'mkdir("odd\\xff", 0777) = 0' in calls
    # A shell may make the path absolute.
    assert any(call.startswith("chdir(") and call.endswith('a, ) = b") = 0') for call in calls)
    assert any(call.startswith('openat(AT_FDCWD, "/nonexistent/file", O_RDONLY') for call in calls)
    plain = dumped(reenact, trace, "--kind", "syscall").stdout
    assert b'"' not in plain
    assert plain.count(b"\n") == ending.stdout.count(b"\n")


def test_of_some_events_as_json(reenact: Reenact, trace: Path) -> None:
    """The log's own text stays what it is; the paths come besides, by number of argument."""
    whole = dumped(reenact, trace, "--kind", "syscall", "--json", "--paths").stdout
    events = [json.loads(line) for line in whole.splitlines()]
    found = next(event for event in events if event.get("paths") == {"1": "/nonexistent/file"})
    assert found["text"].startswith("openat(AT_FDCWD, 0x")
    some = ["--process", str(found["process"]), "--range", str(found["event"])]
    (alone,) = dumped(reenact, trace, "--json", "--paths", *some).stdout.splitlines()
    assert json.loads(alone) == found


def test_what_cannot_be_replayed_keeps_addresses(reenact: Reenact, trace: Path) -> None:
    """Files of the trace that are gone: the events are shown all the same, and it is said once."""
    files = trace / "files"
    hidden = files.rename(trace / "hidden")
    try:
        ending = dumped(reenact, trace, "--kind", "syscall", "--paths", "--process", "0")
    finally:
        hidden.rename(files)
    plain = dumped(reenact, trace, "--kind", "syscall", "--process", "0")
    assert ending.stdout == plain.stdout
    assert ending.stderr.count(b"paths of process 0 are shown up to event") == 1
