"""A program's own option for bug reports: it starts itself once more, recorded."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence


def enable(
    to: str | None = None,
    *,
    option: str = "--bug-report",
    arguments: Sequence[str] | None = None,
    timeout: float | None = None,
    chaos: bool = False,
    ring: str | None = None,
    ask: bool = True,
) -> None:
    """Give a Python program an option that records its run and sends it.

    To be called first thing in the program. When the option is on the command line, this process
    becomes `reenact report -- PROGRAM ARGUMENTS` without the option, and does not return.

    Arguments:
        to: where reports go (see `reenact report --to`); None: a file in the working directory.
        option: the option's name.
        arguments: the command line, the program first; None: `sys.argv`, from which the option is
            not removed.
        timeout: seconds after which the program is ended; None: never.
        chaos: schedule threads at random, for races.
        ring: keep only the last part of the recording, such as "256M".
        ask: show what is inside, and ask before it is sent.

    Example:
        >>> from reenact import report
        >>> report.enable(arguments=["program"])
    """
    given = list(sys.argv if arguments is None else arguments)
    if option not in given[1:]:
        return
    program = [word for number, word in enumerate(given) if number == 0 or word != option]
    command = [sys.executable, "-m", "reenact", "report"]
    command += [] if to is None else ["--to", to]
    command += [] if timeout is None else ["--timeout", str(timeout)]
    command += ["--chaos"] if chaos else []
    command += [] if ring is None else ["--ring", ring]
    command += [] if ask else ["--yes"]
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(sys.executable, [*command, "--", *_as_started(program)])


def _as_started(program: list[str]) -> list[str]:
    """The command that starts a Python program as it was started."""
    # Python 3.9 does not tell its own options.
    original = list(getattr(sys, "orig_argv", [sys.executable, *sys.argv]))
    count = len(sys.argv) - 1
    before = original[: len(original) - count] if count else original
    return [sys.executable, *before[1:], *program[1:]]
