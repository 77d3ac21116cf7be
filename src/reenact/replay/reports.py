"""The replayer's reports: JSON lines to values. Pure: no I/O.

The format is in docs/internals/replay-protocol.md. Unknown types and fields are ignored, so
that an older front end understands a newer replayer.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Union

from reenact.errors import ReplayError


@dataclass(frozen=True)
class Started:
    """The replayer has opened the trace: its chunks, processes and events."""

    processes: int
    events: int
    damaged_chunks: int


@dataclass(frozen=True)
class ProcessEnded:
    """The replay of a process is over.

    `instructions` it executed in total; `end` is "exit", "signal", "ended" (nobody saw how),
    "stopped", "cut", "asked", "divergence", "error" or "unreachable" (the replay of its parent
    ended before it was made, and `parent` and `pid` are not known); `status` belongs to the
    first two. `landings` are the places in the middle of computation that the replay came to, of
    which it `searched` for those that no replay had found before.
    """

    process: int
    parent: int | None
    pid: int | None
    events: int
    instructions: int
    end: str
    status: int | None
    landings: int = 0
    searched: int = 0


@dataclass(frozen=True)
class Divergence:
    """The replay departed from the recording.

    Position: `instructions` after event `event` of process `process`. `expected` is what was
    recorded, `found` what the replay did; both as the replayer describes them.
    """

    process: int
    event: int
    instructions: int
    what: str
    ip: str
    message: str
    expected: Mapping[str, Any] = field(default_factory=dict)
    found: Mapping[str, Any] = field(default_factory=dict)
    registers: Mapping[str, str] = field(default_factory=dict)


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
    """How far the replay of a process is, in events of `total`."""

    process: int
    event: int
    total: int


@dataclass(frozen=True)
class Ended:
    """All processes are done."""

    processes: int
    divergences: int
    errors: int
    status: int


Report = Union[Started, ProcessEnded, Divergence, Failed, Noted, Progressed, Ended]


def parse(line: bytes) -> Report | None:
    """The report a line holds; None for a type this version does not know.

    Errors: `ReplayError` when the line is no report.
    """
    try:
        record = json.loads(line)
        read = _READERS.get(record["type"])
        return None if read is None else read(record)
    except (ValueError, KeyError, TypeError) as error:
        shown = line[:120].decode("utf-8", "replace")
        raise ReplayError(
            f"the replayer sent a report that cannot be understood: {shown}",
            "the replayer and the Python package may be of different versions: reinstall reenact",
        ) from error


def _started(record: Mapping[str, Any]) -> Started:
    if record["version"] != 1:
        raise ValueError("unknown protocol version")
    return Started(record["processes"], record["events"], record["damaged_chunks"])


def _process(record: Mapping[str, Any]) -> ProcessEnded:
    return ProcessEnded(
        record["process"],
        record.get("parent"),
        record.get("pid"),
        record["events"],
        record["instructions"],
        record["end"],
        record["status"],
        record.get("landings", 0),
        record.get("searched", 0),
    )


def _divergence(record: Mapping[str, Any]) -> Divergence:
    return Divergence(
        record["process"],
        record["event"],
        record["instructions"],
        record["what"],
        record["ip"],
        record["message"],
        record.get("expected") or {},
        record.get("found") or {},
        record.get("registers") or {},
    )


def _failed(record: Mapping[str, Any]) -> Failed:
    is_internal = record["type"] == "internal-error"
    message = record.get("message") or "the replayer stopped by a fault"
    details = [
        f"{key} {record[key]}"
        for key in ("file", "line", "ip", "address", "signal")
        if is_internal and record.get(key) is not None
    ]
    if details:
        message += f" ({', '.join(details)})"
    return Failed(
        record.get("process"),
        record.get("event"),
        message,
        record.get("hint") or "",
        is_internal,
    )


def _noted(record: Mapping[str, Any]) -> Noted:
    return Noted(record["process"], record["event"], record["message"])


def _progressed(record: Mapping[str, Any]) -> Progressed:
    return Progressed(record["process"], record["event"], record["total"])


def _ended(record: Mapping[str, Any]) -> Ended:
    return Ended(record["processes"], record["divergences"], record["errors"], record["status"])


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
