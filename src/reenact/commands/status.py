"""`reenact status`: what is being recorded in rings."""

from __future__ import annotations

import argparse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from reenact.rings import RunningRing

HELP = "what is being recorded in rings"
DESCRIPTION = (
    "List this user's recordings in rings (reenact record --ring): how much each holds, and how "
    "far back that reaches."
)
EXAMPLES = (("reenact status", "all of them"), ("reenact status --json", "for scripts"))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(arguments: argparse.Namespace) -> int:
    """Print the list."""
    import shlex

    from reenact import rings, terminal
    from reenact.printable import printable

    found = rings.running()
    if arguments.json:
        terminal.print_json({"rings": [{"name": one.name, **one.status} for one in found]})
        return 0
    if not found:
        print("Nothing is being recorded in a ring (begin: reenact record --ring 256M -- PROGRAM).")
        return 0
    terminal.print_table(
        ("name", "pid", "holds", "of", "back", "processes", "events", "command"),
        [
            (
                printable(one.name),
                str(one.status["pid"]),
                terminal.size(one.status["bytes"]),
                terminal.size(one.status["limit"]),
                f"{one.status['reach_seconds']:.1f} s",
                str(len(one.status["processes"])),
                f"{one.status['events']:,}",
                printable(shlex.join(map(str, one.status["command"] or ()))),
            )
            for one in found
        ],
        right=("pid", "holds", "of", "back", "processes", "events"),
    )
    for one in found:
        _print_remarks(one)
    return 0


def _print_remarks(ring: RunningRing) -> None:
    from reenact.printable import printable

    name = printable(ring.name)
    if ring.status["stopped"]:
        print(f"{name}: stopped; what it holds is kept until its program ends")
    for obstacle in ring.status["without_snapshots"]:
        number, pid, why = obstacle["number"], obstacle["pid"], printable(obstacle["why"])
        print(f"{name}: process {number} (pid {pid}) takes no snapshots, as {why}: all is kept")
