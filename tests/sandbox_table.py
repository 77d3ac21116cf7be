"""Programs that confine themselves or others: namespaces, filters, capabilities."""

from __future__ import annotations

import struct
from pathlib import Path

from program_table import Program


def _instruction(code: int, yes: int, no: int, value: int) -> bytes:
    return struct.pack("<HBBI", code, yes, no, value)


def _filter(folder: Path, full: bool) -> None:
    """Making directories fails with EROFS, tracing ends the process."""
    code = _instruction(0x20, 0, 0, 0)
    for number, answer in ((83, 0x5001E), (258, 0x5001E), (101, 0x80000000)):
        code += _instruction(0x15, 0, 1, number) + _instruction(0x06, 0, 0, answer)
    (folder / "filter.bpf").write_bytes(code + _instruction(0x06, 0, 0, 0x7FFF0000))


_BWRAP = "exec bwrap --ro-bind / / --unshare-all --proc /proc --dev /dev --tmpfs /tmp"

#: As root and as an ordinary user.
SANDBOXES = (
    Program(
        "bwrap",
        ["bash", "-c", f"{_BWRAP} sh -c 'id -u; echo $$; ls /proc | grep -c \"^[0-9]\"; ls /tmp'"],
    ),
    Program(
        "bwrap_filter",
        [
            "bash",
            "-c",
            f"{_BWRAP} --seccomp 10 sh -c 'mkdir /tmp/x; grep Seccomp: /proc/self/status;"
            " touch /tmp/y; ls /tmp' 10<filter.bpf",
        ],
        prepare=_filter,
    ),
    Program("unshare", ["unshare", "-Ur", "sh", "-c", "id -u; cat /proc/self/uid_map"]),
    Program(
        "unshare_all",
        ["unshare", "-Urpimnuf", "--mount-proc", "sh", "-c", "echo $$; hostname x && hostname"],
    ),
    Program("file", ["file", "/bin/ls", "/etc/passwd", "/usr/share"]),
    Program("man", ["bash", "-c", "man -P cat ls 2>&1 | head -n 40"]),
    Program(
        "no_new_privileges",
        [
            "setpriv",
            "--no-new-privs",
            "sh",
            "-c",
            "grep NoNew /proc/self/status; su --help | head -n 3",
        ],
    ),
)

#: As root only.
ROOT_SANDBOXES = (
    Program("firejail", ["firejail", "--quiet", "--noprofile", "--seccomp", "ls", "-d", "/etc"]),
    Program(
        "capabilities",
        [
            "setpriv",
            "--bounding-set=-all,+chown,+kill",
            "--inh-caps=-all",
            "sh",
            "-c",
            "grep Cap /proc/self/status; touch made; chown 1 made; chroot / true; stat -c %u made",
        ],
    ),
)
