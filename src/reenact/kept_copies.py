"""What recordings keep in the user's cache directory: counting it, and clearing it."""

from __future__ import annotations

import contextlib
import os
import stat
from dataclasses import dataclass

from reenact.errors import ReenactError

#: The directories of the cache (`cache_part` in crates/files), and what is in them.
_PARTS = {
    "files": "copies of programs and libraries",
    "sites": "instructions found in them",
    "right": "checksums that were right",
    "machine": "answers of the processor",
    "debug": "debug information from servers",
    "snapshots": "snapshots of traces (reenact index)",
    "packs": "traces that were sent as one file, unpacked",
    "remote": "parts of packs that were opened by a URL",
}


#: Bytes of a block of `st_blocks` (inode(7)).
_BLOCK = 512


@dataclass(frozen=True)
class Part:
    """One directory of the cache.

    Arguments:
        name: of the directory.
        meaning: what is in it.
        files: how many files it has.
        size: what they take, bytes; a trace that shares one takes no more for it.
        unused: what those of them take that no trace shares, bytes.
    """

    name: str
    meaning: str
    files: int
    size: int
    unused: int


def parts(directory: str) -> list[Part]:
    """The parts of the cache that there are.

    Arguments:
        directory: the cache; it need not exist.

    Errors: `ReenactError` for what cannot be read.
    """
    found = []
    for name, meaning in _all_parts(directory).items():
        files = _files(os.path.join(directory, name))
        if files:
            size = sum(status.st_blocks for _, status in files) * _BLOCK
            unused = sum(status.st_blocks for path, status in files if _is_unused(path, status))
            found.append(Part(name, meaning, len(files), size, unused * _BLOCK))
    return found


def _all_parts(directory: str) -> dict[str, str]:
    """Every part by its directory, also one of another version of this package."""
    found = dict(_PARTS)
    with contextlib.suppress(OSError), os.scandir(directory) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                found.setdefault(entry.name, f"{entry.name} (of another version)")
    return found


def _is_unused(path: str, status: os.stat_result) -> bool:
    """Whether it is a copy that no trace has; what belongs to a copy has an extension."""
    is_copy = os.path.basename(os.path.dirname(path)) == "files" and not os.path.splitext(path)[1]
    return is_copy and status.st_nlink == 1


def clear(directory: str) -> None:
    """Remove all files of the cache; recordings that are under way copy what they want anew.

    Errors: `ReenactError` for what cannot be removed.
    """
    for name in _all_parts(directory):
        for path, _ in _files(os.path.join(directory, name)):
            try:
                os.unlink(path)
            except FileNotFoundError:
                continue  # A recording has tidied up meanwhile.
            except OSError as error:
                raise ReenactError(f"cannot remove {path}: {error.strerror}") from error


def _files(directory: str) -> list[tuple[str, os.stat_result]]:
    """The regular files of a directory and those below it; others are not ours."""
    found: list[tuple[str, os.stat_result]] = []
    try:
        with os.scandir(directory) as entries:
            for entry in entries:
                try:
                    status = entry.stat(follow_symlinks=False)
                except FileNotFoundError:
                    continue
                if stat.S_ISREG(status.st_mode):
                    found.append((entry.path, status))
                elif stat.S_ISDIR(status.st_mode):
                    found += _files(entry.path)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise ReenactError(f"cannot read {directory}: {error.strerror}") from error
    return found
