"""Compiles guest programs, each variant once, again when its source is newer."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import skips

WARNINGS = ("-Wall", "-Wextra", "-Werror")


class GuestBuild:
    """Builds `tests/guests` into a folder of the build directory."""

    def __init__(self, sources: Path, target: Path) -> None:
        self.sources = sources
        self.target = target

    def build(
        self, source: str, name: str, flags: Sequence[str] = ("-O2",), c_compiler: str = "gcc"
    ) -> Path:
        """The program made from `source` with `flags`; `name` tells variants apart."""
        path = self.sources / source
        # Each variant has a folder of its own so that the program's name stays the source's.
        program = self.target / name / path.stem
        newest = max(path.stat().st_mtime, (self.sources / "guest.h").stat().st_mtime)
        if program.exists() and program.stat().st_mtime > newest:
            return program
        compiler = shutil.which("g++" if path.suffix == ".cc" else c_compiler)
        if compiler is None:
            skips.skip(skips.Reason.NO_COMPILER)
        program.parent.mkdir(parents=True, exist_ok=True)
        standard = "-std=gnu++17" if path.suffix == ".cc" else "-std=gnu17"
        subprocess.run(
            [compiler, standard, *WARNINGS, *flags, "-o", program, path], check=True, timeout=120
        )
        return program
