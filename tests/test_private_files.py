"""What a recording writes is for its owner's eyes only, and whole or not there."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import skips
from recorded_run import Reenact

from reenact import open as open_trace
from reenact.errors import TraceError
from reenact.symbols.files import ModuleFiles


def under_mask(mask: int, command: list[str]) -> list[str]:
    """A command that runs with a file mode mask."""
    return ["sh", "-c", f'umask {mask:03o}; exec "$@"', "sh", *command]


def everything(place: Path) -> Iterator[tuple[str, int]]:
    """Each file and directory below a place with its mode."""
    yield ".", stat.S_IMODE(place.lstat().st_mode)
    for path in place.rglob("*"):
        if not path.is_symlink():
            yield str(path.relative_to(place)), stat.S_IMODE(path.lstat().st_mode)


def check_private(place: Path) -> None:
    """0700 for directories; 0600 for files, 0400 for those that traces share."""
    for name, mode in everything(place):
        wanted = (0o700,) if (place / name).is_dir() else (0o600, 0o400)
        assert mode in wanted, f"{name}: {mode:o}"


@pytest.fixture
def variables(tmp_path: Path) -> dict[str, str]:
    """Places of our own for traces and the cache."""
    return {
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "REENACT_TRACE_DIR": str(tmp_path / "traces"),
    }


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o277])
def test_modes(reenact: Reenact, tmp_path: Path, variables: dict[str, str], mask: int) -> None:
    """Whatever the mask, also in directories that others could look into before."""
    given = tmp_path / "given"
    given.mkdir()
    for place in (given, tmp_path / "cache", tmp_path / "cache/reenact"):
        place.mkdir(exist_ok=True)
        place.chmod(0o755)
    (tmp_path / "cache/reenact/files").mkdir(mode=0o755)
    for output in (["-o", str(given)], []):
        command = [*reenact.command, "record", *output, "--", "true"]
        subprocess.run(under_mask(mask, command), check=True, env={**os.environ, **variables})
    check_private(given)
    check_private(tmp_path / "traces" / "true-1")
    check_private(tmp_path / "cache/reenact")
    assert reenact.verify(given)["divergences"] == []


def kept(trace: Path) -> dict[str, Path]:
    """The kept files of a trace by the path of the original."""
    lines = map(json.loads, (trace / "files.jsonl").read_text().splitlines())
    return {line["path"]: trace / "files" / str(line["id"]) for line in lines}


def change(path: Path) -> None:
    """What an editor as root does, or the owner after chmod."""
    path.chmod(0o600)
    with path.open("r+b") as file:
        file.seek(0x400)
        file.write(b"changed!")
    path.chmod(0o400)


def test_a_changed_copy_is_not_taken_for_later_recordings(
    reenact: Reenact, tmp_path: Path, variables: dict[str, str]
) -> None:
    """Though traces share copies of what they mapped."""
    program = os.path.realpath(shutil.which("true"))

    def record(name: str) -> Path:
        ending = reenact.record(["true"], tmp_path / name, variables=variables)
        assert ending.status == 0, ending.describe()
        return tmp_path / name

    first = kept(record("first"))[program]
    change(first)
    second = kept(record("second"))[program]
    assert second.read_bytes() == Path(program).read_bytes()
    assert second.stat().st_ino != first.stat().st_ino
    third = kept(record("third"))[program]
    assert third.stat().st_ino == second.stat().st_ino
    assert reenact.verify(tmp_path / "third")["divergences"] == []


def test_removed_traces_leave_no_copies_behind(
    reenact: Reenact, tmp_path: Path, variables: dict[str, str]
) -> None:
    """`reenact rm` forgets what no other trace has."""
    for name in ("first", "second"):
        assert reenact.record(["true"], tmp_path / name, variables=variables).status == 0
    cache = tmp_path / "cache/reenact/files"
    assert any(cache.iterdir())
    assert reenact.run("rm", str(tmp_path / "first"), variables=variables).status == 0
    assert any(cache.iterdir())
    assert reenact.run("rm", str(tmp_path / "second"), variables=variables).status == 0
    assert not any(cache.iterdir())


def test_a_trace_that_is_removed_meanwhile_is_not_recorded(
    reenact: Reenact, tmp_path: Path, variables: dict[str, str]
) -> None:
    trace = tmp_path / "trace"
    command = ("-o", str(trace), "--", "rm", "-r", str(trace))
    ending = reenact.run("record", *command, variables=variables)
    assert ending.status == 0, ending.describe()
    assert b"was removed while the program ran" in ending.stderr
    assert b"recorded in" not in ending.stderr
    assert not trace.exists()


def test_without_a_home(reenact: Reenact, tmp_path: Path) -> None:
    """An empty HOME is none: nothing is written below the root or here."""
    variables = {"HOME": "", "XDG_DATA_HOME": "", "XDG_CACHE_HOME": "", "REENACT_TRACE_DIR": ""}
    ending = reenact.run("ls", variables=variables)
    assert ending.status == 0, ending.describe()
    assert b"/.local/share/reenact" not in ending.stdout.split()
    command = [*reenact.command, "record", "-o", str(tmp_path / "trace"), "--", "true"]
    subprocess.run(command, check=True, env={**os.environ, **variables}, cwd=tmp_path)
    assert sorted(os.listdir(tmp_path)) == ["trace"]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of half a megabyte, on which no trace has room."""
    if os.getuid() != 0:
        skips.skip(skips.Reason.NOT_ROOT)
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(place)]
    if subprocess.run(mount, check=False, capture_output=True).returncode != 0:
        skips.skip(skips.Reason.NOT_ALLOWED, "mount")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_full_disk_leaves_nothing_half_written(
    reenact: Reenact, small_disk: Path, variables: dict[str, str]
) -> None:
    """What is there is whole, and the rest is said to be missing."""
    trace = small_disk / "trace"
    ending = reenact.run("record", "-o", str(trace), "--", "true", variables=variables)
    assert ending.status == 0, ending.describe()
    assert b"could not be kept" in ending.stderr, ending.describe()
    lines = [json.loads(line) for line in (trace / "files.jsonl").read_text().splitlines()]
    for line in lines:
        path = trace / "files" / str(line["id"])
        assert path.exists() == ("checksum" in line), line
        if "checksum" in line:
            assert path.stat().st_size == line["size"], line
    assert any("error" in line for line in lines)
    json.loads((trace / "manifest.json").read_text())
    assert reenact.run("info", str(trace)).status == 0


