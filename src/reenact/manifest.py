"""The manifest of a trace: what was recorded, where and when.

No heavy import here: each command reads it before it does anything else.
"""

from __future__ import annotations

import json
import os

from reenact import places
from reenact.errors import TraceError
from reenact.trace_files import TraceFiles

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

#: Newest trace format this version reads (`FORMAT_VERSION` in crates/trace).
FORMAT_VERSION = 2


#: There will not be so many versions.
_NO_VERSION = 1_000_000
#: The last moment there is to a 64-bit clock, nanoseconds since the epoch: in the year 2262.
_LATEST_NS = 1 << 63


class Manifest:
    """What a trace says about itself.

    Arguments:
        fields: everything the manifest holds, for what has no name here.

    Attributes:
        format_version: version of the trace format.
        reenact: version of reenact that recorded it.
        is_complete: whether the recording was brought to its end in order.
        command: the program and its arguments.
        program: the file that was run.
        directory: where it was started.
        hostname, kernel: the machine.
        start_ns: when it began, nanoseconds since the epoch.
        duration_ns: how long it took; None for a recording that was cut.
    """

    __slots__ = (
        "command",
        "directory",
        "duration_ns",
        "fields",
        "format_version",
        "hostname",
        "is_complete",
        "kernel",
        "program",
        "reenact",
        "start_ns",
    )

    def __init__(self, fields: Mapping[str, Any]) -> None:
        start, end = _clock(fields.get("start")), _clock(fields.get("end"))
        command = fields.get("command")
        self.format_version: int = fields["format_version"]
        self.reenact = str(fields.get("reenact", "unknown"))
        self.is_complete = fields.get("complete") is True
        self.command = tuple(map(str, command)) if isinstance(command, list) else ()
        self.program = str(fields.get("program", ""))
        self.directory = str(fields.get("directory", ""))
        self.hostname = str(fields.get("hostname", ""))
        self.kernel = str(fields.get("kernel", ""))
        self.start_ns = start or 0
        self.duration_ns = None if start is None or end is None else end - start
        self.fields = fields


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
    return Manifest(fields)


def _clock(pair: object) -> int | None:
    """Nanoseconds since the epoch of a pair of clocks."""
    value = pair.get("epoch_ns") if isinstance(pair, dict) else None
    # What no clock shows is none: a number may have any length in JSON.
    return value if type(value) is int and 0 <= value < _LATEST_NS else None
