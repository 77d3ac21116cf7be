"""Names and texts of a trace that want to be more than that: no command, no escape, no bug."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from debugger_session import built, need_gdb
from recorded_run import Ending, Reenact

import reenact as package

#: What a program is called, by what it tries. A file that is called HACKED tells of success.
NAMES: dict[str, bytes] = {
    "a second command": b"x\nshell touch HACKED\n",
    "a second command in Python": b"x\npython open('HACKED', 'w')",
    "options": b"two words -batch --help",
    "quotes": b'it\'s "quoted"',
    "backslashes": b"back\\slash\\n\\",
    "formats": b"%s%n%d{0}{",
    "a shell": b"$(touch HACKED);touch HACKED|`touch HACKED`",
    "the terminal": b"\x1b]0;owned\x07\x1b[31mred\x7f\r",
    "the terminal by other means": "\x9b31m\u202edecoded".encode(),
    "no UTF-8": b"\xff\xfe\x80",
    "packets": b"}x#00$k#6b*!",
    "markup": b"\"><library name='x'&amp;]]>",
}

IN_GDB = (
    """
goto end|info functions _exec$|info inferiors|info proc|info sharedlibrary|backtrace|info bookmarks
monitor program|goto start|info functions _exec$|break no-such-function|goto @no-such-bookmark
catch exec|continue|when
""".strip()
    .replace("\n", "|")
    .split("|")
)

READING = (
    ("info",),
    ("ps",),
    ("dump",),
    ("dump", "--data", "--paths"),
    ("verify",),
    ("bookmark",),
    ("ls",),
    ("trace", "-p", "3", "--at", "after_exec", "--print", "value"),
)


#: Lengths of paths; the kernel allows 4095 bytes, the list of files in a trace has 944 (arena.rs).
LENGTHS = {"900 bytes": 900, "4096 bytes": 4090}


def long_path(folder: Path, length: int) -> Path:
    """A path of so many bytes."""
    path = folder
    while (rest := length - len(bytes(path)) - 1) > 0:
        path /= "d" * (rest if rest <= 250 else min(rest - 2, 200))
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


@pytest.fixture(scope="module", params=[*NAMES, *LENGTHS])
def hostile(
    request: pytest.FixtureRequest, reenact: Reenact, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    """A folder with a trace: a program of that name executes another one of such a name."""
    folder = tmp_path_factory.mktemp("hostile")
    if request.param in LENGTHS:
        first = long_path(folder, LENGTHS[request.param])
    else:
        first = folder / NAMES[request.param].decode(errors="surrogateescape")
    second = first.with_name(first.name + "2")
    built("chain.c", folder, "-DSECOND").rename(second)
    built("chain.c", folder).rename(first)
    trace = folder / "traces" / "trace"
    trace.parent.mkdir()
    assert reenact.record([str(first), str(second)], trace, directory=folder).status == 42
    package.open(trace).bookmarks.add("mark", package.Position(0, 5), "\x1b[31m\nnote %s \x9b")
    yield folder
    shutil.rmtree(folder)


def check_plain(folder: Path, ending: Ending) -> None:
    """What was printed is text, and nothing else has happened."""
    said = (ending.stdout + ending.stderr).decode("utf-8")
    strange = {character for character in said if not character.isprintable()} - set("\n\t")
    assert not strange, (strange, ending.describe())
    assert "Traceback" not in said, ending.describe()
    assert "reenact has a bug" not in said, ending.describe()
    assert not list(folder.rglob("HACKED")), ending.describe()


def test_in_gdb(hostile: Path, reenact: Reenact) -> None:
    """Paths reach gdb in packets alone, so it finds the symbols of both programs."""
    need_gdb()
    words = ["replay", str(hostile / "traces" / "trace"), "--", "-nx", "-batch"]
    words += ["-ex", "set width 0", "-ex", "set confirm off"]
    for command in IN_GDB:
        words += ["-ex", "echo ~~~\\n", "-ex", command]
    ending = reenact.run(*words, directory=hostile, timeout=120)
    check_plain(hostile, ending)
    said = ending.stdout.decode().split("~~~\n")[1:]
    assert len(said) == len(IN_GDB), ending.describe()
    assert "note %s" in said[IN_GDB.index("info bookmarks")], ending.describe()
    if any(len(bytes(path)) > 944 for path in hostile.rglob("d*")):
        # Such a file is kept under the beginning of its path, by which gdb does not ask.
        return
    at_end, at_start = said[IN_GDB.index("info functions _exec$")], said[9]
    assert "after_exec" in at_end, ending.describe()
    assert "before_exec" not in at_end, ending.describe()
    assert "before_exec" in at_start, ending.describe()


@pytest.fixture(scope="module")
def all_names(reenact: Reenact, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a trace: one process for each of the names."""
    folder = tmp_path_factory.mktemp("all")
    second = built("chain.c", folder, "-DSECOND")
    programs = [long_path(folder, length) for length in LENGTHS.values()]
    programs += [folder / name.decode(errors="surrogateescape") for name in NAMES.values()]
    for program in programs:
        shutil.copy(second, program)
    trace = folder / "traces" / "trace"
    trace.parent.mkdir()
    shell = ["bash", "-c", 'for program; do "$program"; done', "shell", *map(str, programs)]
    assert reenact.record(shell, trace, directory=folder).status == 42
    package.open(trace).bookmarks.add("mark", package.Position(0, 5), "\x1b[31m\nnote %s \x9b")
    return folder


@pytest.mark.parametrize("command", READING, ids=" ".join)
def test_in_commands(command: tuple[str, ...], all_names: Path, reenact: Reenact) -> None:
    """As text no character drives the terminal; as JSON it is whole."""
    name, *options = command
    variables = {"REENACT_TRACE_DIR": str(all_names / "traces")}
    trace = [] if name == "ls" else [str(all_names / "traces" / "trace")]
    ending = reenact.run(name, *options, *trace, directory=all_names, variables=variables)
    assert ending.status == 0, ending.describe()
    check_plain(all_names, ending)
    ending = reenact.run(name, *options, "--json", *trace, directory=all_names, variables=variables)
    check_plain(all_names, ending)
    records = [json.loads(line) for line in ending.stdout.decode("utf-8").splitlines()]
    assert records, ending.describe()
    for record in records:
        json.dumps(record).encode("utf-8")
