"""`reenact pack`: a trace in one file."""

from __future__ import annotations

import argparse

HELP = "make one file of a trace, to be sent"
DESCRIPTION = (
    "Make one compressed file of a trace, with all it needs to be replayed elsewhere: the log, the "
    "programs and libraries, the sources that were kept, bookmarks. Other commands take it in "
    "place of a trace. It is a tar archive compressed by zstd, and holds everything that the "
    "recorded program has read: secrets, too."
)
EXAMPLES = (
    ("reenact pack", "the latest trace, into NAME.reenact here"),
    ("reenact pack ls-3 -o /tmp/crash.reenact", "choose the file"),
    ("reenact replay crash.reenact", "debug what somebody has sent"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    from reenact.commands.options import add_trace

    add_trace(parser)
    parser.add_argument(
        "-o", "--output", metavar="FILE", help="the file to make (default: NAME.reenact here)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Write it, and say how large it is."""
    import os

    from reenact import manifest, packs, places
    from reenact.errors import TraceError
    from reenact.printable import printable

    path = places.locate(arguments.trace)
    manifest.read(path)
    if places.is_being_recorded(path):
        raise TraceError(f"{path} is being recorded", "end its program first")
    target = arguments.output or os.path.basename(path) + packs.ENDING
    size = packs.write(path, target)
    print(f"{printable(target)}: {size / (1 << 20):.1f} MiB")
    return 0
