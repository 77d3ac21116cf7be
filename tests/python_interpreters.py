"""Interpreters of Python to record: the system's, and those that pyenv has installed."""

from __future__ import annotations

import functools
import shutil
import subprocess
from pathlib import Path

import skips

#: Every release series whose frames can be read.
SERIES = ("3.9", "3.10", "3.11", "3.12", "3.13", "3.14")
_SYSTEM = Path("/usr/bin")


def need_interpreter(series: str) -> Path:
    """An installed interpreter of a series; skips the running test when there is none."""
    system = _SYSTEM / f"python{series}"
    if system.exists():
        return system
    for folder in _versions():
        found = folder / "bin" / f"python{series}"
        if found.exists():
            return found
    return skips.skip(skips.Reason.NO_PROGRAM, f"python{series}")


@functools.cache
def _versions() -> list[Path]:
    program = shutil.which("pyenv")
    if program is None:
        return []
    done = subprocess.run([program, "root"], check=True, capture_output=True, text=True)
    return sorted(Path(done.stdout.strip(), "versions").glob("3.*"))
