"""`reenact ps`: the processes of a trace."""

from __future__ import annotations

import argparse

HELP = "the processes of a trace"
DESCRIPTION = "List the recorded processes: number, who made them, program, how they ended."
EXAMPLES = (("reenact ps", "the latest trace"), ("reenact ps --json make-2", "for scripts"))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    from reenact.commands.options import add_trace

    add_trace(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(arguments: argparse.Namespace) -> int:
    """Print the list."""
    import dataclasses
    import shlex

    from reenact import places, terminal
    from reenact.commands.ends import ending
    from reenact.trace import Trace

    trace = Trace(places.locate(arguments.trace))
    processes = trace.processes
    if arguments.json:
        listed = [{**dataclasses.asdict(one), "end": ending(one)} for one in processes]
        terminal.print_json({"trace": trace.path, "processes": listed})
        return 0
    terminal.print_table(
        ("process", "parent", "pid", "events", "end", "command"),
        [
            (
                str(process.number),
                "-" if process.parent is None else str(process.parent),
                str(process.pid),
                f"{process.events:,}",
                ending(process),
                shlex.join(process.arguments) or process.program,
            )
            for process in processes
        ],
        right=("process", "parent", "pid", "events"),
    )
    return 0
