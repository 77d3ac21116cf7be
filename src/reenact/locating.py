"""Which trace a person means who wants to read it: a directory, a pack, or a pack elsewhere.

No heavy import here: each command asks before it does anything else.
"""

from __future__ import annotations

import os

from reenact import places
from reenact.stores import urls


def located(given: str | None) -> str:
    """The directory of a trace: as `places.locate`, and of a pack where it is unpacked.

    Of a pack that is elsewhere, named by a URL, it has what is needed to open the trace; what a
    replay needs is fetched when it begins.

    Errors: `TraceError` for what is no trace, or a damaged pack; `ReenactError` for what is not to
    be had.
    """
    if given is not None and urls.is_url(given):
        local = urls.local_path(given)
        if local is None:
            from reenact.stores import remote

            return remote.located(given)
        given = local
    path = places.locate(given)
    if os.path.isfile(path):
        from reenact import packs

        if packs.is_pack(path):
            return packs.unpacked(path)
    return path
