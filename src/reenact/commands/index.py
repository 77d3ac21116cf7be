"""`reenact index`: a pass over a trace that leaves snapshots, from which replays can begin."""

from __future__ import annotations

import argparse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from reenact.replay.indexing import Indexing

HELP = "make going anywhere in a long trace quick"
DESCRIPTION = (
    "Replay a trace once, check every event of it, and keep snapshots of its processes in the "
    "user's cache. From then on going far away begins at the nearest one, and a verification "
    "replays what lies between them side by side on all processors. There are none while a process "
    "shares memory with others. The cache holds 16 GiB of them at most; the ones made longest ago "
    "are removed first."
)
EXAMPLES = (
    ("reenact index", "the latest trace"),
    ("reenact index -p redis-server --every 10s", "one process of it, fewer snapshots"),
    ("reenact index --remove", "remove what was kept"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    from reenact.commands.options import add_process, add_trace, duration

    add_trace(parser)
    add_process(parser, "snapshots of this process only")
    parser.add_argument(
        "--every",
        metavar="TIME",
        type=duration,
        help="replay so long from one snapshot of a process to the next: 10s, 1m (default: 2s)",
    )
    parser.add_argument("--remove", action="store_true", help="remove the index of the trace")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(arguments: argparse.Namespace) -> int:
    """Make it, and say what it is."""
    from reenact import indexes, locating, manifest, terminal
    from reenact.replay import indexing

    path = locating.located(arguments.trace)
    manifest.read(path)
    if arguments.remove:
        was_there = indexes.forget(path)
        if arguments.json:
            terminal.print_json({"trace": path, "removed": was_there})
        else:
            print("the index is removed" if was_there else "the trace has no index")
        return 0
    process = None
    if arguments.process is not None:
        from reenact.commands.options import chosen_process
        from reenact.trace import Trace

        process = chosen_process(Trace(path), arguments.process)
    with terminal.progress("indexing") as bar:
        made = indexing.make(
            path,
            process=process,
            every=arguments.every or indexing.EVERY,
            on_progress=bar.update if bar.is_shown else None,
        )
    if not made.result.is_exact:
        raise indexing.failure(made.result)
    _print(path, made, as_json=arguments.json)
    return 0


def _print(path: str, made: Indexing, *, as_json: bool) -> None:
    from reenact import terminal
    from reenact.printable import printable

    index = made.index
    if as_json:
        terminal.print_json(
            {
                "trace": path,
                "snapshots": 0 if index is None else index.count,
                "processes": 0 if index is None else len(index.events),
                "bytes": 0 if index is None else index.size,
                "events": made.result.events,
                "seconds": round(made.result.seconds, 6),
            }
        )
        return
    for message in dict.fromkeys(note.message for note in made.result.notes):
        print(f"note: {printable(message)}")
    if index is None:
        print(
            "no snapshot was taken: the replay is shorter than from one to the next, or its "
            "processes share memory; nothing is kept"
        )
        return
    print(
        f"{terminal.counted(index.count, 'snapshot')} of "
        f"{terminal.counted(len(index.events), 'process')}, {terminal.size(index.size)}, in "
        f"{made.result.seconds:.2f} s"
    )
