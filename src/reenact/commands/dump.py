"""`reenact dump`: the events of a trace, as text or as JSON lines."""

from __future__ import annotations

import argparse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from reenact.events import Event

HELP = "the events of a trace, as text or JSON lines"
DESCRIPTION = (
    "Print the events of one process or of all: what the program asked of the kernel and what it "
    "was told, signals, non-deterministic instructions. With --json, one object a line."
)
EXAMPLES = (
    ("reenact dump --kind syscall", "the system calls, as strace would show them"),
    ("reenact dump --process 2 --range 100:150", "some events of one process"),
    ("reenact dump --json --data | jq .text", "everything, for scripts"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    from reenact.commands.options import add_trace, natural
    from reenact.events import KINDS

    add_trace(parser)
    parser.add_argument(
        "--process", metavar="N", type=natural, help="this process only (default: all, by number)"
    )
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
        for event in events:
            show(event)
    return 0


def _print_text(event: Event) -> None:
    from reenact import attachment_text
    from reenact.terminal import plain

    where = f"{event.process}:{event.index}"
    text = plain(event.text)
    if event.kind not in ("syscall", "exit"):
        text = f"[{event.kind}] {text}".rstrip()
    print(f"{where:<10} {event.seconds:10.6f}  {text}")
    for attachment in event.attachments:
        print(f"{'':<25}{attachment_text.describe(attachment)}")


def _print_json(event: Event) -> None:
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
