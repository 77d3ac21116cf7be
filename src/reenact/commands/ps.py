"""`reenact ps`: the processes of a trace."""

from __future__ import annotations

import argparse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from reenact.events import Process

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


def ending(process: Process) -> str:
    """How a process ended, for people: "exit 0", "SIGSEGV (core dumped)", "cut"."""
    if process.exit_status is not None:
        return f"exit {process.exit_status}"
    if process.signal is not None:
        from reenact.terminal import signal_name

        return signal_name(process.signal) + (" (core dumped)" if process.dumped_core else "")
    return "unknown" if process.is_complete else "cut"
