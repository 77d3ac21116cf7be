"""Replays that leave snapshots, and that begin with them."""

from __future__ import annotations

import json
import os
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path

from reenact import programs

#: Of a chunk, without its own checksum.
HEADER = struct.Struct("<IIQIBBHIIQ")
CHECKSUM = 8
RAW, SNAPSHOT = 0, 32


def places(snapshots: Path) -> Iterator[tuple[int, int]]:
    """The process of each whole snapshot of a file, and the event that it is behind."""
    content, at = snapshots.read_bytes(), 0
    while at < len(content):
        _, process, event, _, _, landmarks, _, stored, _, _ = HEADER.unpack_from(content, at)
        if landmarks & SNAPSHOT:
            yield process, event
        at += HEADER.size + CHECKSUM + (stored + 7) // 8 * 8


def replay(trace: Path, snapshots: Path, *options: str) -> tuple[int, list[dict[str, object]]]:
    """Exit status and reports; `snapshots` is appended to, or begun with."""
    descriptor = os.open(snapshots, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        command = [programs.replayer(), "--snapshots", str(descriptor), *options, str(trace)]
        ended = subprocess.run(
            command, capture_output=True, timeout=180, check=False, pass_fds=[descriptor]
        )
    finally:
        os.close(descriptor)
    return ended.returncode, [json.loads(line) for line in ended.stdout.splitlines()]


def taken(trace: Path, snapshots: Path, every: int, *options: str) -> dict[int, dict[int, str]]:
    """The state behind some events of each process."""
    status, reports = replay(trace, snapshots, "--snapshot-events", str(every), *options)
    assert status == 0, reports
    states: dict[int, dict[int, str]] = {}
    for report in reports:
        if report["type"] == "snapshot":
            states.setdefault(report["process"], {})[report["event"]] = report["state"]
    return states


def check_parts(
    trace: Path, snapshots: Path, states: dict[int, dict[int, str]], *options: str
) -> None:
    """From each snapshot to the next one, and from the last to the end."""
    for process, known in states.items():
        events = sorted(known)
        for begin, end in zip(events, [*events[1:], None]):
            part = ["--process", str(process), "--from-event", str(begin), *options]
            until = [] if end is None else ["--stop-event", str(end)]
            status, reports = replay(trace, snapshots, *part, *until)
            where = f"process {process} from {begin} to {end}: {reports}"
            assert status == 0, where
            (ended,) = (report for report in reports if report["type"] == "process")
            if end is None or ended["end"] != "asked":
                # The last event of all can be one that is asked for.
                assert ended["end"] in ("exit", "signal", "ended"), where
            else:
                assert ended["state"] == known[end], where
