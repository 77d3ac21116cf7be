"""The command that is measured."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from pathlib import Path


def reenact_command() -> list[str]:
    """As words: REENACT_TEST_COMMAND, else the one beside this Python, else on PATH."""
    named = os.environ.get("REENACT_TEST_COMMAND")
    if named:
        return shlex.split(named)
    beside = Path(sys.executable).parent / "reenact"
    return [str(beside) if beside.exists() else shutil.which("reenact") or "reenact"]
