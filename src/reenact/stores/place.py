"""Where traces of packs that are elsewhere are kept, and how to know one.

No heavy import here: each replay asks.
"""

from __future__ import annotations

import os

from reenact import places

#: What a directory has besides the files of the trace: where they are from, the end of the pack.
ORIGIN = "origin"
END = "end"
_PART = "remote"


def folder() -> str:
    """The directory of them all. It need not exist."""
    return os.path.join(places.cache(), _PART)


def is_remote(trace: str) -> bool:
    """Whether a trace directory has those files of a pack elsewhere that were wanted till now."""
    # What has such a file and lies elsewhere is somebody's trap: what it names would be asked for.
    path = os.path.abspath(trace)
    return os.path.isfile(os.path.join(path, ORIGIN)) and os.path.dirname(path) == folder()