def test_without_proc(reenact: Reenact, tmp_path: Path, variables: dict[str, str]) -> None:
    """Nothing is recorded that could not be replayed."""
    if os.getuid() != 0:
        skips.skip(skips.Reason.NOT_ROOT)
    skips.need_program("unshare")
    script = 'mount -t tmpfs none /proc && exec "$@"'
    command = [*reenact.command, "record", "-o", str(tmp_path / "trace"), "--", "true"]
    ending = subprocess.run(
        ["unshare", "-m", "sh", "-c", script, "sh", *command],
        check=False,
        capture_output=True,
        env={**os.environ, **variables},
    )
    if b"permitted" in ending.stderr:
        skips.skip(skips.Reason.NOT_ALLOWED, "unshare")
    assert ending.returncode == 125, ending
    assert b"there is no /proc" in ending.stderr
    assert b"mount -t proc" in ending.stderr
    assert not (tmp_path / "trace").exists()


def test_a_changed_copy_is_found(
    reenact: Reenact, tmp_path: Path, variables: dict[str, str]
) -> None:
    """By whatever replays or shows it, in every trace that shares it."""
    for name in ("first", "second"):
        assert reenact.record(["true"], tmp_path / name, variables=variables).status == 0
        assert reenact.verify(tmp_path / name)["divergences"] == []
    number, (program, path) = next(
        (number, item)
        for number, item in enumerate(kept(tmp_path / "first").items())
        if item[0].endswith("/true")
    )
    before = path.stat()
    change(path)
    # A time stamp that somebody has put back tells nothing.
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    for name in ("first", "second"):
        for command in (["verify"], ["verify", "--json"]):
            ending = reenact.run(*command, str(tmp_path / name))
            assert ending.status == 125, ending.describe()
            assert f"copy of {program} (files/{number}) was changed".encode() in ending.stderr
        trace = open_trace(str(tmp_path / name))
        with pytest.raises(TraceError, match="was changed since it was recorded"):
            trace.replay()
        assert ModuleFiles.of_trace(trace.path).module(number) is None
    path.unlink()
    ending = reenact.run("verify", str(tmp_path / "first"))
    assert ending.status == 125, ending.describe()
    assert b"is missing" in ending.stderr
