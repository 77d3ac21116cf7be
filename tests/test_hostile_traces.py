"""Traces whose program takes over the process that replays it: the wall round that process holds.

The program of tests/hostile is recorded as an innocent one. Each attack is also tried without the
wall, where it comes through: a test that passes there would prove nothing.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import ordinary_user
import pytest
import skips
from ordinary_user import Session
from recorded_run import Ending, Reenact, run

import reenact as library
from reenact import programs
from reenact.errors import ReplayError
from reenact.replay.replayer import Replayer
from reenact.replay.reports import Noted

FOLDER = Path(__file__).with_name("hostile")
LAYOUT = FOLDER.parent.parent / "crates" / "trace" / "src" / "layout.rs"
#: The payload is to use nothing outside of itself: no tables, no functions of a library.
FLAGS = [
    *("-O1", "-Wall", "-Wextra", "-Werror", "-fno-toplevel-reorder", "-fno-stack-protector"),
    *("-fno-jump-tables", "-fno-tree-loop-distribute-patterns", "-mno-sse"),
]
#: The order of `enum attack` in payload.h.
ATTACKS = (
    "open", "socket", "kill", "ptrace", "execve", "executable", "forks", "memory", "reports",
    "silence",
)  # fmt: skip
#: Those that ask the kernel for something once.
CALLS = ATTACKS[:6]
DONE = b"attack: 42"
MOST_FORKS = 60
#: What reenact itself fails with.
FAILURE = 125


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program, compiled."""
    compiler = shutil.which("gcc")
    if compiler is None:
        skips.skip(skips.Reason.NO_COMPILER)
    target = tmp_path_factory.mktemp("hostile") / "innocent"
    sources = [FOLDER / "payload.c", FOLDER / "innocent.c"]
    region = re.search(r"REGION_START: u64 = (0x[0-9a-f_]+);", LAYOUT.read_text())
    assert region is not None
    where = f"-DREGION={int(region[1].replace('_', ''), 16):#x}ul"
    subprocess.run([compiler, *FLAGS, where, "-o", target, *sources], check=True, timeout=120)
    return target


@pytest.fixture(params=["as we are", "ordinary user"])
def user(request: pytest.FixtureRequest, reenact: Reenact, tmp_path: Path) -> Iterator[Session]:
    """Who replays: the rights of root must not be needed, nor be of use."""
    if request.param == "as we are":
        yield Session(reenact, tmp_path)
        return
    if os.getuid() != 0:
        skips.skip(skips.Reason.NOT_ROOT)
    with ordinary_user.session(reenact) as session:
        yield session


def _hostile(user: Session, program: Path, attack: str) -> Path:
    """A trace with an attack, recorded by the user."""
    own = user.folder / "innocent"
    shutil.copy(program, own)
    own.chmod(0o755)
    trace = user.folder / f"trace-{attack}"
    recorded = user.reenact.record([str(own), str(ATTACKS.index(attack))], trace)
    assert recorded.status == 0, recorded.describe()
    return trace


def _replay(user: Session, trace: Path, *options: str) -> Ending:
    """The replayer alone, by the user."""
    program = programs.replayer()
    if user.prefix:
        program = str(user.folder / "packages" / "reenact" / "_programs" / "reenact-replayer")
    return run([*user.prefix, program, *options, str(trace)], timeout=120)


def _failure(ending: Ending) -> str:
    """The one sentence, and hint, of a command that has failed."""
    assert (ending.status, ending.stdout) == (FAILURE, b""), ending.describe()
    text = ending.stderr.decode()
    lines = text.splitlines()
    assert lines[0].startswith("reenact: "), text
    assert len(lines) <= 2, text
    assert all(line.isprintable() for line in lines), text
    return text


@pytest.mark.parametrize("attack", CALLS)
def test_calls_end_at_the_wall(user: Session, program: Path, attack: str) -> None:
    trace = _hostile(user, program, attack)
    for engine in ([], ["--native"]):
        # Natively another program starts without the wall as well, and its calls trap.
        if attack != "execve" or not engine:
            assert DONE in _replay(user, trace, "--no-sandbox", *engine).stdout
        walled = _replay(user, trace, *engine)
        assert b"attack" not in walled.stdout, walled.describe()
        assert b"was killed by signal 31" in walled.stdout, walled.describe()
    failure = _failure(user.reenact.run("verify", str(trace)))
    assert "was killed by signal 31" in failure
    assert "do not trust this trace" in failure


