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
    assert 'mkdir("quote\\"d", 0777) = 0' in calls
    assert 'mkdir("odd\\377", 0777) = 0' in calls
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


BYTES = r"""
import os
ends = os.pipe()
os.write(ends[1], b'tab\tquote"back\\new\n\0001\033[0m\3779')
os.read(ends[0], 100)
os.writev(ends[1], [b"scat", b"tered"])
os.readv(ends[0], [bytearray(4), bytearray(100)])
os.write(ends[1], b"0123456789" * 10)
os.read(ends[0], 1000)
"""


def test_bytes_as_strace_shows_them(reenact: Reenact, tmp_path: Path) -> None:
    """Those that are read are in the log, those that are written only in the replay."""
    subprocess.run(
        [*reenact.command, "record", "-q", "-o", "trace", "--", "python3", "-c", BYTES],
        cwd=tmp_path, check=True,
    )  # fmt: skip
    trace = tmp_path / "trace"
    shown = dumped(reenact, trace, "--kind", "syscall", "--data").stdout.decode()
    text = r'"tab\tquote\"back\\new\n\0001\33[0m\3779"'
    calls = [line.split(maxsplit=2)[2] for line in shown.splitlines() if " = " in line]
    assert f"write(4, {text}, 27) = 27" in calls
    assert f"read(3, {text}, 100) = 27" in calls
    lines = shown.splitlines()
    (gathered,) = (number for number, line in enumerate(lines) if "writev(4, " in line)
    assert lines[gathered + 1].strip() == 'gives 9 bytes "scattered"'
    (scattered,) = (number for number, line in enumerate(lines) if "readv(3, " in line)
    assert [line.split(maxsplit=2)[2] for line in lines[scattered + 1 :][:2]] == [
        '4 bytes "scat"',
        '5 bytes "tered"',
    ]
    digits = "0123456789" * 10
    assert f'write(4, "{digits[:48]}"..., 100) = 100' in calls
    for limit, cut in (("3", '"012"...'), ("100", f'"{digits}"'), ("0", '""...')):
        shown = dumped(reenact, trace, "--kind", "syscall", "--data", "-s", limit).stdout.decode()
        assert f"write(4, {cut}, 100) = 100" in shown
        assert f"read(3, {cut}, 1000) = 100" in shown
    whole = dumped(reenact, trace, "--kind", "syscall", "--json", "--data").stdout
    given = [bytes.fromhex(json.loads(line).get("given", "")) for line in whole.splitlines()]
    assert b"scattered" in given
    assert digits.encode() in given
