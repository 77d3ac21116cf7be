"""What README and the pages show is what is printed: their blocks are run, and compared."""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from debugger_session import built
from recorded_run import Keeper, Reenact, run

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
DEBUGGING = (ROOT / "docs" / "debugging.md").read_text(encoding="utf-8")
USAGE = (ROOT / "docs" / "usage.md").read_text(encoding="utf-8")
TUTORIAL = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")

QUEUE = """
#include <stdlib.h>
struct node { int value; struct node *next; };
struct list { struct node *head; } *list;
int main(int argc, char **argv) {
    list = calloc(1, sizeof *list);
    for (int i = 0; i < atoi(argv[1]); i++) {
        struct node *node = malloc(sizeof *node);
        node->value = i, node->next = list->head;
        list->head = node;
    }
    return list->head->value - 2;
}
"""


def blocks(page: str, language: str) -> list[str]:
    """A page's blocks of code in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", page, flags=re.MULTILINE | re.DOTALL)


def commands(block: str) -> list[tuple[str, list[str]]]:
    """Each command that is typed at a shell, with the lines that are shown for it."""
    found: list[tuple[str, list[str]]] = []
    for line in block.splitlines():
        if line.startswith("$ "):
            found.append((line[2:].partition("  #")[0], []))
        elif found:
            found[-1][1].append(line)
    return found


def shape(line: str) -> str:
    """A line without what differs from run to run: numbers, and places."""
    line = re.sub(r"(in )/\S*(/[\w.-]+-\d+\b)", r"\1PLACE\2", line)
    line = re.sub(r"at /\S+/", "at PLACE/", line)
    line = re.sub(r"\d[\d,.:+]*", "N", line)
    return line.rstrip()


@pytest.fixture
def at_home(reenact: Reenact, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home without recordings, in which `reenact` is the command under test."""
    monkeypatch.delenv("REENACT_TRACE_DIR", raising=False)
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    binaries = tmp_path / "bin"
    binaries.mkdir()
    script = f'#!/bin/sh\nexec {shlex.join(map(str, reenact.command))} "$@"\n'
    (binaries / "reenact").write_text(script)
    (binaries / "reenact").chmod(0o755)
    # Not a `python3` that is a script which starts another one.
    (binaries / "python3").symlink_to(sys.executable)
    monkeypatch.setenv("PATH", f"{binaries}:{os.environ['PATH']}")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def both_streams(command: str) -> list[str]:
    """What a person at a terminal sees of a command."""
    ended = subprocess.run(
        command, shell=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, timeout=120, check=False,
    )  # fmt: skip
    return ended.stdout.splitlines()


def test_the_first_thing_one_sees(at_home: Path) -> None:
    shown = commands(blocks(README, "console")[0])
    assert [command.split()[1] for command, _ in shown] == ["record", "verify"]
    numbers = set()
    for command, lines in shown:
        said = both_streams(command)
        assert [shape(line) for line in said] == [shape(line) for line in lines]
        numbers.add(said[0])
    # The replay prints the same random number.
    assert len(numbers) == 1


def test_the_table_of_commands(reenact: Reenact, at_home: Path) -> None:
    """Each is a command with these options."""
    walk = built("walk.c", at_home)
    assert reenact.run("record", "-q", "--", str(walk)).status == 0
    cells = re.findall(r"^\| (`reenact [^|]*`) \|", README, re.MULTILINE)
    listed = [command for cell in cells for command in re.findall("`([^`]+)`", cell)]
    assert len(listed) >= 15
    pack = str(at_home / "one.reenact")
    meant = {"PLACE": "add", "EXPR": "times", "PROGRAM": "true", "FILE": pack}
    for command in listed:
        words = re.sub(r"\[TRACE\]|\[-o TRACE\]|\[--\]", "", command).split()[1:]
        if "PID" in words:
            meant["PID"] = str(subprocess.Popen(["sleep", "1"]).pid)
        words = [meant.get(word, word) for word in words]
        words = [word for word in words if word != "ARGS…"]
        if words == ["replay"]:
            words += ["--", "-nx", "-batch"]
        if words == ["pack"]:
            words += ["-o", pack]
        if words == ["rm"]:
            words += ["--help"]
        ending = reenact.run(*words)
        assert ending.status == 0, f"{command}\n{ending.describe()}"
        if words[0] in ("record", "attach", "unpack"):
            # The latest is what the others mean.
            assert reenact.run("record", "-q", "--", str(walk)).status == 0


def test_the_python_block(at_home: Path) -> None:
    (at_home / "queue.c").write_text(QUEUE)
    assert run(["cc", "-g", "-o", "queue", "queue.c"], directory=at_home).status == 0
    (block,) = blocks(README, "python")
    names: dict[str, object] = {}
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(compile(block, "README.md", "exec"), names)
    lines = printed.getvalue().splitlines()
    assert re.fullmatch(r"True \d+", lines[0])
    assert "_exit" in printed.getvalue()


def test_values_printed_afterwards(reenact: Reenact, at_home: Path) -> None:
    (at_home / "built").mkdir()
    reenact.record([str(built("walk.c", at_home / "built"))], at_home / "walk")
    page = DEBUGGING.partition("## printf, afterwards")[2]
    ((command, lines),) = commands(blocks(page, "console")[0])
    said = both_streams(command)
    # Values of an expression grow longer and shorter, nothing else does.
    assert [shape(line) for line in said] == [shape(line) for line in lines]
    assert [line.partition("times = ")[2] for line in said] == [
        line.partition("times = ")[2] for line in lines
    ]


@pytest.mark.parametrize(("page", "program"), [(TUTORIAL, "false"), (USAGE, "false")])
def test_what_a_recording_says_at_its_end(
    page: str, program: str, reenact: Reenact, keeper: Keeper
) -> None:
    """Wherever a page shows it: the way of a program that fails, with a trace of a name or none."""
    lines = re.findall(r"^reenact: recorded in .*$", page, re.MULTILINE)
    assert lines
    for line in lines:
        options = ["-o", str(keeper.trace())] if line.endswith(" crash)") else []
        if "with seed" in line:
            options += ["--chaos", "--seed", "1908829145"]
        variables = {"REENACT_TRACE_DIR": str(keeper.folder)}
        ending = reenact.run("record", *options, "--", program, variables=variables)
        said = ending.stderr.decode().splitlines()[-1]
        place = keeper.trace() if "-o" in options else f"{keeper.folder}/{program}-1"
        said = said.replace(str(place), "PLACE", 1).replace(str(place), "crash")
        wanted = re.sub(r"recorded in \S+", "recorded in PLACE", line)
        assert said == wanted


def test_the_first_block_about_gdb() -> None:
    """What the tutorial shows in full is a test there; this page has the same commands."""
    said = [line for line in blocks(DEBUGGING, "console")[0].splitlines() if "(reenact" in line]
    assert [line.split(") ")[1].split()[0] for line in said] == ["continue", "last", "backtrace"]
