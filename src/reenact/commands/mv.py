"""`reenact mv`: give a trace another name or place."""

from __future__ import annotations

import argparse

HELP = "give a trace another name or place"
DESCRIPTION = (
    "Move a trace: to another name in the default place, or to another path. Refuses a name that "
    "is taken, and a trace that is being recorded."
)
EXAMPLES = (
    ("reenact mv server-12 deadlock", "a better name"),
    ("reenact mv deadlock /srv/traces/", "into another directory"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("trace", metavar="TRACE", help="the trace's name or path")
    parser.add_argument("target", metavar="TARGET", help="a name, a path, or a directory")


def run(arguments: argparse.Namespace) -> int:
    """Move it."""
    import os

    from reenact import places
    from reenact.errors import ReenactError, TraceError, UsageError

    given = places.locate(arguments.trace)
    source = os.path.realpath(given)
    if not places.is_trace(source):
        raise TraceError(f"{source} is not a trace, so it is not moved")
    if places.is_being_recorded(source):
        raise TraceError(f"{source} is being recorded", "end its program first")
    target = arguments.target
    if target in ("", ".", "..", places.LATEST):
        raise UsageError(f"{target or 'nothing'} is no name for a trace", "choose another one")
    if "/" not in target:
        target = os.path.join(places.home(), target)
    elif os.path.isdir(target):
        target = os.path.join(target, os.path.basename(source))
    target = os.path.abspath(target)
    if os.path.lexists(target):
        raise ReenactError(f"{target} exists", "choose another name, or remove it")
    latest = os.path.join(places.home(), places.LATEST)
    was_latest = os.path.realpath(latest) == source
    try:
        _move(source, target)
    except OSError as error:
        raise ReenactError(
            f"{source} cannot be moved to {target}: {error.strerror}", "choose another place"
        ) from error
    if was_latest:
        places.point_latest(target)
    return 0


def _move(source: str, target: str) -> None:
    """Rename it; to another file system by a copy, which is there whole or not at all."""
    import errno
    import os
    import shutil
    import tempfile

    try:
        os.rename(source, target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
    else:
        return
    made = tempfile.mkdtemp(dir=os.path.dirname(target), prefix=".moving-")
    try:
        copy = shutil.copytree(source, os.path.join(made, "trace"), symlinks=True)
        os.rename(copy, target)
    except shutil.Error as error:
        raise OSError(errno.EIO, "not all of it can be copied") from error
    finally:
        shutil.rmtree(made, ignore_errors=True)
    shutil.rmtree(source)
