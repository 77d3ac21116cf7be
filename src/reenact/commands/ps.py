"""`reenact ps`: the processes of a trace."""

from __future__ import annotations

import argparse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from reenact.session.thread_names import NamedThread
    from reenact.trace import Trace

HELP = "the processes of a trace"
DESCRIPTION = "List the recorded processes: number, who made them, program, how they ended."
EXAMPLES = (
    ("reenact ps", "the latest trace"),
    ("reenact ps --threads server-1", "their threads, by name"),
    ("reenact ps --json make-2", "for scripts"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    from reenact.commands.options import add_trace

    add_trace(parser)
    parser.add_argument(
        "--threads",
        action="store_true",
        help="list the threads of each process instead: number, pthread_t, name, where they begin "
        "and end; "
        "replays each process, as the log has no names",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(arguments: argparse.Namespace) -> int:
    """Print the list."""
    import dataclasses
    import shlex

    from reenact import locating, terminal
    from reenact.commands.ends import ending
    from reenact.printable import printable
    from reenact.reach import reach_of
    from reenact.trace import Trace

    trace = Trace(locating.located(arguments.trace))
    if arguments.threads:
        return _print_threads(trace, as_json=arguments.json)
    processes = trace.processes
    reach = reach_of(trace)
    if arguments.json:
        listed = [{**dataclasses.asdict(one), "end": ending(one)} for one in processes]
        left_out = [dataclasses.asdict(one) for one in reach.left_out]
        terminal.print_json({"trace": trace.path, "processes": listed, "left_out": left_out})
        return 0
    terminal.print_table(
        ("process", "parent", "pid", "events", "end", "command"),
        [
            (
                str(process.number),
                "-" if process.parent is None else str(process.parent),
                str(process.pid),
                f"{process.logged:,}",
                ending(process),
                shlex.join(process.arguments) or process.program,
            )
            for process in processes
        ],
        right=("process", "parent", "pid", "events"),
    )
    for line in reach.process_lines():
        print(printable(line))
    return 0


def _print_threads(trace: Trace, *, as_json: bool) -> int:
    from reenact import terminal
    from reenact.printable import printable

    found = [
        (process.number, thread)
        for process in trace.processes
        for thread in _named_threads(trace, process.number)
    ]
    if as_json:
        threads = [
            {
                "process": process,
                "number": thread.recorded.number,
                "tid": thread.recorded.tid,
                "name": thread.name,
                "pthread": thread.pthread or None,
                "begin": thread.recorded.begin,
                "end": thread.recorded.end,
            }
            for process, thread in found
        ]
        terminal.print_json({"trace": trace.path, "threads": threads})
        return 0
    terminal.print_table(
        ("process", "thread", "tid", "pthread", "begins", "ends", "name"),
        [
            (
                str(process),
                str(thread.recorded.number),
                str(thread.recorded.tid),
                f"{thread.pthread:#x}" if thread.pthread else "-",
                f"{process}:{thread.recorded.begin}",
                "-" if thread.recorded.end is None else f"{process}:{thread.recorded.end}",
                printable(thread.name),
            )
            for process, thread in found
        ],
        right=("process", "thread", "tid", "pthread"),
    )
    return 0


def _named_threads(trace: Trace, process: int) -> list[NamedThread]:
    """The threads of a process; without names where it cannot be replayed."""
    import sys

    from reenact.errors import ReenactError
    from reenact.printable import printable
    from reenact.session.thread_names import NamedThread, named_threads
    from reenact.session.thread_table import ThreadTable

    try:
        return named_threads(trace, process)
    except ReenactError as error:
        reason = printable(error.message)
        print(f"threads of process {process} have no names here: {reason}", file=sys.stderr)
        return [NamedThread(thread) for thread in ThreadTable(trace, process).all]
