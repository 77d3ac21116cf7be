"""A directory that is there whole or not at all."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile

from reenact.errors import ReenactError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


def check_free(target: str) -> None:
    """See that nothing is at a path. Errors: `ReenactError`."""
    if os.path.lexists(target):
        raise ReenactError(f"{target} exists", "choose another place with -o TRACE")


@contextlib.contextmanager
def unpacking(pack: str, target: str) -> Iterator[str]:
    """Make a directory beside a path, which gets that path when it is filled.

    Arguments:
        pack: what is unpacked, for the message.
        target: the path.

    Yields: the path of the directory to fill.

    Errors: `ReenactError` when it cannot be written; nothing is left then.
    """
    try:
        made = tempfile.mkdtemp(dir=os.path.dirname(os.path.abspath(target)), prefix=".unpacking-")
        try:
            yield made
            os.rename(made, target)
        except BaseException:
            shutil.rmtree(made, ignore_errors=True)
            raise
    except OSError as error:
        raise ReenactError(
            f"{pack} cannot be unpacked to {target}: {error.strerror}",
            "choose another place with -o TRACE",
        ) from error
