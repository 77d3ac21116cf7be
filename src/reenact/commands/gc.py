"""`reenact gc`: remove old traces."""

from __future__ import annotations

import argparse

HELP = "remove old traces of the default place"
DESCRIPTION = (
    "Remove traces of the default place that are beyond any of the limits that are named, the "
    "oldest first. A trace that is being recorded, or in which somebody has set bookmarks, stays."
)
EXAMPLES = (
    ("reenact gc --keep 20", "all but the latest twenty"),
    ("reenact gc --max-size 10G --older-than 30d", "so much at most, and none that is older"),
    ("reenact gc --keep 20 --dry-run", "only say which"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    from reenact.commands.options import age, bytes_in, natural

    parser.add_argument("--keep", metavar="N", type=natural, help="keep no more than the latest N")
    parser.add_argument(
        "--max-size",
        metavar="SIZE",
        type=bytes_in,
        help="keep no more than the latest that take so much together, as 500M or 10G",
    )
    parser.add_argument(
        "--older-than", metavar="AGE", type=age, help="remove what is older, as 30d or 12h"
    )
    parser.add_argument("--dry-run", action="store_true", help="remove nothing, say what would be")


def run(arguments: argparse.Namespace) -> int:
    """Remove what is beyond the limits, and say how much that was."""
    import os
    import time

    from reenact import places, removal, terminal
    from reenact.errors import UsageError
    from reenact.printable import printable
    from reenact.trace_sizes import taken

    limits = (arguments.keep, arguments.max_size, arguments.older_than)
    if all(limit is None for limit in limits):
        raise UsageError("name a limit", "reenact gc --keep 20")
    now = time.time()
    gone: dict[str, int] = {}
    kept = total = 0
    for path in reversed(places.all_traces()):
        size = taken(path).own
        is_beyond = (
            (arguments.keep is not None and kept >= arguments.keep)
            or (arguments.max_size is not None and total + size > arguments.max_size)
            or (arguments.older_than is not None and _made(path) < now - arguments.older_than)
        )
        if is_beyond and not _stays(path):
            gone[path] = size
        else:
            kept += 1
            total += size
    if not arguments.dry_run:
        removal.remove(gone)
    else:
        for path in gone:
            print(printable(os.path.basename(path)))
    done = "would remove" if arguments.dry_run else "removed"
    print(
        f"{done} {terminal.counted(len(gone), 'trace')}, {terminal.size(sum(gone.values()))}; "
        f"left are {kept:,}, {terminal.size(total)}"
    )
    return 0


def _made(path: str) -> float:
    import os

    from reenact import places

    return os.stat(os.path.join(path, places.MANIFEST)).st_mtime


def _stays(path: str) -> bool:
    from reenact import places

    return _has_bookmarks(path) or places.is_being_recorded(path)


def _has_bookmarks(path: str) -> bool:
    """Whether somebody has set one: those of `pytest --reenact` are in each of its traces."""
    from reenact.errors import ReenactError
    from reenact.session.bookmarks import BY_TESTS, Bookmarks

    try:
        return any(mark.note != BY_TESTS for mark in Bookmarks(path))
    except ReenactError:
        return True  # There is something that cannot be read.
