"""What a release consists of: that it is whole, and that it can be installed on other systems."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
import skips
from distributions import SUITES, root_of
from recorded_run import Ending, run

ROOT = Path(__file__).resolve().parent.parent
#: Made a root with /proc and /dev; "$1" is the folder, the rest a command inside.
_INSIDE = (
    'mount -t proc proc "$1/proc" && mount --rbind /dev "$1/dev" && '
    'for part in $PARTS; do mkdir -p "$1$part" && mount --bind "$part" "$1$part"; done && '
    'exec chroot "$@"'
)
#: What the machine has and a root lacks: how the network is reached, whom it trusts.
_NETWORK = ("/etc/resolv.conf", "/etc/hosts", "/etc/ssl/certs/ca-certificates.crt")
#: "$1" is the package, everything happens in a fresh folder.
_SHOWN = (
    "set -e; cd /tmp; rm -rf shown; mkdir shown; cd shown; python3 -m venv fresh; "
    'fresh/bin/pip install -q "$1" >&2; '
    "fresh/bin/reenact record -q -o trace -- sh -c 'ls / | sort | head -1; exit 3' || "
    'echo "status $?"; fresh/bin/reenact verify trace; fresh/bin/reenact dump trace | tail -1; '
    'fresh/bin/python -c \'import reenact; reenact.open("trace").replay().goto("end")\''
)


@pytest.fixture(scope="module")
def release() -> Path:
    """The folder of everything that is released, built."""
    skips.unless_full()
    if os.environ.get("REENACT_TEST_COMMAND") is not None:
        skips.skip(skips.Reason.NOT_BUILT, "another reenact is tested")
    made = run([str(ROOT / "tools" / "release.sh")], timeout=3000)
    assert made.status == 0, made.describe()
    return ROOT / "build" / "release"


def _package(release: Path, ending: str) -> Path:
    (package,) = release.glob(f"*{ending}")
    return package


def test_the_sources_are_whole(tmp_path: Path) -> None:
    """Crates that are workspaces of their own are unknown to cargo's packaging."""
    maturin = Path(sys.executable).parent / "maturin"
    if not maturin.exists():
        skips.skip(skips.Reason.NOT_BUILT, "maturin is not beside Python")
    subprocess.run(
        [maturin, "sdist", "--out", tmp_path],
        cwd=ROOT,
        check=True,
        capture_output=True,
        timeout=600,
    )
    with tarfile.open(_package(tmp_path, ".tar.gz")) as archive:
        names = {name.split("/", 1)[1] for name in archive.getnames() if "/" in name}
    listed = run(["git", "ls-files", "crates", "src", "README.md"], directory=ROOT)
    if listed.status != 0:
        skips.skip(skips.Reason.NO_FILE, "the repository")
    sources = set(listed.stdout.decode().split())
    missing = {name for name in sources - names if not name.startswith("crates/replayer-tests/")}
    assert not missing, sorted(missing)
    assert not [name for name in names if "/target/" in name]


def test_checksums(release: Path) -> None:
    checked = run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], directory=release)
    assert checked.status == 0, checked.describe()
    listed = {line.split()[1] for line in (release / "SHA256SUMS").read_text().splitlines()}
    assert listed == {path.name for path in release.iterdir()} - {"SHA256SUMS"}


def _check(shown: Ending) -> None:
    if b"Temporary failure in name resolution" in shown.stderr:
        skips.skip(skips.Reason.NO_NETWORK, "what the package depends on")
    assert shown.status == 0, shown.describe()
    first, status, verified, last = shown.stdout.decode().splitlines()
    assert (first, status) == ("bin", "status 3")
    assert verified.startswith("exact: ")
    assert "exit" in last


@pytest.mark.parametrize("kind", [".whl", ".tar.gz"])
def test_it_installs_here(release: Path, kind: str) -> None:
    _check(run(["sh", "-c", _SHOWN, "sh", str(_package(release, kind))], timeout=3000))


@pytest.mark.parametrize("kind", [".whl", ".tar.gz"])
@pytest.mark.parametrize("suite", SUITES)
def test_it_installs_elsewhere(release: Path, suite: str, kind: str) -> None:
    """With its own Python and C library; from the sources, with this machine's Rust."""
    root = root_of(suite)
    for path in map(Path, _NETWORK):
        if path.exists():
            (root / str(path)[1:]).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, root / str(path)[1:])
    parts = {
        name: os.environ.get(name) or str(Path.home() / place)
        for name, place in (("CARGO_HOME", ".cargo"), ("RUSTUP_HOME", ".rustup"))
    }
    variables = {
        **parts,
        "PARTS": " ".join([*parts.values(), str(release)] if kind == ".tar.gz" else [str(release)]),
        "PATH": f"{parts['CARGO_HOME']}/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
        "HOME": "/root",
        "LC_ALL": "C.UTF-8",
    }
    command = ["unshare", "-m", "sh", "-c", _INSIDE, "sh", str(root)]
    command += ["sh", "-c", _SHOWN, "sh", str(_package(release, kind))]
    _check(run(command, variables=variables, timeout=3000))
