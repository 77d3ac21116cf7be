"""`reenact dump`: the events of a trace, as text or as JSON lines."""

from __future__ import annotations

import argparse
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from reenact.events import Event
    from reenact.session.call_arguments import ArgumentReader
    from reenact.trace import Trace

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
    ("reenact dump --kind syscall --paths --data", "with what is read and written, too"),
    ("reenact dump --json --data | jq .text", "everything, for scripts"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    from reenact import attachment_text
    from reenact.commands.options import add_process, add_trace, natural
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
        "--data",
        action="store_true",
        help="also show the data that belongs to each event, and what system calls write: "
        "that replays each process",
    )
    parser.add_argument(
        "-s",
        "--string-limit",
        metavar="N",
        type=natural,
        default=attachment_text.SHOWN,
        help="bytes of data that are shown as text of each call (default: %(default)s)",
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
    from reenact import locating
    from reenact.commands.options import chosen_processes
    from reenact.trace import Trace

    trace = Trace(locating.located(arguments.trace))
    numbers = chosen_processes(trace, arguments.process)
    first, last = arguments.range
    for number in numbers:
        events = trace.events(
            number, first, last, kinds=arguments.kind, with_attachments=arguments.data
        )
        for event, known in _replayed(trace, number, events, arguments):
            if arguments.json:
                _print_json(event, known)
            else:
                _print_text(event, known, arguments.string_limit if arguments.data else None)
    return 0


class _Known:
    """What a replay has found out about a call.

    Arguments:
        paths: by the number of the argument that is their address.
        given: bytes that it has given out, and their addresses.
    """

    __slots__ = ("given", "paths")

    def __init__(
        self, paths: dict[int, bytes] | None = None, given: Sequence[tuple[int, bytes]] = ()
    ) -> None:
        self.paths = paths or {}
        self.given = given


def _replayed(
    trace: Trace, process: int, events: Iterable[Event], arguments: argparse.Namespace
) -> Iterator[tuple[Event, _Known]]:
    """Events with what was asked for about them."""
    if not (arguments.paths or arguments.data):
        for event in events:
            yield event, _Known()
        return
    import contextlib

    from reenact.errors import ReenactError
    from reenact.printable import printable
    from reenact.session.call_arguments import ArgumentReader

    with contextlib.closing(ArgumentReader(trace, process)) as reader:
        is_replayed = True
        for event in events:
            known = _Known()
            try:
                known = _read(reader, event, arguments) if is_replayed else known
            except ReenactError as error:
                is_replayed = False
                what = "paths" if arguments.paths else "bytes that are written"
                print(
                    f"{what} of process {process} are shown up to event {event.index}: "
                    f"{printable(error.message)}",
                    file=sys.stderr,
                )
            yield event, known


def _read(reader: ArgumentReader, event: Event, arguments: argparse.Namespace) -> _Known:
    paths = reader.paths(event) if arguments.paths else {}
    if not arguments.data:
        return _Known(paths)
    # One more than is shown, which tells that there are more.
    most = None if arguments.json else arguments.string_limit + 1
    return _Known(paths, reader.given(event, most))


def with_arguments(text: str, arguments: dict[int, str]) -> str:
    """The line of a system call with texts in the place of the addresses of its arguments."""
    name, _, rest = text.partition("(")
    inside, _, result = rest.rpartition(") = ")
    parts = inside.split(", ")
    for number, argument in arguments.items():
        if number < len(parts):
            parts[number] = argument
    return f"{name}({', '.join(parts)}) = {result}"


def _print_text(event: Event, known: _Known, limit: int | None) -> None:
    """Print an event: with its data, of which `limit` bytes are shown each; None: without."""
    from reenact.attachment_text import quoted
    from reenact.printable import printable

    where = f"{event.process}:{event.index}"
    shown = {number: quoted(path, _LONGEST_PATH) for number, path in known.paths.items()}
    lines = [] if limit is None else _data(event, known, limit, shown)
    text = printable(with_arguments(event.text, shown) if shown else event.text)
    if event.kind not in ("syscall", "exit"):
        text = f"[{event.kind}] {text}".rstrip()
    print(f"{where:<10} {event.seconds:10.6f}  {text}")
    for line in lines:
        print(f"{'':<25}{line}")


def _data(event: Event, known: _Known, limit: int, shown: dict[int, str]) -> list[str]:
    """Lines about the data of an event; adds to `shown` what is the text of an argument."""
    from reenact import _native, attachment_text
    from reenact.attachment_text import quoted

    attachments = list(event.attachments)
    if event.kind == "syscall" and event.result >= 0:
        for number in _native.filled_buffers(event.code):
            if not event.result:
                shown[number] = quoted(b"")
            for one in attachments:
                if one.tag in ("write", "zero") and one.address == event.args[number]:
                    shown[number] = quoted(attachment_text.written(one, limit + 1), limit)
                    attachments.remove(one)
                    break
    lines = []
    if len(known.given) == 1 and known.given[0][0] in event.args:
        shown[event.args.index(known.given[0][0])] = quoted(known.given[0][1], limit)
    elif known.given:
        content = b"".join(part for _, part in known.given)
        lines.append(f"gives {event.result} bytes {quoted(content, limit)}")
    return lines + [attachment_text.describe(one, limit) for one in attachments]


def _print_json(event: Event, known: _Known) -> None:
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
    if known.paths:
        record["paths"] = {
            str(number): path.decode("utf-8", "replace") for number, path in known.paths.items()
        }
    if known.given:
        record["given"] = b"".join(part for _, part in known.given).hex()
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
