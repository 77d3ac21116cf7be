"""Recordings to debug, and gdb driven by a list of commands."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import skips

SOURCES = Path(__file__).resolve().parent / "debugger"
#: A gdb that hangs fails its test instead of all of them; nothing depends on the time else.
_LONGEST = 300
_MARK = "~~~ "


@dataclass(frozen=True)
class Answers:
    """What gdb said, a text for each command."""

    texts: list[str]
    status: int
    everything: str

    def __getitem__(self, index: int) -> str:
        return self.texts[index]

    def number(self, index: int) -> int:
        """The value that a `print` showed."""
        found = re.search(r"^\$\d+ = (-?\d+)", self.texts[index], re.MULTILINE)
        assert found is not None, self.texts[index]
        return int(found.group(1))

    def position(self, index: int) -> str:
        """The position that `when`, `goto` or `last` showed."""
        found = re.search(r"^\d+:\d+(\+\d+)?$", self.texts[index], re.MULTILINE)
        assert found is not None, self.texts[index]
        return found.group()


def is_at_an_end(said: str) -> bool:
    """Whether gdb says that nothing precedes or follows, in its older words or its newer ones."""
    return "No more reverse-execution history" in said or "end of recorded history" in said


def need_gdb() -> str:
    """Path of gdb; skips where it is missing."""
    gdb = shutil.which("gdb")
    if gdb is None:
        skips.skip(skips.Reason.NO_PROGRAM, "gdb")
    return gdb


def built(source: str, directory: Path, *options: str) -> Path:
    """Compile a program with debug information. Skips without a compiler."""
    compiler = "g++" if source.endswith(".cc") else "gcc"
    if shutil.which(compiler) is None:
        skips.skip(skips.Reason.NO_COMPILER, compiler)
    program = directory / Path(source).stem
    command = [compiler, "-g", "-O0", "-pthread", *options, "-o", program, SOURCES / source]
    subprocess.run(command, check=True)
    return program


def line_of(source: str, mark: str) -> int:
    """The number of the line with a mark."""
    lines = (SOURCES / source).read_text().splitlines()
    return next(number for number, line in enumerate(lines, 1) if mark in line)


def record(reenact, trace: Path, *command: object) -> Path:
    """Record a command; whatever its exit status."""
    words = [*reenact.command, "record", "--quiet", "-o", trace, "--", *command]
    subprocess.run(list(map(str, words)), check=False, timeout=_LONGEST, stdout=subprocess.DEVNULL)
    assert (trace / "manifest.json").exists()
    return trace


def debug(reenact, trace: Path, *commands: str, options: tuple[str, ...] = ()) -> Answers:
    """Open gdb on a trace, give it commands, and collect what it says to each."""
    need_gdb()
    words = [*reenact.command, "replay", str(trace), *options, "--", "-nx", "-batch"]
    words += ["-ex", "set width 0", "-ex", "set confirm off"]
    # The signal of walk.c stops only where a test asks for it.
    words += ["-ex", "handle SIGUSR1 nostop noprint pass"]
    for command in commands:
        words += ["-ex", f"echo {_MARK}\\n", "-ex", command]
    done = subprocess.run(
        words,
        check=False,
        timeout=_LONGEST,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    said = re.sub(r"^\[Inferior 1 .*detached\]$", "", done.stdout, flags=re.MULTILINE)
    texts = [text.strip() for text in said.split(_MARK.strip())[1:]]
    assert len(texts) == len(commands), done.stdout
    return Answers(texts, done.returncode, done.stdout)
