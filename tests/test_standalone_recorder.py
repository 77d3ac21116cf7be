"""reenact-recorder, the one static file: on a machine that has nothing else."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest
import skips
from guest_build import GuestBuild
from recorded_run import Ending, Reenact, check_exact, run

ROOT = Path(__file__).resolve().parent.parent
TARGET = "x86_64-unknown-linux-musl"
#: A root folder with /proc, as a container has it; "$1" is the folder, the rest a command inside.
_INSIDE = 'mount -t proc proc "$1/proc" && exec chroot "$@"'


@pytest.fixture(scope="module")
def recorder() -> Path:
    """The file, built."""
    if os.environ.get("REENACT_TEST_COMMAND") is not None:
        skips.skip(skips.Reason.NOT_BUILT, "another reenact is tested")
    rustc = skips.need_program("rustc")
    libraries = run([rustc, "--print", "target-libdir", "--target", TARGET]).stdout.decode()
    if not Path(libraries.strip()).is_dir():
        skips.skip(skips.Reason.NO_COMPILER, f"Rust's {TARGET}")
    subprocess.run([ROOT / "tools" / "recorder.sh"], check=True, timeout=1800)
    return ROOT / "build" / "reenact-recorder"


@pytest.fixture
def bare(recorder: Path, guests: GuestBuild, tmp_path: Path) -> Path:
    """A root folder with the recorder, a static program, /proc and nothing else."""
    root = tmp_path / "root"
    (root / "proc").mkdir(parents=True)
    shutil.copy(recorder, root / "reenact-recorder")
    shutil.copy(guests.build("clocks.c", "clocks_static", ("-O2", "-static")), root / "clocks")
    return root


def _inside(root: Path, *command: str) -> Ending:
    shell = ["sh", "-c", _INSIDE, "sh", str(root)]
    # Nobody's home: nothing is kept for later recordings.
    ending = run(["unshare", "-Urmpf", *shell, *command], variables={"HOME": ""})
    if b"unshare failed" in ending.stderr or b"permission denied" in ending.stderr:
        skips.skip(skips.Reason.NOT_ALLOWED, "user namespaces")
    return ending


def test_it_is_one_small_file(recorder: Path) -> None:
    assert b"interpreter" not in run([skips.need_program("readelf"), "-l", str(recorder)]).stdout
    assert recorder.stat().st_size <= 10 << 20


def test_it_records_where_there_is_nothing_else(reenact: Reenact, bare: Path) -> None:
    native = _inside(bare, "/clocks")
    assert native.status == 0, native.describe()
    recorded = _inside(bare, "/reenact-recorder", "record", "-o", "/trace", "--", "/clocks")
    assert recorded.status == 0, recorded.describe()
    assert recorded.stderr == b"reenact: recorded in /trace\n"
    assert sorted(path.name for path in bare.iterdir()) == [
        "clocks",
        "proc",
        "reenact-recorder",
        "trace",
    ]
    check_exact(reenact, bare / "trace", Ending(recorded.stdout, b"", 0))


@pytest.mark.parametrize("mechanism", ["dispatch", "seccomp"])
def test_a_tree_of_programs(
    reenact: Reenact, recorder: Path, tmp_path: Path, mechanism: str
) -> None:
    trace = tmp_path / "trace"
    script = "ls / | sort | tail -1; (exit 3)"
    command = [str(recorder), "record", "-qo", str(trace), "sh", "-c", script]
    recorded = run(command, variables={"REENACT_MECHANISM": mechanism})
    assert recorded.status == 3, recorded.describe()
    assert recorded.stdout == run(["sh", "-c", script]).stdout
    check_exact(reenact, trace, recorded)


def test_it_ends_as_the_program_did(recorder: Path, tmp_path: Path) -> None:
    for number in (signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM):
        trace = str(tmp_path / f"trace-{number}")
        script = ["sh", "-c", f"kill -{int(number)} $$"]
        ending = run([str(recorder), "record", "-q", "-o", trace, "--", *script])
        assert (ending.status, ending.stderr) == (-number, b""), ending.describe()


def test_where_traces_go(recorder: Path, reenact: Reenact, tmp_path: Path) -> None:
    """To the same place, with the same names, as those of the whole package."""
    home = tmp_path / "home"
    for number in (1, 2):
        variables = {"REENACT_TRACE_DIR": str(home)}
        ending = run([str(recorder), "record", "true"], variables=variables)
        assert ending.stderr.decode() == f"reenact: recorded in {home}/true-{number}\n"
        assert (home / f"true-{number}").stat().st_mode & 0o777 == 0o700
    assert reenact.run("verify", str(home / "true-2")).status == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["record", "--", "/nowhere/to/be/found"], "command not found"),
        (["record", "-o", "/proc/trace", "true"], "the trace cannot be written to /proc/trace"),
        (["record", "--sort", "true"], "invalid option '--sort'"),
        (["replay", "x"], "there is no command replay"),
        (["record"], "no program was named"),
    ],
)
def test_what_does_not_begin(recorder: Path, tmp_path: Path, words: list[str], message) -> None:
    ending = run([str(recorder), *words], variables={"REENACT_TRACE_DIR": str(tmp_path / "home")})
    assert (ending.status, ending.stdout) == (125, b""), ending.describe()
    lines = ending.stderr.decode().splitlines()
    assert lines[0].startswith(f"reenact: {message}")
    assert len(lines) == 2
    assert lines[1].startswith("  ")
    home = tmp_path / "home"
    assert not home.exists() or not list(home.iterdir())
