"""A container of a few files: what crun and podman run."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import skips
from recorded_run import run

_APPLETS = ("sh", "id", "cat", "mkdir", "ls")

#: In place of the cgroups of the host, which crun takes only as one hierarchy.
_ONE_HIERARCHY = 'umount -l /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup && exec "$@"'


def surroundings() -> list[str]:
    """The words before a command that runs containers; skips where root may not make them."""
    words = ["unshare", "-m", "sh", "-c", _ONE_HIERARCHY, "sh"]
    if run([*words, "unshare", "-Urm", "true"]).status != 0:
        skips.skip(skips.Reason.NOT_ALLOWED, "mount namespaces and one hierarchy of cgroups")
    return words


def root_folder(place: Path) -> None:
    """A root for a container: busybox, and the libraries it needs."""
    busybox = skips.need_program("busybox")
    for name in ("bin", "proc", "sys", "dev", "tmp", "etc"):
        (place / name).mkdir(parents=True)
    shutil.copy(busybox, place / "bin/busybox")
    for name in _APPLETS:
        (place / "bin" / name).symlink_to("busybox")
    listed = subprocess.run(["ldd", busybox], capture_output=True, text=True, check=False)
    for found in re.findall(r"(/\S+) \(0x", listed.stdout):
        library = place / found.lstrip("/")
        library.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(found, library)


def bundle(place: Path, command: str, *, rootless: bool) -> None:
    """A bundle of the Open Container Initiative that runs a shell command under a filter."""
    root_folder(place / "rootfs")
    specify = [skips.need_program("crun"), "spec", *(["--rootless"] if rootless else [])]
    subprocess.run(specify, cwd=place, check=True)
    configuration = json.loads((place / "config.json").read_text())
    process, linux = configuration["process"], configuration["linux"]
    process["terminal"] = False
    process["args"] = ["sh", "-c", command]
    process.pop("rlimits", None)
    linux.pop("resources", None)
    linux["seccomp"] = {
        "defaultAction": "SCMP_ACT_ALLOW",
        "architectures": ["SCMP_ARCH_X86_64"],
        "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_ERRNO", "errnoRet": 30}],
    }
    (place / "config.json").write_text(json.dumps(configuration))
