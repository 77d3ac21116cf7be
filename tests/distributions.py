"""Other distributions, in folders that `chroot` makes the root."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import skips

BUILD = Path(__file__).resolve().parent.parent / "build" / "tests"
#: The oldest and the newest of Debian.
SUITES = ("bullseye", "sid")
#: Beside the base: what is recorded there, and what installing the package from its sources takes.
_PACKAGES = "python3,python3-venv,xz-utils,gcc,libc6-dev,ca-certificates"


def root_of(suite: str) -> Path:
    """The folder of an installed distribution, made once."""
    place = BUILD / "distributions" / suite
    if (place / "complete").exists():
        return place
    if os.getuid() != 0:
        skips.skip(skips.Reason.NOT_ROOT)
    command = [skips.need_program("debootstrap"), "--variant=minbase"]
    command += [f"--include={_PACKAGES}", suite, str(place)]
    shutil.rmtree(place, ignore_errors=True)
    place.parent.mkdir(parents=True, exist_ok=True)
    made = subprocess.run(command, capture_output=True, check=False, timeout=1500)
    # Debian's newest leaves it there; what runs in the folder is to have none.
    subprocess.run(["umount", str(place / "proc")], capture_output=True, check=False)
    if made.returncode != 0:
        shutil.rmtree(place, ignore_errors=True)
        skips.skip(skips.Reason.NO_NETWORK, f"Debian's {suite}")
    (place / "complete").touch()
    return place
