"""The manifest of a trace: what was recorded, where and when."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reenact import places
from reenact.errors import TraceError
from reenact.trace_files import TraceFiles

#: Newest trace format this version reads (`FORMAT_VERSION` in crates/trace).
FORMAT_VERSION = 2


#: There will not be so many versions.
_NO_VERSION = 1_000_000
#: The last moment there is to a 64-bit clock, nanoseconds since the epoch: in the year 2262.
_LATEST_NS = 1 << 63


@dataclass(frozen=True)
class Manifest:
    """What a trace says about itself.

    Arguments:
        format_version: version of the trace format.
        reenact: version of reenact that recorded it.
        is_complete: whether the recording was brought to its end in order.
        command: the program and its arguments.
        program: the file that was run.
        directory: where it was started.
        hostname, kernel: the machine.
        start_ns: when it began, nanoseconds since the epoch.
        duration_ns: how long it took; None for a recording that was cut.
        fields: everything the manifest holds, for what has no name here.
    """

    format_version: int
    reenact: str
    is_complete: bool
    command: tuple[str, ...]
    program: str
    directory: str
    hostname: str
    kernel: str
    start_ns: int
    duration_ns: int | None
    fields: Mapping[str, Any]


def read(path: str) -> Manifest:
    """The manifest of the trace in a directory.

    Errors: `TraceError` for what is not a trace, and for one written by a newer version.
    """
    if not os.path.isdir(path):
        raise TraceError(f"{path} is not a trace: not a directory", "see the traces: reenact ls")
    try:
        fields = json.loads(TraceFiles(path).read(places.MANIFEST))
        version = fields["format_version"]
        # True is an int, too.
        if type(version) is not int or not 0 < version < _NO_VERSION:
            raise TypeError(version)
    except FileNotFoundError:
        raise TraceError(
            f"{path} is not a trace: it has no {places.MANIFEST}", "see the traces: reenact ls"
        ) from None
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise TraceError(
            f"{path} is not a trace, or its manifest is damaged", "see the traces: reenact ls"
        ) from error
    if version > FORMAT_VERSION:
        raise TraceError(
            f"{path} was recorded by a newer reenact "
            f"(trace format {version}, this version reads up to {FORMAT_VERSION})",
            "install the version of reenact that recorded it, or a later one",
        )
    return _from_fields(fields)


def _from_fields(fields: Mapping[str, Any]) -> Manifest:
    start, end = _clock(fields.get("start")), _clock(fields.get("end"))
    command = fields.get("command")
    return Manifest(
        format_version=fields["format_version"],
        reenact=str(fields.get("reenact", "unknown")),
        is_complete=fields.get("complete") is True,
        command=tuple(map(str, command)) if isinstance(command, list) else (),
        program=str(fields.get("program", "")),
        directory=str(fields.get("directory", "")),
        hostname=str(fields.get("hostname", "")),
        kernel=str(fields.get("kernel", "")),
        start_ns=start or 0,
        duration_ns=None if start is None or end is None else end - start,
        fields=fields,
    )


def _clock(pair: object) -> int | None:
    """Nanoseconds since the epoch of a pair of clocks."""
    value = pair.get("epoch_ns") if isinstance(pair, dict) else None
    # What no clock shows is none: a number may have any length in JSON.
    return value if type(value) is int and 0 <= value < _LATEST_NS else None
