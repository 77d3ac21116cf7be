"""Writing for people: colours only where they are wanted, tables, and progress.

rich is imported only when output goes to a terminal; scripts never pay for it.
"""

from __future__ import annotations

import json
import sys

from reenact import environment
from reenact.printable import printable, printable_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from types import TracebackType
    from typing import IO, Any

    import rich.progress

#: Version of every `--json` output; raised when a key changes its meaning or goes away.
SCHEMA_VERSION = 1


def is_colourful(stream: IO[str]) -> bool:
    """Whether colours may be written to a stream: a terminal, and NO_COLOR is not set."""
    return stream.isatty() and not environment.NO_COLOR.is_set()


def print_json(record: dict[str, Any]) -> None:
    """Print one JSON object on one line, with the schema version first."""
    print(json_line(record))


def json_line(record: dict[str, Any]) -> str:
    """One JSON object on one line, with the schema version first, fit to be printed."""
    encoded = json.dumps({"schema_version": SCHEMA_VERSION, **record}, ensure_ascii=False)
    return printable_json(encoded)


def print_table(
    columns: Sequence[str], rows: Iterable[Sequence[str]], right: Sequence[str] = ()
) -> None:
    """Print a table; `right` names the columns that are aligned to the right."""
    table = [[printable(cell) for cell in row] for row in rows]
    if is_colourful(sys.stdout):
        _print_rich_table(columns, table, right)
        return
    widths = [
        max(len(row[index]) for row in [list(columns), *table]) for index in range(len(columns))
    ]
    for row in [[name.upper() for name in columns], *table]:
        cells = [
            cell.rjust(width) if name in right else cell.ljust(width)
            for name, cell, width in zip(columns, row, widths)
        ]
        print("  ".join(cells).rstrip())


def _print_rich_table(
    columns: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[str]
) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in columns:
        table.add_column(
            name.upper(), justify="right" if name in right else "left", overflow="fold"
        )
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    Console().print(table)


def style(text: str, name: str, stream: IO[str]) -> str:
    """`text` in a style ("bold", "red", "green", "yellow", "dim") where a stream has colours."""
    codes = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33"}
    if not is_colourful(stream):
        return text
    return f"\033[{codes[name]}m{text}\033[0m"


def counted(number: int, noun: str) -> str:
    """A number with its noun: "1 event", "12 events", "3 processes"."""
    plural = noun + ("es" if noun.endswith("s") else "s")
    return f"{number:,} {noun if number == 1 else plural}"


def size(number: int) -> str:
    """A number of bytes: "812 B", "3.4 MiB"."""
    if number < 1024:
        return f"{number} B"
    amount = float(number)
    for unit in ("KiB", "MiB", "GiB", "TiB"):
        amount /= 1024
        if amount < 1024 or unit == "TiB":
            break
    return f"{amount:.1f} {unit}"


def moment(nanoseconds: int) -> str:
    """A time in nanoseconds since the epoch, in local time: "2026-01-31 14:05:09"."""
    import time

    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(nanoseconds // 1_000_000_000))


def signal_name(number: int) -> str:
    """Name of a signal: "SIGSEGV" for 11; "signal 40" for what has no name."""
    import signal

    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


class Progress:
    """Shows how far a long piece of work is; this one shows nothing: nobody is at a terminal."""

    is_shown = False

    def update(self, done: int, total: int) -> None:
        """`done` of `total` events or bytes."""

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Take away what was shown."""


class Bar(Progress):
    """A bar on standard error, made when there is something to tell, gone when the work is done."""

    is_shown = True

    def __init__(self, title: str, *, in_bytes: bool = False) -> None:
        self._title = title
        self._in_bytes = in_bytes
        self._shown: tuple[rich.progress.Progress, rich.progress.TaskID] | None = None

    def update(self, done: int, total: int) -> None:
        """Move the bar."""
        if self._shown is None:
            self._shown = self._made()
        bar, task = self._shown
        bar.update(task, completed=done, total=max(total, 1))

    def _made(self) -> tuple[rich.progress.Progress, rich.progress.TaskID]:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            DownloadColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
        )

        done = "{task.completed:,.0f} / {task.total:,.0f} events"
        bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn() if self._in_bytes else TextColumn(done),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        bar.start()
        return bar, bar.add_task(self._title, total=1)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._shown is not None:
            self._shown[0].stop()


def progress(title: str, *, in_bytes: bool = False) -> Progress:
    """A progress bar on standard error when that is a terminal, else nothing."""
    if is_colourful(sys.stderr):
        return Bar(title, in_bytes=in_bytes)
    return Progress()
