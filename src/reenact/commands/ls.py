"""`reenact ls`: the traces of the default place."""

from __future__ import annotations

import argparse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from reenact.manifest import Manifest

HELP = "list the traces of the default place"
DESCRIPTION = "List the traces of the default place, oldest first."
EXAMPLES = (("reenact ls", "a table"), ("reenact ls --json", "one JSON object"))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(arguments: argparse.Namespace) -> int:
    """Print the list."""
    import os
    import shlex

    from reenact import manifest, places, terminal
    from reenact.errors import TraceError

    rows: list[tuple[str, Manifest | None, str]] = []
    for path in places.all_traces():
        try:
            read = manifest.read(path)
        except TraceError as error:
            rows.append((path, None, error.message))
            continue
        rows.append((path, read, shlex.join(read.command)))
    if arguments.json:
        traces = [
            {
                "path": path,
                "name": os.path.basename(path),
                "command": list(read.command) if read else None,
                "start_ns": read.start_ns if read else None,
                "complete": read.is_complete if read else False,
                "bytes": places.size(path),
                "error": None if read else text,
            }
            for path, read, text in rows
        ]
        terminal.print_json({"directory": places.home(), "traces": traces})
        return 0
    if not rows:
        print(f"No traces in {places.home()} yet. Record one: reenact record -- PROGRAM")
        return 0
    terminal.print_table(
        ("name", "recorded", "size", "command"),
        [
            (
                os.path.basename(path),
                terminal.moment(read.start_ns) if read else "-",
                terminal.size(places.size(path)),
                text,
            )
            for path, read, text in rows
        ],
        right=("size",),
    )
    return 0
