"""`reenact unpack`: the trace that is in a pack."""

from __future__ import annotations

import argparse

HELP = "make a trace of such a file again"
DESCRIPTION = (
    "Make a trace directory of what `reenact pack` has made. Other commands take the file itself "
    "in place of a trace; to be unpacked is of use where bookmarks are to be added."
)
EXAMPLES = (
    ("reenact unpack crash.reenact", "into the default place of traces"),
    ("reenact unpack crash.reenact -o /tmp/crash", "choose where"),
    ("reenact unpack https://example.org/crash.reenact", "fetch all of it"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("file", metavar="FILE", help="a file made by reenact pack: its path or URL")
    parser.add_argument(
        "-o", "--output", metavar="TRACE", help="directory to make (default: NAME-N, as `record`)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Unpack it, and say where."""
    import os

    from reenact import packs, places
    from reenact.errors import TraceError
    from reenact.printable import printable
    from reenact.stores import urls

    file = arguments.file
    is_elsewhere = urls.is_url(file)
    if is_elsewhere and (local := urls.local_path(file)) is not None:
        file, is_elsewhere = local, False
    if not is_elsewhere and not os.path.lexists(file):
        raise TraceError(f"there is no file {file}", "give the path of a pack")
    if not is_elsewhere and not packs.is_pack(file):
        raise TraceError(f"{file} is not a pack", "reenact pack makes one of a trace")
    if arguments.output is None:
        name = os.path.basename(urls.shown(file) if is_elsewhere else file)
        target = places.create_default(name.removesuffix(packs.ENDING) or "trace")
        os.rmdir(target)
    else:
        target = os.path.abspath(arguments.output)
    if is_elsewhere:
        from reenact.stores import remote

        remote.unpack(file, target)
    else:
        packs.unpack(file, target)
    print(f"unpacked to {printable(target)}")
    return 0
