"""Runs reenact as an ordinary user, from a copy of the installation that user can read."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import skips
from recorded_run import Reenact

NOBODY = 65534
#: What the command imports beside itself.
COMPANIONS = ("rich", "pygments", "markdown_it", "mdurl")


@dataclass(frozen=True)
class Session:
    """A user's command, a folder that user may write to, and how to run a command as the user."""

    reenact: Reenact
    folder: Path
    prefix: Sequence[str] = ()


def _interpreter() -> str:
    """A Python of this version that everybody can run."""
    wanted = "{}.{}".format(*sys.version_info[:2])
    candidates = (f"/usr/bin/python{wanted}", f"/usr/local/bin/python{wanted}")
    found = next(filter(shutil.which, candidates), None)
    if found is None:
        skips.skip(skips.Reason.NOT_READABLE, f"no python{wanted} for all users")
    return found


def _copy_package(name: str, target: Path) -> None:
    found = importlib.util.find_spec(name)
    if found is None or not found.submodule_search_locations:
        return
    for location in found.submodule_search_locations:
        shutil.copytree(
            location,
            target / name,
            ignore=shutil.ignore_patterns("__pycache__"),
            dirs_exist_ok=True,
        )


@contextlib.contextmanager
def session(reenact: Reenact) -> Iterator[Session]:
    """Become an ordinary user for the commands run inside; nothing changes when we are one."""
    folder = Path(tempfile.mkdtemp(prefix="reenact-user-"))
    try:
        if os.getuid() != 0:
            yield Session(reenact, folder)
            return
        if shutil.which("setpriv") is None:
            skips.skip(skips.Reason.NO_PROGRAM, "setpriv")
        packages = folder / "packages"
        for name in ("reenact", *COMPANIONS):
            _copy_package(name, packages)
        if not (packages / "reenact").exists():
            skips.skip(skips.Reason.NOT_READABLE, "the package is not importable here")
        for place, _, names in os.walk(folder):
            os.chown(place, NOBODY, NOBODY)
            for name in names:
                os.chown(os.path.join(place, name), NOBODY, NOBODY)
        prefix = [
            "setpriv",
            f"--reuid={NOBODY}",
            f"--regid={NOBODY}",
            "--clear-groups",
            "env",
            f"HOME={folder}",
        ]
        command = [*prefix, f"PYTHONPATH={packages}", _interpreter(), "-m", "reenact"]
        user = Reenact(command, reenact.variables)
        probe = user.run("--version", directory=folder)
        if probe.status != 0:
            skips.skip(skips.Reason.NOT_READABLE, probe.stderr.decode(errors="replace").strip())
        # The folders the test makes are ours; the user must be able to write there.
        previous = os.umask(0)
        try:
            folder.chmod(0o777)
            yield Session(user, folder, prefix)
        finally:
            os.umask(previous)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
