"""`reenact detach`: take the recorder out of a process that was attached to."""

from __future__ import annotations

import argparse

HELP = "end the recording of a process that was attached to"
DESCRIPTION = (
    "Take the recorder out of a process that is recorded by `reenact attach`, and out of those "
    "that it has forked: the recording ends, the program goes on at its own speed with nothing of "
    "reenact in it, and can be attached to again. The command that attached ends by itself and "
    "says where the trace is. Where that was killed, the recorder is still in the process, and is "
    "taken out from here. What the recording has started by execve has been loaded by the "
    "recorder: it goes on unrecorded, with the recorder in it, which is said."
)
EXAMPLES = (("reenact detach $(pidof redis-server)", "the server goes on by itself"),)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    from reenact.commands.options import positive

    parser.add_argument("pid", metavar="PID", type=positive, help="the number of the process")


def run(arguments: argparse.Namespace) -> int:
    """Detach."""
    from reenact import recordings

    recordings.detach(arguments.pid)
    return 0
