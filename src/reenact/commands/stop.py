"""`reenact stop`: end a recording in a ring while its program goes on."""

from __future__ import annotations

import argparse

HELP = "end a recording in a ring while its program goes on"
DESCRIPTION = (
    "Record no longer what runs in a ring (reenact record --ring); the programs go on natively. "
    "What it holds can be saved until its program ends, and --save-on decides then. A recording of "
    "a process that was attached to ends at once, as --save-on says: save it first."
)
EXAMPLES = (("reenact stop redis-server-1", "by the name that reenact status shows"),)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "ring", metavar="PID|NAME", help="a pid of the recording, or its name (see reenact status)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Stop it."""
    from reenact import rings

    rings.find(arguments.ring).stop()
    return 0