def _forks(ending: Ending) -> int:
    found = re.search(rb"attack: (\d+)", ending.stdout)
    assert found is not None, ending.describe()
    return int(found[1])


def _may_have_namespaces(user: Session) -> bool:
    command: Sequence[str] = [*user.prefix, "unshare", "--user", "true"]
    return shutil.which("unshare") is not None and run(command).status == 0


def test_processes_are_as_many_as_the_trace_has(user: Session, program: Path) -> None:
    if not _may_have_namespaces(user):
        skips.skip(skips.Reason.NOT_ALLOWED, "namespaces of users")
    trace = _hostile(user, program, "forks")
    assert _forks(_replay(user, trace, "--no-sandbox")) == MOST_FORKS
    assert _forks(_replay(user, trace, "--processes", "1")) <= 1
    assert 3 <= _forks(_replay(user, trace, "--processes", "6")) <= 6
    _failure(user.reenact.run("verify", str(trace)))


def test_memory_is_what_is_allowed(user: Session, program: Path) -> None:
    trace = _hostile(user, program, "memory")
    # Allowed more than the gigabyte it takes, it comes to its end, which is not that of a replay.
    enough = user.reenact.run("verify", str(trace), variables={"REENACT_REPLAY_MEMORY": "4000"})
    assert "MiB of memory" not in _failure(enough)
    ending = user.reenact.run("verify", str(trace), variables={"REENACT_REPLAY_MEMORY": "200"})
    assert "the replay was ended: it took more than 200 MiB of memory" in _failure(ending)


def test_a_flood_of_reports_is_a_failure(user: Session, program: Path) -> None:
    trace = _hostile(user, program, "reports")
    failure = _failure(user.reenact.run("verify", "--jobs", "1", str(trace), timeout=120))
    assert "was killed by signal 31" in failure
    if user.prefix:
        return
    # They do come, also where the reader has many descriptors: what is read is its own matter.
    with contextlib.ExitStack() as held:
        for _ in range(60):
            held.enter_context(open(os.devnull))
        replayer = held.enter_context(Replayer(str(trace), processes=4))
        noted = sum(isinstance(report, Noted) for report in replayer)
        assert noted >= 100_000, (replayer.wait(), replayer.complaint(), replayer.excess())


def test_silence_is_not_exact(user: Session, program: Path) -> None:
    trace = _hostile(user, program, "silence")
    assert _replay(user, trace).status == 0
    failure = _failure(user.reenact.run("verify", str(trace)))
    # It takes over before or behind a report: when the replayer returns from what it is in.
    assert re.search(
        "not verified: (process 0 was not replayed|the replayer reports a divergence and ends as)",
        failure,
    ), failure


@pytest.mark.parametrize("attack", ["open", "silence"])
def test_a_session_ends_with_one_sentence(
    reenact: Reenact, program: Path, tmp_path, attack
) -> None:
    trace = _hostile(Session(reenact, tmp_path), program, attack)
    with (
        library.open(trace).replay(0) as session,
        # It was a copy, which only the first process could have seen die.
        pytest.raises(ReplayError, match=r"^the replayer (has died|was killed by signal 31)$"),
    ):
        session.goto("end")


#: What a terminal would obey: an escape, a C1 control, a mark that turns the direction of writing.
DRIVING = "a\x1b]0;x\x07\x9b31m\u202e\x7f"


@pytest.mark.parametrize(
    "command",
    [
        ["ps"], ["ps", "--json"], ["info"], ["info", "--json"], ["dump", "--data"],
        ["dump", "--paths"], ["dump", "--json"], ["verify", "--json"], ["bookmark"],
        ["bookmark", "--json"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_names_and_arguments_drive_no_terminal(reenact: Reenact, tmp_path, command) -> None:
    program = tmp_path / DRIVING
    shutil.copy("/bin/cat", program)
    trace = tmp_path / f"trace-{DRIVING}"
    reenact.record([str(program), DRIVING + "\n", str(tmp_path / DRIVING / "x")], trace)
    marks = {"position": "0:3", "note": DRIVING + "\nb", "name": DRIVING, "created": 1.0}
    (trace / "bookmarks.json").write_text(json.dumps({"version": 1, "bookmarks": [marks]}))
    ending = reenact.run(command[0], str(trace), *command[1:])
    assert ending.status == 0, ending.describe()
    for line in (ending.stdout + ending.stderr).decode().splitlines():
        assert line.isprintable(), ascii(line)
