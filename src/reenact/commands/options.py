"""Arguments that several commands share."""

from __future__ import annotations

import argparse
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from reenact.trace import Trace


def add_trace(parser: argparse.ArgumentParser) -> None:
    """The trace a command reads; by default the latest."""
    parser.add_argument(
        "trace",
        metavar="TRACE",
        nargs="?",
        help="a trace's path, or its name in the default place, or the path or URL of a pack "
        "(default: the latest)",
    )


def natural(text: str) -> int:
    """A whole number from 0."""
    if not text.isdecimal() or int(text) >= 1 << 63:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number from 0")
    return int(text)


def positive(text: str) -> int:
    """A whole number from 1."""
    number = natural(text)
    if number == 0:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def add_process(parser: argparse.ArgumentParser, meaning: str) -> None:
    """The process that a command is about: a number or the name of a program."""
    parser.add_argument(
        "-p",
        "--process",
        metavar="N|NAME",
        help=f"{meaning}: its number, or the name of its program (see reenact ps)",
    )


def chosen_process(trace: Trace, wanted: str | None) -> int:
    """The number of the process that `--process` means; without it the first.

    Errors: `UsageError` when the trace has no such process.
    """
    if wanted is None:
        # Of the first one there may be nothing (reenact.reach).
        return min((process.number for process in trace.processes), default=0)
    return chosen_processes(trace, wanted)[0]


def chosen_processes(trace: Trace, wanted: str | None) -> list[int]:
    """Numbers of the processes that `--process` means: the one given, else all.

    Errors: `UsageError` when the trace has no such process.
    """
    from reenact import empty_trace
    from reenact.choosing import find_process

    empty_trace.check(trace.path)
    processes = trace.processes
    if wanted is None:
        return [process.number for process in processes]
    return [find_process(processes, wanted)]


#: Seconds in each unit a length of time may be given in.
_UNITS = {"s": 1, "m": 60, "h": 3600}


def duration(text: str) -> float:
    """A length of time in seconds: `90`, `1.5s`, `30m` or `2h`."""
    number, unit = (text[:-1], _UNITS[text[-1]]) if text[-1:] in _UNITS else (text, 1)
    try:
        seconds = float(number) * unit
    except ValueError:
        seconds = -1.0
    if not 0 < seconds < 1e9:
        raise argparse.ArgumentTypeError(f"{text} is not a length of time such as 90, 30m or 2h")
    return seconds


#: Bytes in each unit a size may be given in, and the least and most that a ring may hold.
_SIZES = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
_LEAST_RING, _MOST_RING = 4 << 20, 1 << 40
_MOST_BYTES = 1 << 60


def bytes_in(text: str) -> int:
    """A number of bytes: `64M`, `1.5G`."""
    number, unit = (text[:-1], _SIZES[text[-1:]]) if text[-1:] in _SIZES else (text, 1)
    try:
        size = int(float(number) * unit)
    except (ValueError, OverflowError):
        size = -1
    if not 0 <= size <= _MOST_BYTES:
        raise argparse.ArgumentTypeError(f"{text} is not a size such as 64M or 1G")
    return size


def ring_size(text: str) -> int:
    """A number of bytes that a ring may hold."""
    size = bytes_in(text)
    if not _LEAST_RING <= size <= _MOST_RING:
        raise argparse.ArgumentTypeError("a ring holds at least 4M and at most 1024G")
    return size


def age(text: str) -> float:
    """An age in seconds: `30d`, `12h`."""
    if text[-1:] != "d":
        return duration(text)
    return 24 * duration(f"{text[:-1]}h")


def tell_of_shared_changes(trace: Trace, process: int) -> None:
    """Say why it takes a while until a session opens, if it does."""
    from reenact.session import shared_changes

    if shared_changes.are_missing(trace, process):
        print(
            "reenact: its processes share memory; finding out who changed what (once)",
            file=sys.stderr,
            flush=True,
        )
