"""A mapped file that a process outside the recording changes: verifying says so."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import ordinary_user
import pytest
import skips
from guest_build import GuestBuild
from recorded_run import Keeper, Reenact, run

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


#: A process of another pid namespace, the second there, maps `file`; then this one changes it.
_CHANGED_FROM_OUTSIDE = """
mkfifo lines; unshare -Urpf sh -c '"$0" file; true' "$0" <lines >shown &
exec 3>lines
until [ -s shown ]; do sleep 0.05; done
printf b | dd of=file bs=1 seek=4096 conv=notrunc 2>errors
exec 3>&-; wait; cat shown
"""


def _need_namespaces(prefix: Sequence[str] = ()) -> None:
    if run([*prefix, "unshare", "-Urpf", "true"]).status != 0:
        skips.skip(skips.Reason.NOT_ALLOWED, "user namespaces")


def test_a_process_of_another_pid_namespace_is_found(
    guests: GuestBuild, reenact: Reenact, keeper: Keeper, tmp_path: Path
) -> None:
    """Its number there is that of another one here."""
    _need_namespaces()
    (tmp_path / "file").write_bytes(OLD)
    program = str(guests.build("map_waits.c", "map_waits"))
    command = ["record", "-o", str(keeper.trace()), "--", "bash", "-c", _CHANGED_FROM_OUTSIDE]
    recorded = reenact.run(*command, program, directory=tmp_path)
    assert recorded.stdout == b"mapped a\n", recorded.describe()
    assert b"has mapped was changed by another process" in recorded.stderr, recorded.describe()
    assert not reenact.verify(keeper.trace())["divergences"]


def test_who_has_ended_maps_nothing(guests: GuestBuild, reenact: Reenact) -> None:
    """It was the first of its pid namespace; ours has such a process, at which we may not look."""
    with ordinary_user.session(reenact) as user:
        _need_namespaces(user.prefix)
        shutil.copy(guests.build("map_waits.c", "map_waits"), user.folder / "program")
        (user.folder / "file").write_bytes(OLD)
        script = "unshare -Urpf ./program file </dev/null && cp program file"
        trace = user.folder / "trace"
        command = ["record", "-o", str(trace), "--", "bash", "-c", script]
        recorded = user.reenact.run(*command, directory=user.folder)
        assert recorded.status == 0, recorded.describe()
        assert b"was changed by another process" not in recorded.stderr, recorded.describe()
        assert not user.reenact.verify(trace)["divergences"]
