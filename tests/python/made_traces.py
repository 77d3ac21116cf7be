"""Directories that look like traces."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from pathlib import Path

from trace_editing import checksum

#: ChunkHeader in crates/trace/src/chunk.rs, without the checksum of the header.
_CHUNK = struct.Struct("<IIQIBBHIIQ")
_MAGIC = 0x7463_6E72
_END = 16


def write_log(path: Path, events: Mapping[int, int], *, is_whole: bool = True) -> None:
    """Let a trace have a log of so many events of each process, which nobody can look into."""
    content = b""
    for process, count in events.items():
        content += _chunk(process, 0, count, 0, b"")
        if is_whole:
            content += _chunk(process, count, 0, _END, struct.pack("<iIQQ", 0, 0, count, 0))
    (path / "events").write_bytes(content)


def _chunk(process: int, first: int, events: int, landmarks: int, content: bytes) -> bytes:
    size = len(content)
    header = _CHUNK.pack(
        _MAGIC, process, first, events, 0, landmarks, 0, size, size, checksum(content)
    )
    return header + struct.pack("<Q", checksum(header)) + content


def write_trace(path: Path, **fields: object) -> Path:
    """A trace directory with a manifest and an empty log."""
    path.mkdir(parents=True)
    manifest = {
        "format_version": 1,
        "reenact": "0.1.0",
        "complete": True,
        "command": ["ls", "-l"],
        "program": "/usr/bin/ls",
        "directory": "/",
        "hostname": "here",
        "kernel": "6.1",
        "start": {"epoch_ns": 1_700_000_000_000_000_000, "tsc": 1},
        "end": {"epoch_ns": 1_700_000_000_012_000_000, "tsc": 2},
        **fields,
    }
    (path / "manifest.json").write_text(json.dumps(manifest))
    (path / "events").write_bytes(b"")
    return path
