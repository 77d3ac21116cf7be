"""The replayer's reports: JSON lines to values. Pure: no I/O.

The format is in docs/internals/replay-protocol.md. Unknown types and fields are ignored, so
that an older front end understands a newer replayer. What is in them may come from a hostile trace:
every field has the type it is said to have, or the line is no report.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Union

from reenact.errors import ReplayError

#: Longest line, without its end (MOST_LINE in crates/replayer/src/json.rs).
LONGEST_LINE = 4095


@dataclass(frozen=True)
class Started:
    """The replayer has opened the trace: its chunks, processes and events."""

    processes: int
    events: int
    damaged_chunks: int


@dataclass(frozen=True)
class Natively:
    """What the program's own code did in a replay, untranslated.

    It came to `calls` system calls; `instructions` of it were left to the translated engine one by
    one (non-deterministic ones, faults). So many ways to an event, or parts of them, were
    translated: as `code` there looks like an instruction whose result is not determined; for
    `own_stores`, where code writes to its own page; to `landings` in the middle of computation,
    where instructions are counted; to `unmarked` instructions, in whose place the recorder had put
    nothing; to `frequent` ones, which come again and again; and `others`, as of programs that step
    themselves. That took `translated_seconds`.
    """

    calls: int = 0
    instructions: int = 0
    code: int = 0
    own_stores: int = 0
    landings: int = 0
    unmarked: int = 0
    frequent: int = 0
    others: int = 0
    translated_seconds: float = 0.0

    def __add__(self, other: Natively) -> Natively:
        pairs = ((getattr(self, each.name), getattr(other, each.name)) for each in fields(self))
        return Natively(*(one + two for one, two in pairs))


@dataclass(frozen=True)
class ProcessEnded:
    """The replay of a process is over.

    `instructions` it executed in total, None where its own code ran uncounted (`native`);
    `end` is "exit", "signal", "ended" (nobody saw how), "stopped", "cut", "asked", "divergence",
    "error" or "unreachable" (the replay of its parent ended before it was made, and `parent` and
    `pid` are not known); `status` belongs to the first two. `landings` are the places in the middle
    of computation that the replay came to, of which it `searched` for those that no replay had
    found before. Where the log is replayed in segments, there is one for each: `segment` is the
    event behind which it begins (None: with the log), and `end` is "segment" where another one
    follows.
    """

    process: int
    parent: int | None
    pid: int | None
    events: int
    instructions: int | None
    end: str
    status: int | None
    landings: int = 0
    searched: int = 0
    native: Natively | None = None
    segment: int | None = None


@dataclass(frozen=True)
class Divergence:
    """The replay departed from the recording.

    Position: `instructions` after event `event` of process `process`; None where its own code ran
    uncounted since that event. `expected` is what was
    recorded, `found` what the replay did; both as the replayer describes them.
    """

    process: int
    event: int
    instructions: int | None
    what: str
    ip: str
    message: str
    expected: Mapping[str, Any] = field(default_factory=dict)
    found: Mapping[str, Any] = field(default_factory=dict)
    registers: Mapping[str, str] = field(default_factory=dict)
    segment: int | None = None


@dataclass(frozen=True)
class Failed:
    """The replayer could not go on; `is_internal`: by a bug of its own."""

    process: int | None
    event: int | None
    message: str
    hint: str
    is_internal: bool


@dataclass(frozen=True)
class Noted:
    """A remark of the recorder, met again in replay."""

    process: int
    event: int
    message: str


@dataclass(frozen=True)
class Progressed:
    """How far the replay of a process, or of a segment of it, is, in events of `total`."""

    process: int
    event: int
    total: int
    segment: int | None = None


@dataclass(frozen=True)
class Ended:
    """All processes are done."""

    processes: int
    divergences: int
    errors: int
    status: int


Report = Union[Started, ProcessEnded, Divergence, Failed, Noted, Progressed, Ended]


class LineReader:
    """Takes bytes as they come, gives the reports that are complete."""

    def __init__(self) -> None:
        self._pending = b""

    def feed(self, data: bytes) -> Iterator[Report]:
        """Reports completed by `data`. Errors: `ReplayError` for what is no report."""
        *lines, rest = (self._pending + data).split(b"\n")
        if len(rest) > LONGEST_LINE:
            raise _misunderstood(rest)
        # Before the first report: the reader may stop there.
        self._pending = rest
        for line in lines:
            report = parse(line)
            if report is not None:
                yield report


def parse(line: bytes) -> Report | None:
    """The report a line holds; None for a type this version does not know.

    Errors: `ReplayError` when the line is no report.
    """
    if len(line) > LONGEST_LINE:
        raise _misunderstood(line)
    try:
        record = json.loads(line)
        read = _READERS.get(record["type"])
        return None if read is None else read(record)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise _misunderstood(line) from error


def _misunderstood(line: bytes) -> ReplayError:
    shown = line[:120].decode("utf-8", "replace")
    return ReplayError(
        f"the replayer sent a report that cannot be understood: {shown}",
        "the replayer and the Python package may be of different versions: reinstall reenact",
    )


def _number(record: Mapping[str, Any], name: str) -> int:
    """A number that is not negative."""
    value = record[name]
    if type(value) is not int or not 0 <= value < 1 << 64:
        raise ValueError(name)
    return value


def _index(record: Mapping[str, Any], name: str) -> int:
    """Index of an event; -1: before the first."""
    return -1 if record[name] == -1 else _number(record, name)


def _number_or_none(record: Mapping[str, Any], name: str) -> int | None:
    return None if record.get(name) is None else _number(record, name)


def _index_or_none(record: Mapping[str, Any], name: str) -> int | None:
    return None if record.get(name) is None else _index(record, name)


def _text(record: Mapping[str, Any], name: str) -> str:
    value = record[name]
    if not isinstance(value, str):
        raise TypeError(name)
    return value


def _described(record: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """An object of numbers, texts and lists of them, or nothing."""
    value = record.get(name) or {}
    if not isinstance(value, dict):
        raise TypeError(name)
    for part in value.values():
        for each in part if isinstance(part, list) else (part,):
            if not (each is None or isinstance(each, (str, int))):
                raise TypeError(name)
    return value


def _started(record: Mapping[str, Any]) -> Started:
    if record["version"] != 1:
        raise ValueError("unknown protocol version")
    return Started(
        _number(record, "processes"), _number(record, "events"), _number(record, "damaged_chunks")
    )


def _process(record: Mapping[str, Any]) -> ProcessEnded:
    status = record["status"]
    return ProcessEnded(
        _number(record, "process"),
        _number_or_none(record, "parent"),
        _number_or_none(record, "pid"),
        _number(record, "events"),
        _number_or_none(record, "instructions"),
        _text(record, "end"),
        # As the program gave it: any number.
        status if type(status) is int and abs(status) < 1 << 64 else None,
        _number(record, "landings") if "landings" in record else 0,
        _number(record, "searched") if "searched" in record else 0,
        _natively(record.get("native")),
        _number_or_none(record, "segment"),
    )


def _natively(record: object) -> Natively | None:
    if record is None:
        return None
    if not isinstance(record, dict):
        raise TypeError("native")
    counts = (each.name for each in fields(Natively) if each.name != "translated_seconds")
    numbers = {name: _number(record, name) for name in counts}
    return Natively(**numbers, translated_seconds=_number(record, "translated") / 1e9)


def _divergence(record: Mapping[str, Any]) -> Divergence:
    return Divergence(
        _number(record, "process"),
        _index(record, "event"),
        _number_or_none(record, "instructions"),
        _text(record, "what"),
        _text(record, "ip"),
        _text(record, "message"),
        _described(record, "expected"),
        _described(record, "found"),
        _described(record, "registers"),
        _number_or_none(record, "segment"),
    )


def _failed(record: Mapping[str, Any]) -> Failed:
    is_internal = record["type"] == "internal-error"
    message = (
        _text(record, "message") if record.get("message") else "the replayer stopped by a fault"
    )
    details = [
        f"{key} {record[key]}"
        for key in ("file", "line", "ip", "address", "signal")
        if is_internal and isinstance(record.get(key), (str, int))
    ]
    if details:
        message += f" ({', '.join(details)})"
    return Failed(
        _number_or_none(record, "process"),
        _index_or_none(record, "event"),
        message,
        _text(record, "hint") if record.get("hint") else "",
        is_internal,
    )


def _noted(record: Mapping[str, Any]) -> Noted:
    return Noted(_number(record, "process"), _index(record, "event"), _text(record, "message"))


def _progressed(record: Mapping[str, Any]) -> Progressed:
    return Progressed(
        _number(record, "process"),
        max(0, _index(record, "event")),
        _number(record, "total"),
        _number_or_none(record, "segment"),
    )


def _ended(record: Mapping[str, Any]) -> Ended:
    return Ended(
        _number(record, "processes"),
        _number(record, "divergences"),
        _number(record, "errors"),
        _number(record, "status"),
    )


_READERS: dict[str, Callable[[Mapping[str, Any]], Report]] = {
    "start": _started,
    "process": _process,
    "divergence": _divergence,
    "error": _failed,
    "internal-error": _failed,
    "note": _noted,
    "progress": _progressed,
    "end": _ended,
}
