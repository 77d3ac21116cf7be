"""`reenact follow`: from bytes that a call got to the call that gave them, and back."""

from __future__ import annotations

import argparse
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from reenact.session.followed import Followed
    from reenact.session.positions import Position
    from reenact.trace import Trace

HELP = "from a read to the write that its bytes come from, in whichever process, and back"
DESCRIPTION = (
    "Where a call of a recorded process got bytes that another recorded process gave (through a "
    "pipe, a socket, a pseudo-terminal or a file), say which call that was and where; with --back, "
    "from the call that gave bytes to those that got them. The bytes of both are compared, by "
    "replays of their processes, where they were in memory. With --value, say which process "
    "has stored a value that is in memory that processes share at the position."
)
EXAMPLES = (
    ("reenact follow 2:208", "who wrote what process 2 read at its event 208"),
    ("reenact follow --back 1:5 build-1", "who read what process 1 wrote"),
    ("reenact follow --value 'queue->head' 1:90+12", "who stored what process 1 sees there"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    from reenact.commands.options import add_trace

    parser.add_argument(
        "position", metavar="POSITION", help="an event that is a read, write, recv, send…: 2:208"
    )
    add_trace(parser)
    parser.add_argument(
        "--back", action="store_true", help="from a call that gave bytes to those that got them"
    )
    parser.add_argument(
        "--value",
        metavar="EXPR",
        help="from a value in shared memory at the position to the store that it comes from",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(arguments: argparse.Namespace) -> int:
    """Print the other side."""
    import shlex

    from reenact import locating, terminal
    from reenact.session.positions import Position
    from reenact.trace import Trace

    trace = Trace(locating.located(arguments.trace))
    position = Position.parse(arguments.position)
    found = _ask(trace, position, arguments)
    if arguments.json:
        listed = [
            {
                "position": str(one.position),
                "offset": one.skipped,
                "begin": one.begin,
                "length": one.length,
                "through": one.through,
                "compared": one.is_compared,
            }
            for one in found
        ]
        terminal.print_json({"trace": trace.path, "position": str(position), "found": listed})
        return 0
    _print(trace, found, "" if arguments.trace is None else f"{shlex.quote(arguments.trace)} ")
    return 0


def _ask(trace: Trace, position: Position, arguments: argparse.Namespace) -> list[Followed]:
    if arguments.value is not None:
        if arguments.back:
            from reenact.errors import UsageError

            raise UsageError(
                "--value cannot be followed with --back", "watch it in the other process: rwatch"
            )
        with trace.replay(position.process) as session:
            session.goto(position)
            return [session.sender(arguments.value)]
    following = trace.following
    return following.receivers(position) if arguments.back else following.senders(position)


def _print(trace: Trace, found: Sequence[Followed], named: str) -> None:
    """Print what was found; `named`: the trace as a word of the next command."""
    from reenact import terminal
    from reenact.printable import printable

    names = {process.number: process.program.rpartition("/")[2] for process in trace.processes}
    for one in found:
        process, event = one.position.process, one.position.event
        text = next(trace.events(process, event, event)).text if one.is_call else "a store"
        print(f"{terminal.style(str(one.position), 'bold', sys.stdout)} {printable(text)}")
        whose = f"process {process}" + (f" ({names[process]})" if names.get(process) else "")
        sure = "" if one.is_compared else "; its bytes could not be compared"
        print(
            f"  {terminal.counted(one.length, 'byte')} from byte {one.skipped} of it, by "
            f"{printable(whose)}, through {one.through}{sure}"
        )
        print(f"  reenact replay {named}-p {process} --goto {one.position}")
