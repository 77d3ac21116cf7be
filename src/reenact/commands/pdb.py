"""`reenact pdb`: walk through a recorded Python program in its own lines."""

from __future__ import annotations

import argparse

HELP = "walk through a recorded Python program in its lines, forwards and backwards"
DESCRIPTION = (
    "Open a prompt on a recorded Python program with the commands of pdb, and rs, rn, rr and rc, "
    "which do the same backwards; last, when, goto. It begins at the line that raised the "
    "exception that failed the test (in a trace of pytest --reenact) or ended the process, else at "
    "the first line of the program. Values come from recorded memory: nothing of the program runs. "
    "With the extra `pdb` it completes."
)
EXAMPLES = (
    ("reenact pdb", "the latest trace, from the exception that ended it"),
    ("reenact pdb --at 1:523+1042 build-1", "process 1, from a position"),
    ("reenact pdb -c where -c 'last total' -c quit", "commands in place of a prompt"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    from reenact.commands.options import add_process, add_trace

    add_trace(parser)
    add_process(parser, "which process (default: 0, or the one of the position)")
    parser.add_argument(
        "--at", metavar="POSITION", help='where to begin: a position, "end", "40%%", "@BOOKMARK"'
    )
    parser.add_argument(
        "-c",
        dest="given",
        metavar="COMMAND",
        action="append",
        default=[],
        help="carry out a command first (repeatable)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Open it, and carry out commands up to the end of input."""
    import contextlib

    from reenact import locating
    from reenact.commands.options import chosen_process
    from reenact.errors import UsageError
    from reenact.pdb.beginning import begin, failed_test
    from reenact.pdb.debugger import Debugger
    from reenact.pdb.prompt import commands
    from reenact.session.positions import Position
    from reenact.trace import Trace

    trace = Trace(locating.located(arguments.trace))
    process = chosen_process(trace, arguments.process)
    if arguments.process is None and arguments.at is None:
        test = failed_test(trace.path)
        process = process if test is None else test.process
    elif arguments.process is None:
        with contextlib.suppress(UsageError):
            process = Position.parse(arguments.at).process
    with trace.replay(process, begin="exec") as session:
        begin(session, arguments.at, print)
        debugger = Debugger(session, print)
        debugger.show_place()
        for line in commands(debugger, arguments.given):
            if not debugger.run(line):
                break
    return 0
