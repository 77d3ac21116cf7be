"""`reenact replay`: open a debugger on a recording."""

from __future__ import annotations

import argparse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from reenact.trace import Trace

#: Source files that a warning names.
_MOST_NAMED = 3
#: Where headers of libraries are installed.
_OF_SYSTEM = ("/usr/include/", "/usr/lib/")

HELP = "walk through a recording in gdb, forwards and backwards"
DESCRIPTION = (
    "Open gdb on a recorded program at its first instruction, for a process that another one made "
    "where it executes its program. All of gdb's commands work, also "
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
    from reenact.commands.options import add_process, add_trace

    add_trace(parser)
    parser.set_defaults(gdb_arguments=[])
    add_process(parser, "which process (default: 0)")
    parser.add_argument(
        "--from",
        dest="begin",
        choices=("exec", "fork"),
        default="exec",
        help="begin where the process executes a program for the first time, or where it was made "
        "(default: exec)",
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
    from reenact import locating
    from reenact.commands.options import chosen_process, tell_of_shared_changes
    from reenact.gdb.launch import find_gdb, run_gdb, wait_for_client
    from reenact.trace import Trace

    gdb = None if arguments.server else find_gdb(arguments.gdb)
    trace = Trace(locating.located(arguments.trace))
    process = chosen_process(trace, arguments.process)
    tell_of_shared_changes(trace, process)
    _tell_of_newer_sources(trace)
    _tell_of_python(trace, process)
    with trace.replay(process) as session:
        if arguments.goto is not None:
            session.goto(arguments.goto)
        elif arguments.begin == "exec":
            session.goto_program()
        if gdb is None:
            wait_for_client(session, arguments.server)
            return 0
        return run_gdb(session, gdb, arguments.gdb_arguments)


def _tell_of_python(trace: Trace, process: int) -> None:
    """Say what walks in the lines of a Python program."""
    import sys

    from reenact.cpython.candidates import is_python

    if any(one.number == process and is_python(one.program) for one in trace.processes):
        print(
            "reenact: this is a Python program: reenact pdb walks in its own lines", file=sys.stderr
        )


def _tell_of_newer_sources(trace: Trace) -> None:
    """Say which of the sources that are shown may not be those that were compiled."""
    import sys

    from reenact.printable import printable

    # Headers of the system are as new as its last update: nobody has changed them.
    newer = [
        source.path
        for source in trace.sources
        if source.is_newer and not source.path.startswith(_OF_SYSTEM)
    ]
    if newer:
        shown = ", ".join(newer[:_MOST_NAMED]) + (", ..." if len(newer) > _MOST_NAMED else "")
        were = "a source file was" if len(newer) == 1 else f"{len(newer)} source files were"
        print(
            f"reenact: warning: {were} changed after the program was built, and may not show the "
            f"lines that ran: {printable(shown)}",
            file=sys.stderr,
        )
