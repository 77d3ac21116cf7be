"""`reenact ls`: the traces of the default place."""

from __future__ import annotations

import argparse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from reenact.manifest import Manifest
    from reenact.trace_sizes import Taken

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
    from reenact.trace_sizes import taken

    rows: list[tuple[str, Manifest | None, str]] = []
    sizes: dict[str, Taken] = {}
    for path in places.all_traces():
        sizes[path] = taken(path)
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
                "bytes": sizes[path].total,
                "own_bytes": sizes[path].own,
                "error": None if read else text,
            }
            for path, read, text in rows
        ]
        listed = {"directory": places.home(), "traces": traces, "shared_bytes": _shared(sizes)}
        terminal.print_json(listed)
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
                terminal.size(sizes[path].own),
                text,
            )
            for path, read, text in rows
        ],
        right=("size",),
    )
    if shared := _shared(sizes):
        print(f"programs and libraries that traces share: {terminal.size(shared)}")
    return 0


def _shared(sizes: dict[str, Taken]) -> int:
    """Bytes of the files that are there once for several traces, or for later ones."""
    files = {file: size for each in sizes.values() for file, size in each.shared.items()}
    return sum(files.values())
