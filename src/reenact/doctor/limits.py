"""Limits of this user and this machine: descriptors, address space, room on the disk."""

from __future__ import annotations

import os
import resource

from reenact import places
from reenact.doctor.findings import BAD, GOOD, LIMITED, Finding

_DESCRIPTORS_WANTED = 256
_GIB = 1 << 30
#: Addresses of the reserved region and the arena (crates/trace/src/layout.rs).
_ADDRESS_SPACE_WANTED = 64 * _GIB
#: The arena (crates/trace/src/arena.rs).
_FILE_SIZE_WANTED = 33 * _GIB
_ROOM_GOOD, _ROOM_BAD = 4 * _GIB, 64 << 20


def look() -> list[Finding]:
    """All findings about limits."""
    return [_user(), _descriptors(), _address_space(), _file_size(), _room()]


def _user() -> Finding:
    name = "root" if os.geteuid() == 0 else f"user {os.geteuid()}"
    return Finding("user", "User", GOOD, name, "recording needs no privileges")


def _descriptors() -> Finding:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < _DESCRIPTORS_WANTED:
        return Finding(
            "descriptors",
            "Open files",
            LIMITED,
            f"at most {soft}",
            "the recorder needs three descriptors of each program",
            f"ulimit -n {_DESCRIPTORS_WANTED} or more",
        )
    limit = "unlimited" if soft == resource.RLIM_INFINITY else f"at most {soft}"
    return Finding("descriptors", "Open files", GOOD, limit, "room for the recorder's three")


def _address_space() -> Finding:
    soft, _ = resource.getrlimit(resource.RLIMIT_AS)
    if soft != resource.RLIM_INFINITY and soft < _ADDRESS_SPACE_WANTED:
        return Finding(
            "address-space",
            "Address space",
            BAD,
            f"limited to {soft >> 20} MiB",
            "the recorder's shared log does not fit",
            "ulimit -v unlimited",
        )
    return Finding("address-space", "Address space", GOOD, "not limited", "logs can be mapped")


def _file_size() -> Finding:
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    # The soft limit is the recorded program's affair.
    if hard != resource.RLIM_INFINITY and hard < _FILE_SIZE_WANTED:
        return Finding(
            "file-size",
            "File size",
            BAD,
            f"limited to {hard >> 20} MiB",
            "the recorder's shared log, a sparse file, does not fit",
            "ulimit -f unlimited",
        )
    return Finding("file-size", "File size", GOOD, "not limited", "traces can grow")


def _room() -> Finding:
    home = places.home()
    existing = home
    while not os.path.isdir(existing):
        existing = os.path.dirname(existing)
    status = os.statvfs(existing)
    free = status.f_bavail * status.f_frsize
    found = f"{free / _GIB:.1f} GiB free for {home}"
    choose = "make room, or choose another place with REENACT_TRACE_DIR"
    if not os.access(existing, os.W_OK):
        return Finding(
            "disk",
            "Trace directory",
            BAD,
            f"{existing} is not writable",
            "no default place",
            choose,
        )
    if free < _ROOM_BAD:
        return Finding("disk", "Trace directory", BAD, found, "a recording soon ends early", choose)
    if free < _ROOM_GOOD:
        return Finding(
            "disk", "Trace directory", LIMITED, found, "enough for short recordings", choose
        )
    return Finding("disk", "Trace directory", GOOD, found, "enough for long recordings")
