"""Real programs of Debian: native, recorded, verified twice, with equal output and files."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Sequence
from pathlib import Path

import figures
import ordinary_user
import pytest
import skips
from guest_build import GuestBuild
from program_table import (
    PROGRAMS,
    QUICK_TEST_MODULES,
    TEST_MODULES,
    Program,
    python_with_tests,
)
from python_programs import PROGRAMS as PYTHON_PROGRAMS
from python_programs import VARYING
from recorded_run import Ending, Keeper, Reenact, check_exact, normalised, run
from tiers import FULL

STEADY = {"PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1", "LC_ALL": "C.UTF-8", "TZ": "UTC"}

#: What a test run of CPython prints about its duration.
DURATIONS = [(r"Ran (\d+) tests? in .*", r"Ran \1"), (r"0x[0-9a-f]+", "ADDRESS")]


def check_program(
    program: Program,
    reenact: Reenact,
    keeper: Keeper,
    folder: Path,
    *,
    prefix: Sequence[str] = (),
    full: bool = FULL,
) -> dict:
    """Run natively and recorded, each in a fresh folder of the same layout, and compare.

    `prefix` are the words before the native command, of what `reenact.command` runs it by.
    """
    command = program.command(full=full)
    if shutil.which(command[0]) is None:
        skips.skip(skips.Reason.NO_PROGRAM, command[0])
    stdin = program.stdin(full) if program.stdin else b""
    variables = {**STEADY, **program.variables}
    timeout = program.timeout

    def fresh(name: str) -> Path:
        place = folder / name
        place.mkdir()
        if program.prepare is not None:
            program.prepare(place, full)
        return place

    native_folder, recorded_folder = fresh("native"), fresh("record")
    native = run(
        [*prefix, *command],
        directory=native_folder,
        variables=variables,
        stdin=stdin,
        timeout=timeout,
    )
    begin = time.monotonic()
    recorded = reenact.record(
        command,
        keeper.trace(),
        directory=recorded_folder,
        variables=variables,
        stdin=stdin,
        timeout=3 * timeout,
    )
    record_seconds = time.monotonic() - begin
    assert recorded.status == native.status, recorded.describe()
    if program.same:
        _check_same(native, recorded, program)
    for name in program.makes:
        made = (recorded_folder / name).read_bytes()
        assert made == (native_folder / name).read_bytes(), f"{name} differs"
    # What the program used must not be needed for the replay.
    shutil.rmtree(recorded_folder)
    report = check_exact(reenact, keeper.trace(), recorded, timeout=6 * timeout)
    figures.note(keeper.name, report, record_seconds)
    return report


def _check_same(native: Ending, recorded: Ending, program: Program) -> None:
    for stream in ("stdout", "stderr"):
        one = normalised(getattr(native, stream), program.without)
        other = normalised(getattr(recorded, stream), program.without)
        if not program.ordered:
            one, other = (b"\n".join(sorted(text.splitlines())) for text in (one, other))
        assert one == other, f"{stream}\nnative {native.describe()}\nrecorded {recorded.describe()}"


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.name)
def test_program(program: Program, reenact: Reenact, keeper: Keeper, tmp_path) -> None:
    """Each row of the table."""
    check_program(program, reenact, keeper, tmp_path)


def python_program(name: str) -> Program:
    """A row for one of the Python programs, run by the distribution's interpreter."""
    return Program(
        name,
        ["/usr/bin/python3", "-c", PYTHON_PROGRAMS[name]],
        same=name not in VARYING,
        without=DURATIONS,
    )


#: All programs that run in the same way in other surroundings, by name.
EVERYTHING = {program.name: program for program in PROGRAMS} | {
    f"python_{name}": python_program(name) for name in PYTHON_PROGRAMS
}


@pytest.mark.parametrize("name", PYTHON_PROGRAMS)
def test_python_program(name: str, reenact: Reenact, keeper: Keeper, tmp_path) -> None:
    """Debian's Python, one part at a time."""
    check_program(python_program(name), reenact, keeper, tmp_path)


@pytest.mark.parametrize("module", TEST_MODULES if FULL else sorted(QUICK_TEST_MODULES))
def test_python_test_module(module: str, reenact: Reenact, keeper: Keeper, tmp_path) -> None:
    """CPython's own test suite, a module at a time."""
    interpreter = python_with_tests()
    if interpreter is None:
        skips.skip(skips.Reason.NO_PROGRAM, "a CPython with its test suite")
    # The module alone prints what it did; `python -m test` around it adds times and a count.
    program = Program(
        module,
        [interpreter, "-m", "test", "-q", module],
        without=[*DURATIONS, (r"^(Total duration|Tests result|Using random seed|== ).*", "")],
        same=False,
        timeout=120,
    )
    check_program(program, reenact, keeper, tmp_path)


