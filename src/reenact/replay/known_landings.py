"""Landings that replays have found, handed to a replayer and taken back from it.

A replayer cannot write to a trace. It gets what the trace's file `landings` holds in a file in
memory, adds to that, and what it has added goes into the trace when it is done
(docs/trace-format.md).
"""

from __future__ import annotations

import contextlib
import fcntl
import os

from reenact.errors import ReenactError
from reenact.trace_files import TraceFiles

#: The file's name in a trace.
NAME = "landings"
#: More than any real trace has (MOST_BYTES in crates/trace/src/resolved.rs).
MOST_BYTES = 64 << 20
#: Bytes of a record, and what each begins with.
_RECORD = 40
_MAGIC = (0x016C_6E72).to_bytes(4, "little")
_PIECE = 1 << 20


class KnownLandings:
    """The landings of a trace in a file in memory.

    Arguments:
        trace: path of the trace directory.
    """

    def __init__(self, trace: str) -> None:
        #: To be inherited by a replayer; None: nothing can be kept.
        self.descriptor: int | None = None
        self._known = 0
        with contextlib.suppress(OSError, ReenactError):
            self._files = TraceFiles(trace)
            content = self._files.read(NAME, MOST_BYTES)
            self.descriptor = os.memfd_create("reenact-landings")
            fcntl.fcntl(self.descriptor, fcntl.F_SETFL, os.O_APPEND)
            written = 0
            while written < len(content):
                written += os.write(self.descriptor, content[written:])
            self._known = written

    def close(self) -> None:
        """Put what was added into the trace, where that can be written, and forget the rest."""
        if self.descriptor is None:
            return
        try:
            added = self._added()
            with contextlib.suppress(OSError, ReenactError):
                if added:
                    self._files.append(NAME, added, MOST_BYTES)
        finally:
            self.forget()

    def forget(self) -> None:
        """Close the file in memory; nothing is kept of it."""
        if self.descriptor is not None:
            os.close(self.descriptor)
            self.descriptor = None

    def _added(self) -> bytes:
        """Whole records behind those that were known, each of them once."""
        assert self.descriptor is not None
        records: dict[bytes, None] = {}
        at = self._known
        while at < MOST_BYTES and (
            part := os.pread(self.descriptor, _PIECE // _RECORD * _RECORD, at)
        ):
            at += len(part)
            for start in range(0, len(part) - _RECORD + 1, _RECORD):
                record = part[start : start + _RECORD]
                if record.startswith(_MAGIC):
                    records[record] = None
        return b"".join(records)
