"""Containers and other large sandboxes: crun, podman, a browser, the secure shell's server."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import containers
import ordinary_user
import pytest
import skips
from program_table import Program
from recorded_run import Keeper, Reenact, check_exact, run
from recorded_server import check_verified, recorded_server
from test_real_programs import check_program

_INSIDE = "id; echo $$; mkdir /tmp/a; ls -d /proc/1; cat /etc/hostname"


@pytest.fixture
def words() -> list[str]:
    """What comes before a command that runs containers."""
    if os.getuid() != 0:
        skips.skip(skips.Reason.NOT_ROOT)
    skips.need_program("crun")
    return containers.surroundings()


def _crun(*, rootless: bool) -> Program:
    def prepare(folder: Path, full: bool) -> None:
        containers.bundle(folder, _INSIDE, rootless=rootless)
        for place, names, files in os.walk(folder):
            for name in ("", *names, *files):
                os.chown(Path(place, name), *_owner(folder), follow_symlinks=False)

    # What maps further users for it is set-user-ID: what that prints would not be replayed.
    alone = ["env", "PATH=/nowhere", skips.need_program("crun")]
    command = [*alone, "--root", "state", "--cgroup-manager=disabled", "run", "one"]
    return Program("crun", command, prepare=prepare)


def _owner(folder: Path) -> tuple[int, int]:
    status = folder.parent.stat()
    return status.st_uid, status.st_gid


def test_crun(words: list[str], reenact: Reenact, keeper: Keeper, tmp_path: Path) -> None:
    """A container with a filter, as root."""
    inside = Reenact([*words, *reenact.command], reenact.variables)
    check_program(_crun(rootless=False), inside, keeper, tmp_path, prefix=words)


def test_crun_of_an_ordinary_user(words: list[str], reenact: Reenact) -> None:
    """The same as an ordinary user, in a user namespace."""
    with ordinary_user.session(reenact) as user:
        inside = Reenact([*words, *user.reenact.command], user.reenact.variables)
        keeper = Keeper(user.folder, "crun_of_a_user", user.reenact.command)
        prefix = [*words, *user.prefix]
        check_program(_crun(rootless=True), inside, keeper, user.folder, prefix=prefix)


#: An image, a container, and the end of the process that keeps the user's namespaces.
_PODMAN = f"""
export HOME=$PWD XDG_RUNTIME_DIR=$PWD/run; mkdir -m 700 run
quiet() {{ podman --storage-driver vfs --cgroup-manager cgroupfs "$@" 2>errors || cat errors; }}
quiet import -q image.tar small >name
quiet run --rm --network none --cgroups disabled --hostname box small sh -c '{_INSIDE}'
quiet system migrate
"""


def test_podman_of_an_ordinary_user(words: list[str], reenact: Reenact) -> None:
    """Without a daemon, and without rights."""
    skips.unless_full()
    skips.need_program("podman")

    def prepare(folder: Path, full: bool) -> None:
        containers.root_folder(folder / "root")
        shutil.make_archive(str(folder / "image"), "tar", folder / "root")

    with ordinary_user.session(reenact) as user:
        inside = Reenact([*words, *user.reenact.command], user.reenact.variables)
        program = Program("podman", ["bash", "-c", _PODMAN], prepare=prepare, timeout=200)
        keeper = Keeper(user.folder, "podman_of_a_user", user.reenact.command)
        prefix = [*words, *user.prefix]
        check_program(program, inside, keeper, user.folder, prefix=prefix, full=False)


def test_podman(words: list[str], reenact: Reenact, keeper: Keeper, tmp_path: Path) -> None:
    """podman, conmon and crun, of an image that is made here."""
    skips.unless_full()
    podman = [skips.need_program("podman"), "--storage-driver", "vfs"]
    podman += ["--root", str(tmp_path / "store"), "--runroot", str(tmp_path / "state")]
    containers.root_folder(tmp_path / "root")
    image = shutil.make_archive(str(tmp_path / "image"), "tar", tmp_path / "root")
    assert run([*words, *podman, "import", "-q", image, "small"], timeout=200).status == 0
    limits = ["--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024"]
    start = [*podman, "run", "--rm", "--network", "none", "--cgroups", "disabled", *limits]
    command = [*start, "--hostname", "box", "small", "/bin/sh", "-c", _INSIDE]
    native = run([*words, *command], timeout=200)
    assert native.status == 0, native.describe()
    inside = Reenact([*words, *reenact.command], reenact.variables)
    recorded = inside.record(command, keeper.trace(), timeout=500)
    assert (recorded.status, recorded.stdout) == (native.status, native.stdout), recorded.describe()
    check_exact(inside, keeper.trace(), recorded, timeout=900)


def test_browser_of_an_ordinary_user(reenact: Reenact) -> None:
    """A browser with all its sandboxes on."""
    skips.unless_full()
    browser = skips.need_program("chromium")
    with ordinary_user.session(reenact) as user:
        page = user.folder / "page.html"
        page.write_text("<html><body><script>document.write(6 * 7)</script></body></html>")
        command = [browser, "--headless", "--disable-gpu", "--dump-dom", page.as_uri()]
        native = run([*user.prefix, *command], directory=user.folder, timeout=200)
        if b"42" not in native.stdout:
            skips.skip(skips.Reason.NOT_ALLOWED, "the browser's sandbox")
        trace = user.folder / "trace"
        recorded = user.reenact.record(command, trace, directory=user.folder, timeout=900)
        assert recorded.status == native.status, recorded.describe()
        assert recorded.stdout == native.stdout, recorded.describe()
        check_exact(user.reenact, trace, recorded, timeout=1800)


def test_secure_shell_server(reenact: Reenact, keeper: Keeper, tmp_path: Path) -> None:
    """One connection to a server that keeps its half that is not trusted in a sandbox."""
    if os.getuid() != 0:
        skips.skip(skips.Reason.NOT_ROOT)
    server, client = skips.need_program("sshd"), skips.need_program("ssh")
    for name in ("host", "user"):
        make = [skips.need_program("ssh-keygen"), "-q", "-t", "ed25519", "-N", "", "-f", name]
        subprocess.run(make, cwd=tmp_path, check=True)
    port = 20000 + os.getpid() % 20000
    (tmp_path / "configuration").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {tmp_path}/host\n"
        f"AuthorizedKeysFile {tmp_path}/user.pub\nPidFile none\nUsePAM no\nStrictModes no\n"
    )
    Path("/run/sshd").mkdir(exist_ok=True)
    log = tmp_path / "log"
    command = [server, "-d", "-E", str(log), "-f", str(tmp_path / "configuration")]

    def listens() -> bool:
        return log.exists() and b"Server listening" in log.read_bytes()

    with recorded_server(reenact, command, keeper.trace(), listens, tmp_path):
        options = ["StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "IdentitiesOnly=yes"]
        words = [word for option in options for word in ("-o", option)]
        ask = [client, "-p", str(port), "-i", "user", *words, "root@127.0.0.1", "echo hello; id -u"]
        answer = run(ask, directory=tmp_path, timeout=100)
        assert (answer.status, answer.stdout) == (0, b"hello\n0\n"), log.read_text()[-3000:]
    check_verified(reenact, keeper.trace())