# Surroundings do not depend on sizes: the full tier runs all programs here, in the quick size.
AS_A_USER = ("ls", "many_true", "bash_pipes", "gcc", "sqlite3")
WITHOUT_NETWORK = ("ls", "bash_pipes", "git")
#: Programs that talk to 127.0.0.1, which is off then, too.
USING_NETWORK = ("python_socket",)


@pytest.mark.parametrize("name", EVERYTHING if FULL else AS_A_USER)
def test_as_an_ordinary_user(name: str, reenact: Reenact) -> None:
    """The same without being root, with a copy of reenact that user can read."""
    with ordinary_user.session(reenact) as user:
        keeper = Keeper(user.folder, f"as_an_ordinary_user-{name}", user.reenact.command)
        check_program(
            EVERYTHING[name], user.reenact, keeper, user.folder, prefix=user.prefix, full=False
        )


@pytest.mark.parametrize(
    "name", [n for n in EVERYTHING if n not in USING_NETWORK] if FULL else WITHOUT_NETWORK
)
def test_with_the_network_off(name: str, reenact: Reenact, keeper: Keeper, tmp_path) -> None:
    """In a network namespace without any interface."""
    unshare = ["unshare", "--net"]
    if shutil.which("unshare") is None or run([*unshare, "true"]).status != 0:
        skips.skip(skips.Reason.NOT_ALLOWED, "network namespaces")
    alone = Reenact([*unshare, *reenact.command], reenact.variables)
    check_program(EVERYTHING[name], alone, keeper, tmp_path, prefix=unshare, full=False)


def test_valgrind_goes_on_unrecorded(reenact: Reenact, keeper: Keeper) -> None:
    """Its tools translate what they read, breakpoints of ours too; it prints the same."""
    command = [skips.need_program("valgrind"), "-q", "--error-exitcode=3", "sh", "-c", "echo hello"]
    native = run(command, timeout=120)
    assert native.stdout == b"hello\n", native.describe()
    recorded = reenact.run("record", "-o", str(keeper.trace()), "--", *command, timeout=300)
    assert (recorded.status, recorded.stdout) == (0, native.stdout), recorded.describe()
    assert b"translates the code of other programs (valgrind)" in recorded.stderr, (
        recorded.describe()
    )
    assert b"goes on unrecorded" in recorded.stderr, recorded.describe()
    assert not reenact.verify(keeper.trace())["divergences"]


def test_files_of_a_program_that_gives_up_rights_are_kept(reenact: Reenact, keeper: Keeper) -> None:
    """It may not write to the trace any more; who started it copies what it maps."""
    if os.getuid() != 0:
        skips.skip(skips.Reason.NOT_ROOT)
    user = [skips.need_program("setpriv"), "--reuid=65534", "--regid=65534", "--clear-groups"]
    command = [*user, skips.need_program("gawk"), "BEGIN { print 6 * 7 }"]
    recorded = reenact.record(command, keeper.trace())
    assert recorded.stdout == b"42\n", recorded.describe()
    assert b"could not be kept" not in reenact.run("info", str(keeper.trace())).stdout
    assert b"could not be kept" not in recorded.stderr, recorded.describe()
    report = check_exact(reenact, keeper.trace(), recorded)
    assert not [note for note in report["notes"] if "could not be kept" in note["message"]]


def test_programs_that_change_the_user(reenact: Reenact, guests: GuestBuild) -> None:
    """A set-user-id program is refused at the start, and goes on unrecorded when it is executed."""
    with ordinary_user.session(reenact) as user:
        refused = user.reenact.record(["/usr/bin/passwd", "--help"], user.folder / "refused")
        assert refused.status == 125, refused.describe()
        assert refused.stderr.startswith(b"reenact: "), refused.describe()
        program = user.folder / "setuid"
        shutil.copy(guests.build("setuid.c", "setuid"), program)
        trace = user.folder / "trace"
        recorded = user.reenact.run("record", "-o", str(trace), "--", str(program))
        assert recorded.status == 0, recorded.describe()
        assert b"passwd is set-user-id" in recorded.stderr, recorded.describe()
        assert not user.reenact.verify(trace)["divergences"]
