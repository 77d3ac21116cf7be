"""A mapped file that a process outside the recording changes: verifying says so."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from guest_build import GuestBuild
from recorded_run import Keeper, Reenact

OLD = b"a" * 8192


def _overwrite(file: Path) -> None:
    with file.open("r+b") as opened:
        opened.seek(4096)
        opened.write(b"b")


def _cut(file: Path) -> None:
    os.truncate(file, 4097)


def _replace(file: Path) -> None:
    other = file.with_name("other")
    other.write_bytes(b"c" * 8192)
    other.rename(file)


@pytest.mark.parametrize(
    ("change", "is_told"),
    [(_overwrite, True), (_cut, True), (_replace, False)],
    ids=["overwritten", "cut", "replaced"],
)
@pytest.mark.parametrize("looks", [False, True], ids=["unseen", "seen"])
def test_is_told(
    change: Callable[[Path], None],
    is_told: bool,
    looks: bool,
    guests: GuestBuild,
    reenact: Reenact,
    keeper: Keeper,
    tmp_path: Path,
) -> None:
    """Another file behind the same name changes nothing of what is mapped."""
    file = tmp_path / "file"
    file.write_bytes(OLD)
    program = guests.build("map_waits.c", "map_waits")
    trace = keeper.trace()
    with subprocess.Popen(
        [*reenact.command, "record", "-o", str(trace), "--", str(program), str(file)],
        env={**os.environ, **reenact.variables},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == b"mapped a\n"
        change(file)
        told, errors = process.communicate(b"look\n" if looks else b"")
    assert process.returncode == 0, errors.decode()
    message = f"{file} was changed by a process that is not recorded"
    assert (message in errors.decode()) == is_told, errors.decode()
    report = reenact.verify(trace)
    assert any(message in changed for changed in report["changed_files"]) == is_told
    # What was seen is not in the trace, and the replay's output is not that of the recording.
    has_seen_other = looks and told != b"a\n"
    assert bool(report["divergences"]) == has_seen_other, str(report)[:2000]


def test_changes_by_recorded_processes_are_not_told(
    reenact: Reenact, keeper: Keeper, tmp_path: Path
) -> None:
    """They replace and write to programs that they have executed before."""
    script = (
        "cp /bin/true a; ./a; cp /bin/false a; ./a; cp -f /bin/true a; ./a; echo >>a; "
        "truncate -s 99 a"
    )
    recorded = reenact.record(["sh", "-c", script], keeper.trace(), directory=tmp_path)
    assert b"was changed" not in recorded.stderr, recorded.describe()
    report = reenact.verify(keeper.trace())
    assert not report["changed_files"]
    assert not report["divergences"], str(report)[:2000]
