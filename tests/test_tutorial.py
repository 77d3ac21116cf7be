"""The tutorial does what it says: its commands are taken from the page."""

from __future__ import annotations

import doctest
import os
import re
import shutil
from pathlib import Path

import pytest
import skips
from debugger_session import need_gdb
from recorded_run import Keeper, Reenact, run

DOCS = Path(__file__).resolve().parent.parent / "docs"
PAGE = (DOCS / "tutorial.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    """The page's blocks of code in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)


def shell_commands() -> list[str]:
    """What a person types at the shell, in order."""
    lines = "\n".join(blocks("console")).splitlines()
    return [line[2:] for line in lines if line.startswith("$ ")]


def gdb_session() -> list[tuple[str, list[str]]]:
    """Each command at gdb's prompt with the lines shown for it."""
    (block,) = (block for block in blocks("console") if "(reenact" in block)
    found: list[tuple[str, list[str]]] = []
    for line in block.splitlines():
        prompt = re.match(r"\(reenact [\d:+]+\) (.*)", line)
        if prompt:
            found.append((prompt.group(1), []))
        elif found:
            found[-1][1].append(line)
    return found


@pytest.fixture
def crash(reenact: Reenact, keeper: Keeper, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder a reader has after the page's commands at the shell."""
    if shutil.which("cc") is None:
        skips.skip(skips.Reason.NO_COMPILER, "cc")
    folder = keeper.folder
    for name in ("store.c", "requests.txt"):
        shutil.copy(DOCS / "tutorial" / name, folder)
    compiling, running, recording, replaying = shell_commands()
    assert run(["sh", "-c", compiling], directory=folder).status == 0
    assert run(["sh", "-c", f"exec {running}"], directory=folder).status == -11
    words = recording.removeprefix("reenact ").split()
    assert reenact.run(*words, directory=folder).status == -11
    assert replaying == "reenact replay crash"
    monkeypatch.chdir(folder)
    return folder


def without_addresses(line: str) -> str:
    line = re.sub(r"0x[0-9a-f]+( in)?", "0x", line)
    # Behind it are the bytes of an address, which may be the beginning of a character.
    return re.sub(r'"offwhite[^"]*"(, <incomplete sequence [^>]*>)?', '"offwhite"', line)


def test_three_commands_in_gdb(reenact: Reenact, crash: Path) -> None:
    need_gdb()
    session = gdb_session()
    assert [command for command, _ in session] == ["continue", "last previous->next", "backtrace"]
    words = ["replay", "crash", "--", "-nx", "-batch", "-ex", "set width 0"]
    for command, _ in session:
        words += ["-ex", "echo ~~~\\n", "-ex", command]
    ending = reenact.run(*words, directory=crash, timeout=300)
    answers = ending.stdout.decode().split("~~~\n")[1:]
    assert len(answers) == len(session), ending.describe()
    for (command, shown), answer in zip(session, answers, strict=True):
        said = without_addresses(answer)
        for line in shown:
            wanted = without_addresses(line)
            assert wanted in said, f"{command}: {wanted!r} not in {said!r}"


def test_three_commands_in_python(crash: Path) -> None:
    examples = doctest.DocTestParser()
    page = examples.get_doctest("\n".join(blocks("python")), {}, "tutorial", None, 0)
    commands = [example.source for example in page.examples]
    # Opening the recording, and then three.
    assert [re.findall(r"session\.(\w+)", source) for source in commands[2:5]] == [
        ["goto"], ["last_write"], ["frames"],
    ]  # fmt: skip
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    report: list[str] = []
    runner.run(page, out=report.append)
    assert runner.summarize(verbose=False).failed == 0, "".join(report)


def test_the_page_is_about_the_program_there_is() -> None:
    source = (DOCS / "tutorial" / "store.c").read_text().splitlines()
    assert 250 <= len(source) <= 350
    shown = re.findall(r"^(\d+)\t(.*)$", PAGE, flags=re.MULTILINE)
    assert shown
    assert shown == [(number, source[int(number) - 1]) for number, _ in shown]
    names = re.findall(r"\]\((tutorial/[^)]+)\)", PAGE)
    assert names
    assert [name for name in names if not os.path.exists(DOCS / name)] == []
