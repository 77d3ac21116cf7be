"""`reenact bookmark`: positions with a name and a note, kept with the trace."""

from __future__ import annotations

import argparse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from reenact.session.bookmarks import Bookmark
    from reenact.session.positions import Position
    from reenact.trace import Trace

HELP = "list, add or remove bookmarks of a trace"
DESCRIPTION = (
    "Bookmarks are positions with a name and a note. They are kept in the trace's directory, so "
    "whoever gets the trace has them, too. Without an option: list them. "
    "`reenact replay --goto @NAME` begins at one."
)
EXAMPLES = (
    ("reenact bookmark", "those of the latest trace"),
    ("reenact bookmark ls-3 --add crash --at end --note 'why?'", "keep a position"),
    ("reenact bookmark ls-3 --remove crash", "forget it"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    from reenact.commands.options import add_process, add_trace

    add_trace(parser)
    change = parser.add_mutually_exclusive_group()
    change.add_argument("--add", metavar="NAME", help="keep the position of --at under a name")
    change.add_argument("--remove", metavar="NAME", help="forget a bookmark")
    parser.add_argument(
        "--at",
        metavar="POSITION",
        help='the position to keep: such as 0:523+1042, an event, "end", "37.5%%" or "1.5s"',
    )
    parser.add_argument("--note", metavar="TEXT", help="what is to be seen there")
    parser.add_argument(
        "--force", action="store_true", help="with --add: replace the bookmark of that name"
    )
    add_process(parser, "which process --at means (default: that of the position, else 0)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(arguments: argparse.Namespace) -> int:
    """List, add or remove."""
    from reenact import places
    from reenact.errors import UsageError
    from reenact.trace import Trace

    trace = Trace(places.locate(arguments.trace))
    if arguments.add is None and (
        arguments.force or not (arguments.at is None and arguments.note is None)
    ):
        raise UsageError(
            "--at, --note and --force belong to --add NAME", "see reenact bookmark --help"
        )
    if arguments.add is not None:
        if arguments.at is None:
            raise UsageError("--add wants to know which position", "say --at POSITION")
        name = arguments.add
        if not arguments.force:
            # Before it is replayed to the position.
            trace.bookmarks.check_free(name)
        position = _position(trace, arguments.at, arguments.process)
        note = arguments.note or ""
        marks = [trace.bookmarks.add(name, position, note, replace=arguments.force)]
    elif arguments.remove is not None:
        trace.bookmarks.remove(arguments.remove)
        return 0
    else:
        marks = list(trace.bookmarks)
    _print(trace, marks, as_json=arguments.json)
    return 0


def _position(trace: Trace, where: str, wanted: str | None) -> Position:
    """The position that is meant, which exists."""
    from reenact.commands.options import chosen_process, tell_of_shared_changes
    from reenact.errors import UsageError
    from reenact.session.positions import Position

    if wanted is None:
        try:
            process = Position.parse(where).process
        except UsageError:
            process = 0
    else:
        process = chosen_process(trace, wanted)
    tell_of_shared_changes(trace, process)
    with trace.replay(process) as session:
        session.goto(where)
        return session.position


def _print(trace: Trace, marks: list[Bookmark], *, as_json: bool) -> None:
    from reenact import terminal

    if as_json:
        listed = [
            {
                "name": mark.name,
                "position": str(mark.position),
                "note": mark.note,
                "created": mark.created,
            }
            for mark in marks
        ]
        terminal.print_json({"trace": trace.path, "bookmarks": listed})
        return
    if not marks:
        print("no bookmarks yet; add one: reenact bookmark TRACE --add NAME --at POSITION")
        return
    terminal.print_table(
        ("name", "position", "note"),
        [(mark.name, str(mark.position), mark.note) for mark in marks],
    )
