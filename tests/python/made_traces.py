"""Directories that look like traces."""

from __future__ import annotations

import json
from pathlib import Path


def write_trace(path: Path, **fields: object) -> Path:
    """A trace directory with a manifest and nothing else."""
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
