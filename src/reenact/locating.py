"""Which trace a person means who wants to read it: a directory, or a pack.

No heavy import here: each command asks before it does anything else.
"""

from __future__ import annotations

import os

from reenact import places


def located(given: str | None) -> str:
    """The directory of a trace: as `places.locate`, and of a pack where it is unpacked.

    Errors: `TraceError` for what is no trace, or a damaged pack.
    """
    path = places.locate(given)
    if os.path.isfile(path):
        from reenact import packs

        if packs.is_pack(path):
            return packs.unpacked(path)
    return path
