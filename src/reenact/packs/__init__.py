"""Packs: a trace in one file, which moves to another machine.

A pack is a tar archive in frames of zstd, as `tar --zstd` reads it, with a table of the frames and
of the members at its end (docs/pack-format.md). What is read may come from anybody: only files of a
trace are taken from a pack, each at its place in a new directory.
"""

from __future__ import annotations

from reenact.packs.kept import unpacked
from reenact.packs.layout import ENDING, is_pack
from reenact.packs.reading import unpack
from reenact.packs.writing import write

__all__ = ["ENDING", "is_pack", "unpack", "unpacked", "write"]
