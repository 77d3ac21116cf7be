"""`reenact dump`: the events of a trace, as text or as JSON lines."""

from __future__ import annotations

import argparse
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from reenact.events import Event
    from reenact.trace import Trace

    #: Paths by the number of the argument that is their address.
    Paths = dict[int, bytes]

#: PATH_MAX of Linux.
_LONGEST_PATH = 4096

HELP = "the events of a trace, as text or JSON lines"
DESCRIPTION = (
    "Print the events of one process or of all: what the program asked of the kernel and what it "
    "was told, signals, non-deterministic instructions. With --json, one object a line."
)
EXAMPLES = (
    ("reenact dump --kind syscall --paths", "the system calls, as strace would show them"),
    ("reenact dump --process 2 --range 100:150", "some events of one process"),
    ("reenact dump --json --data | jq .text", "everything, for scripts"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    from reenact.commands.options import add_process, add_trace
    from reenact.events import KINDS

    add_trace(parser)
    add_process(parser, "this process only")
    parser.add_argument(
        "--range",
        metavar="FIRST:LAST",
        type=event_range,
        default=(0, None),
        help="events FIRST to LAST of each process; either may be left out",
    )
    parser.add_argument(
        "--kind",
        metavar="KIND",
        action="append",
        default=[],
        choices=KINDS,
        help=f"only events of this kind; may be repeated: {', '.join(KINDS)}",
    )
    parser.add_argument(
        "--data", action="store_true", help="also show the data that belongs to each event"
    )
    parser.add_argument(
        "--paths",
        action="store_true",
        help="show paths instead of their addresses: replays each process, as the log has no "
        "memory that is only read",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object a line")


def event_range(text: str) -> tuple[int, int | None]:
    """The range that "FIRST:LAST", "FIRST:", ":LAST" or one index means."""
    first, colon, last = text.partition(":")
    if not (first or last) or not all(part.isdecimal() for part in (first, last) if part):
        raise argparse.ArgumentTypeError(f"{text} is no range of events, such as 100:150")
    begin = int(first) if first else 0
    end = (int(last) if last else None) if colon else begin
    if max(begin, end or 0) >= 1 << 63:
        raise argparse.ArgumentTypeError(f"{text} is no range of events")
    return begin, end


def run(arguments: argparse.Namespace) -> int:
    """Print the events."""
    from reenact import places
    from reenact.commands.options import chosen_processes
    from reenact.trace import Trace

    trace = Trace(places.locate(arguments.trace))
    numbers = chosen_processes(trace, arguments.process)
    first, last = arguments.range
    show = _print_json if arguments.json else _print_text
    for number in numbers:
        events = trace.events(
            number, first, last, kinds=arguments.kind, with_attachments=arguments.data
        )
        if arguments.paths:
            _print_with_paths(trace, number, events, show)
            continue
        for event in events:
            show(event, {})
    return 0


def _print_with_paths(
    trace: Trace, process: int, events: Iterable[Event], show: Callable[[Event, Paths], None]
) -> None:
    import contextlib

    from reenact.errors import ReenactError
    from reenact.printable import printable
    from reenact.session.paths import PathReader

    with contextlib.closing(PathReader(trace, process)) as reader:
        is_replayed = True
        for event in events:
            paths: Paths = {}
            try:
                paths = reader.paths(event) if is_replayed else {}
            except ReenactError as error:
                is_replayed = False
                print(
                    f"paths of process {process} are shown up to event {event.index}: "
                    f"{printable(error.message)}",
                    file=sys.stderr,
                )
            show(event, paths)


def with_paths(text: str, paths: Paths) -> str:
    """The line of a system call with paths in the place of their addresses."""
    from reenact.attachment_text import quoted

    name, _, rest = text.partition("(")
    inside, _, result = rest.rpartition(") = ")
    parts = inside.split(", ")
    for number, path in paths.items():
        if number < len(parts):
            parts[number] = quoted(path, _LONGEST_PATH)
    return f"{name}({', '.join(parts)}) = {result}"


def _print_text(event: Event, paths: Paths) -> None:
    from reenact import attachment_text
    from reenact.printable import printable

    where = f"{event.process}:{event.index}"
    text = printable(with_paths(event.text, paths) if paths else event.text)
    if event.kind not in ("syscall", "exit"):
        text = f"[{event.kind}] {text}".rstrip()
    print(f"{where:<10} {event.seconds:10.6f}  {text}")
    for attachment in event.attachments:
        print(f"{'':<25}{attachment_text.describe(attachment)}")


def _print_json(event: Event, paths: Paths) -> None:
    from reenact import terminal

    record: dict[str, object] = {
        "process": event.process,
        "event": event.index,
        "kind": event.kind,
        "code": event.code,
        "flags": list(event.flags),
        "tid": event.tid,
        "seconds": event.seconds,
        # As text: readers of JSON lose bits of large numbers.
        "ip": hex(event.ip),
        "register_checksum": hex(event.register_checksum),
        "result": event.result,
        "args": [hex(argument) for argument in event.args],
        "text": event.text,
    }
    if paths:
        record["paths"] = {
            str(number): path.decode("utf-8", "replace") for number, path in paths.items()
        }
    if event.attachments:
        record["data"] = [
            {
                "tag": attachment.tag,
                "address": hex(attachment.address),
                "bytes": attachment.content.hex(),
            }
            for attachment in event.attachments
        ]
    terminal.print_json(record)
