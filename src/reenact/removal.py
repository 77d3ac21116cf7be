"""Removing traces."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable

from reenact import _native, places
from reenact.errors import TraceError


def remove(paths: Iterable[str]) -> None:
    """Remove traces with everything in them, and the copies of files that no other trace has.

    Arguments:
        paths: of the traces, or of links to them, which go with them.

    Errors: `TraceError` for what cannot be removed.
    """
    for path in paths:
        # A link to a trace (such as `latest`) stands for the trace.
        real = os.path.realpath(path)
        try:
            shutil.rmtree(real)
            if path != real and os.path.islink(path):
                os.unlink(path)
        except OSError as error:
            raise TraceError(f"cannot remove all of {path}: {error.strerror}") from error
    places.repair_latest()
    _native.forget_unused_copies()
