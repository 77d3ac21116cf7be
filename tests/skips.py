"""The only reasons for which a test may be skipped; each skip is counted in a generated page."""

from __future__ import annotations

import enum
import shutil
from typing import NoReturn

import pytest
from tiers import FULL


class Reason(enum.Enum):
    """Why a test cannot run here."""

    NO_PROGRAM = "a program it records is not installed"
    NO_FILE = "a file it reads is not there"
    NO_COMPILER = "no compiler for the guest programs"
    NOT_ROOT = "needs root"
    NOT_ALLOWED = "the system does not allow it here"
    NO_PROCESSOR_FEATURE = "the processor lacks an instruction set"
    NOT_READABLE = "the installation cannot be read by an ordinary user"
    FULL_SIZE = "only in the full size (REENACT_TEST_FULL=1)"
    NO_NETWORK = "what it needs cannot be fetched here"
    NOT_BUILT = "reenact is not built"


def skip(reason: Reason, detail: str = "") -> NoReturn:
    """Skip the running test for one of the reasons."""
    pytest.skip(f"{reason.value}: {detail}" if detail else reason.value)


#: Where programs are installed that need not be on PATH.
_ELSEWHERE = "/usr/local/go/bin:/usr/lib/go/bin"


def need_program(name: str) -> str:
    """The path of an installed program; skips the running test when there is none."""
    found = shutil.which(name) or shutil.which(name, path=_ELSEWHERE)
    if found is None:
        skip(Reason.NO_PROGRAM, name)
    return found


def unless_full() -> None:
    """Skip what only the full tier runs."""
    if not FULL:
        skip(Reason.FULL_SIZE)


def reason_of(message: str) -> Reason | None:
    """The listed reason that a skip's message begins with."""
    text = message.removeprefix("Skipped: ")
    return next((reason for reason in Reason if text.startswith(reason.value)), None)
