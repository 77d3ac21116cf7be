"""`reenact attach`: record a process that runs already."""

from __future__ import annotations

import argparse

HELP = "record a process that runs already"
DESCRIPTION = (
    "Record a process that runs already, with all its threads and whatever it starts, from now on "
    "until it ends, Ctrl-C is pressed or it is detached (reenact detach): then nothing of reenact "
    "stays in it. It is held for a moment, which "
    "needs the permission that gdb needs, and goes on where it was; a wait with a time limit "
    "begins anew. The trace begins with a snapshot. Exit status 0 when something was recorded, 125 "
    "when it could not be attached to."
)
EXAMPLES = (
    ("reenact attach $(pidof redis-server)", "record a server from now on"),
    ("reenact attach -o /tmp/hang 4711", "choose where the trace goes"),
    ("reenact attach --ring 256M 4711", "stay on for days; keep the last part of a crash"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    from reenact.commands.options import natural, positive
    from reenact.commands.record import add_ring, add_sources

    parser.add_argument("pid", metavar="PID", type=positive, help="the number of the process")
    parser.add_argument(
        "-o",
        "--output",
        metavar="TRACE",
        help="directory to make for the trace (default: NAME-N, as for `reenact record`)",
    )
    add_sources(parser)
    add_ring(parser)
    parser.add_argument(
        "--inside",
        metavar="FD",
        type=natural,
        help="for programs that record themselves: the socket to the one that has asked",
    )
    parser.add_argument("-q", "--quiet", action="store_true", help="do not say where the trace is")


def run(arguments: argparse.Namespace) -> int:
    """Record, and say where the trace is."""
    from reenact import recordings
    from reenact.commands.record import check_ring, report, say

    check_ring(arguments.ring, arguments.save_on, "attach PID")

    if arguments.inside is not None:
        from reenact import asked_inside

        asked_inside.serve(
            arguments.inside,
            arguments.pid,
            arguments.output,
            ring=arguments.ring,
            save_on=arguments.save_on or "error",
            with_sources=arguments.sources == "yes",
        )
        return 0

    def attached() -> None:
        if not arguments.quiet:
            say([f"reenact: recording process {arguments.pid}; Ctrl-C ends the recording"])

    outcome = recordings.attach(
        arguments.pid,
        arguments.output,
        attached=attached,
        with_sources=arguments.sources == "yes",
        ring=arguments.ring,
        save_on=arguments.save_on or "error",
    )
    if not arguments.quiet:
        say(report(outcome, is_elsewhere=arguments.output is not None))
    return 0
