"""`reenact rm`: remove traces."""

from __future__ import annotations

import argparse

HELP = "remove traces"
DESCRIPTION = (
    "Remove traces with everything in them, and from the cache the copies of programs and "
    "libraries that no other trace has. Refuses whatever is not a trace, and a trace that is being "
    "recorded."
)
EXAMPLES = (
    ("reenact rm ls-3 ls-4", "two traces of the default place"),
    ("reenact rm --all", "all traces of the default place"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("traces", metavar="TRACE", nargs="*", help="a trace's name or path")
    parser.add_argument("--all", action="store_true", help="all traces of the default place")


def run(arguments: argparse.Namespace) -> int:
    """Remove what was named, after everything named has been found to be a trace."""
    from reenact import places, removal
    from reenact.errors import TraceError, UsageError

    if bool(arguments.traces) == arguments.all:
        raise UsageError("name the traces to remove, or --all", "see the traces: reenact ls")
    if arguments.all:
        paths = places.all_traces()
    else:
        paths = list(dict.fromkeys(places.locate(name) for name in arguments.traces))
    for path in paths:
        if not places.is_trace(path):
            raise TraceError(f"{path} is not a trace, so it is not removed")
        if places.is_being_recorded(path):
            raise TraceError(f"{path} is being recorded", "end its program first")
    removal.remove(paths)
    return 0
