"""Programs that a machine may have, in the surroundings in which people run them."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import ordinary_user
import pytest
import skips
from installed_programs import INSTALLED, PLACES, Installed
from recorded_run import Keeper, Reenact
from test_real_programs import check_program

#: A few of each kind, for surroundings that do not depend on sizes.
FEW = ("erlang", "ruby", "openmp", "lmdb", "nginx")
BY_NAME = {row.name: row for row in INSTALLED}


@pytest.fixture(autouse=True)
def places(monkeypatch: pytest.MonkeyPatch) -> None:
    """Servers are on an administrator's PATH."""
    monkeypatch.setenv("PATH", PLACES, prepend=":")


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that every user can reach and write to, as can be what is made there."""
    previous = os.umask(0)
    try:
        with tempfile.TemporaryDirectory(prefix="programs-", ignore_cleanup_errors=True) as made:
            os.chmod(made, 0o777)
            yield Path(made)
    finally:
        os.umask(previous)


def _need(row: Installed) -> None:
    if not row.everywhere:
        skips.unless_full()
    row.skip_without()


@pytest.mark.parametrize("name", BY_NAME)
def test_installed_program(name: str, reenact: Reenact, keeper: Keeper, folder: Path) -> None:
    """Each row of the table."""
    row = BY_NAME[name]
    _need(row)
    check_program(row.program, reenact, keeper, folder)


@pytest.mark.parametrize("name", [row.name for row in INSTALLED if row.as_user])
def test_installed_program_as_an_ordinary_user(name: str, reenact: Reenact) -> None:
    """The same without being root."""
    skips.unless_full()
    row = BY_NAME[name]
    _need(row)
    with ordinary_user.session(reenact) as user:
        keeper = Keeper(user.folder, f"user-{name}", user.reenact.command)
        check_program(
            row.program, user.reenact, keeper, user.folder, prefix=user.prefix, full=False
        )


@pytest.mark.parametrize("name", BY_NAME)
def test_installed_program_without_dispatch(
    name: str, reenact: Reenact, keeper: Keeper, folder: Path
) -> None:
    """The same where the kernel has no syscall dispatch, or has it switched off."""
    row = BY_NAME[name]
    if name not in FEW:
        skips.unless_full()
    _need(row)
    check_program(row.program, reenact.by("seccomp"), keeper, folder, full=False)
