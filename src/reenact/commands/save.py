"""`reenact save`: make a trace of what a ring holds, while it is being recorded."""

from __future__ import annotations

import argparse

HELP = "make a trace of what a ring holds, while it is being recorded"
DESCRIPTION = (
    "Write what a recording in a ring (reenact record --ring) holds at this moment to a trace. The "
    "programs and the recording go on. The trace says how far back it reaches, and replays exactly "
    "from there."
)
EXAMPLES = (
    ("reenact save redis-server-1", "by the name that reenact status shows"),
    ("reenact save 4711 -o /tmp/odd", "by a pid of the recording, to a place of one's own"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "ring", metavar="PID|NAME", help="a pid of the recording, or its name (see reenact status)"
    )
    parser.add_argument(
        "-o",
        "--output",
        metavar="TRACE",
        help="directory to make for the trace (default: PROGRAM-N, as for record)",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(arguments: argparse.Namespace) -> int:
    """Save, and say where."""
    from reenact import rings, terminal
    from reenact.printable import printable

    saved = rings.save(rings.find(arguments.ring), arguments.output)
    if arguments.json:
        terminal.print_json(saved)
        return 0
    size = terminal.size(int(saved["bytes"]))
    processes = terminal.counted(int(saved["processes"]), "process")
    trace = printable(str(saved["trace"]))
    print(f"saved {processes}, {size}, in {trace} (replay it: reenact replay)")
    return 0
