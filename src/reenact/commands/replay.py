"""`reenact replay`: open a debugger on a recording."""

from __future__ import annotations

import argparse

HELP = "walk through a recording in gdb, forwards and backwards"
DESCRIPTION = (
    "Open gdb on a recorded program at its first instruction. All of gdb's commands work, also "
    "backwards: reverse-continue, reverse-step, reverse-next, reverse-finish, reverse-stepi. "
    "Files and libraries come from the trace. Further commands there: when, elapsed, goto, last, "
    "back-step, back-next, back-finish, checkpoint, restart, bookmark. What follows `--` goes to "
    "gdb."
)
EXAMPLES = (
    ("reenact replay", "the latest trace"),
    ("reenact replay ls-3 --goto end", "start at the end and go back from there"),
    ("reenact replay --goto @crash", "start at a bookmark (see reenact bookmark)"),
    ("reenact replay -p 2 build-1", "process 2 of the recording (see reenact ps)"),
    ("reenact replay crash -- -batch -ex continue", "arguments for gdb"),
    ("reenact replay --server 1234", "wait for any gdb or lldb"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    from reenact.commands.options import add_trace, natural

    add_trace(parser)
    parser.set_defaults(gdb_arguments=[])
    parser.add_argument(
        "-p", "--process", metavar="N", type=natural, default=0, help="which process (default: 0)"
    )
    parser.add_argument(
        "--goto",
        metavar="POSITION",
        help='where to begin: a position, an event, "end", "37.5%%", "1.5s" or "@BOOKMARK"',
    )
    parser.add_argument("--gdb", metavar="PROGRAM", help="another gdb than the one on the path")
    parser.add_argument(
        "--server",
        metavar="ADDRESS",
        help="open no debugger, wait for one: PORT or HOST:PORT",
    )


def run(arguments: argparse.Namespace) -> int:
    """Replay under a debugger."""
    from reenact import places
    from reenact.commands.options import tell_of_shared_changes
    from reenact.gdb.launch import find_gdb, run_gdb, wait_for_client
    from reenact.trace import Trace

    gdb = None if arguments.server else find_gdb(arguments.gdb)
    trace = Trace(places.locate(arguments.trace))
    tell_of_shared_changes(trace, arguments.process)
    with trace.replay(arguments.process) as session:
        if arguments.goto is not None:
            session.goto(arguments.goto)
        if gdb is None:
            wait_for_client(session, arguments.server)
            return 0
        return run_gdb(session, gdb, arguments.gdb_arguments)
