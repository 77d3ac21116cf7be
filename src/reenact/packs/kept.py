"""Packs that are kept unpacked in the user's cache: the latest few."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil

from reenact import places
from reenact.errors import ReenactError
from reenact.packs.reading import unpack

#: How many.
_MOST_KEPT = 8
_PART = "packs"


def unpacked(pack: str) -> str:
    """The directory of the trace in a pack: in the user's cache, where the latest few are kept.

    Errors: as for `unpack`.
    """
    status = os.stat(pack)
    with open(pack, "rb") as file:
        # The table has the sizes of all frames; another pack of the same has another time.
        file.seek(max(0, status.st_size - (1 << 20)))
        said = f"{os.path.realpath(pack)}:{status.st_size}:{status.st_mtime_ns}:".encode()
        name = hashlib.sha256(said + file.read()).hexdigest()[:32]
    parent = os.path.join(places.cache(), _PART)
    target = os.path.join(parent, name)
    if places.is_trace(target):
        with contextlib.suppress(OSError):
            os.utime(target)
        return target
    try:
        os.makedirs(parent, mode=0o700, exist_ok=True)
    except OSError as error:
        raise ReenactError(
            f"{parent} cannot be made: {error.strerror}",
            "unpack the trace elsewhere: reenact unpack FILE -o TRACE",
        ) from error
    _forget_old(parent)
    try:
        unpack(pack, target)
    except ReenactError:
        # Somebody else has just unpacked it.
        if not places.is_trace(target):
            raise
    return target


def _forget_old(parent: str) -> None:
    with contextlib.suppress(OSError):
        kept = sorted(os.scandir(parent), key=lambda entry: entry.stat().st_mtime, reverse=True)
        for entry in kept[_MOST_KEPT - 1 :]:
            shutil.rmtree(entry.path, ignore_errors=True)
