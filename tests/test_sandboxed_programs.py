"""Programs that confine themselves or others, recorded as root and as an ordinary user."""

from __future__ import annotations

import os
import shutil

import ordinary_user
import pytest
import skips
from guest_build import GuestBuild
from program_table import Program
from recorded_run import Keeper, Reenact, check_exact, run
from sandbox_table import ROOT_SANDBOXES, SANDBOXES
from test_real_programs import check_program

NAMED = {program.name: program for program in SANDBOXES}


def _need_namespaces(prefix: list[str]) -> None:
    if run([*prefix, "unshare", "-Urm", "true"]).status != 0:
        skips.skip(skips.Reason.NOT_ALLOWED, "user namespaces")


@pytest.mark.parametrize("name", NAMED)
def test_sandbox(name: str, reenact: Reenact, keeper: Keeper, tmp_path) -> None:
    """As whoever runs the tests."""
    _need_namespaces([])
    check_program(NAMED[name], reenact, keeper, tmp_path)


@pytest.mark.parametrize("name", NAMED)
def test_sandbox_of_an_ordinary_user(name: str, reenact: Reenact) -> None:
    """The same as an ordinary user."""
    with ordinary_user.session(reenact) as user:
        _need_namespaces(list(user.prefix))
        keeper = Keeper(user.folder, f"sandbox_of_a_user-{name}", user.reenact.command)
        check_program(NAMED[name], user.reenact, keeper, user.folder, prefix=user.prefix)


@pytest.mark.parametrize("program", ROOT_SANDBOXES, ids=lambda program: program.name)
def test_sandbox_of_root(program: Program, reenact: Reenact, keeper: Keeper, tmp_path) -> None:
    """What only root may ask for."""
    if os.getuid() != 0:
        skips.skip(skips.Reason.NOT_ROOT)
    check_program(program, reenact, keeper, tmp_path)


@pytest.mark.parametrize("name", ["landlock", "not_dumpable", "own_program", "filter_inheritance"])
def test_guest_of_an_ordinary_user(name: str, reenact: Reenact, guests: GuestBuild) -> None:
    """Guests for which it matters who they are."""
    with ordinary_user.session(reenact) as user:
        program = user.folder / name
        shutil.copy(guests.build(f"{name}.c", name, ("-O2", "-pthread")), program)
        native = run([*user.prefix, str(program)], directory=user.folder)
        assert native.status == 0, native.describe()
        trace = user.folder / "trace"
        recorded = user.reenact.record([str(program)], trace, directory=user.folder)
        assert (recorded.status, recorded.stdout) == (0, native.stdout), recorded.describe()
        check_exact(user.reenact, trace, recorded)


def test_program_that_cannot_be_read(reenact: Reenact, guests: GuestBuild) -> None:
    """It is executed as it is, and the recording says so."""
    if os.getuid() != 0:
        skips.skip(skips.Reason.NOT_ROOT)
    with ordinary_user.session(reenact) as user:
        program = user.folder / "unreadable"
        shutil.copy(guests.build("hello.c", "hello"), program)
        program.chmod(0o711)
        command = ["sh", "-c", f"{program} a; echo $?; exec {program} b"]
        native = run([*user.prefix, *command])
        trace = user.folder / "trace"
        recorded = user.reenact.run("record", "-o", str(trace), "--", *command)
        assert (recorded.status, recorded.stdout) == (native.status, native.stdout)
        assert b"unreadable cannot be read" in recorded.stderr, recorded.describe()
        assert not user.reenact.verify(trace)["divergences"]


@pytest.mark.parametrize(
    "name",
    ["filter_actions", "filter_endings", "filter_inheritance", "filter_refusals", "filter_threads"],
)
def test_filters_beside_our_own(
    name: str, reenact: Reenact, keeper: Keeper, guests: GuestBuild, tmp_path
) -> None:
    """Where calls are caught by a filter of ours, the program sees its own only."""
    program = str(guests.build(f"{name}.c", name, ("-O2", "-pthread")))
    native = run([program], directory=tmp_path)
    recorded = reenact.by("seccomp").record([program], keeper.trace(), directory=tmp_path)
    assert (recorded.status, recorded.stdout) == (native.status, native.stdout)
    check_exact(reenact, keeper.trace(), recorded)
