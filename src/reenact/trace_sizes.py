"""How much traces take, and what of it they share with others."""

from __future__ import annotations

import os
from dataclasses import dataclass


@dataclass(frozen=True)
class Taken:
    """What a trace takes, bytes (some files may share their blocks with the originals).

    Arguments:
        own: what removing it gives back.
        shared: of each file that is there once with others, traces or what recordings keep for
            later ones, by its device and its number.
    """

    own: int
    shared: dict[tuple[int, int], int]

    @property
    def total(self) -> int:
        """All of it."""
        return self.own + sum(self.shared.values())


def taken(trace: str) -> Taken:
    """What a trace takes."""
    own, shared = 0, {}
    for directory, _, names in os.walk(trace):
        for name in names:
            try:
                status = os.lstat(os.path.join(directory, name))
            except FileNotFoundError:
                continue  # A trace that is being recorded renames its manifest.
            if status.st_nlink > 1:
                shared[status.st_dev, status.st_ino] = status.st_size
            else:
                own += status.st_size
    return Taken(own, shared)
