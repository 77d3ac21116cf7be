"""The recorded machine's files as a tree for a gdb on this machine.

gdb reads and finds files of its own machine faster than those of a remote one, and does not say so
for each. The tree holds symbolic links to the trace's copies, at the paths of the recorded machine.
Programs and the dynamic linker are shown by the file that a link leads to, so these are no such
links where that can be.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Iterable

from reenact.errors import TraceError
from reenact.gdb.client_paths import program_name
from reenact.gdb.image import Image
from reenact.gdb.recorded_names import as_listed, soname
from reenact.kept_sources import Source, Sources
from reenact.printable import printable
from reenact.symbols.files import ModuleFiles

#: A directory of the tree for what is looked for by its name alone (`set solib-search-path`).
BY_NAME = "reenact/by-name"
#: Paths that are one word in any command.
_PLAIN = re.compile(r"(/[A-Za-z0-9_.,+=@-]+)+")
#: Larger programs are not copied, but shown by the name of the trace's copy.
_MOST_COPIED = 256 << 20
#: Directories that are one on most machines; which of both a path names is chance.
_ALIKE = ("/lib", "/bin", "/sbin", "/lib64", "/lib32")


def build(root: str, files: ModuleFiles, numbers: Iterable[int], images: Iterable[Image]) -> None:
    """Make the tree.

    Arguments:
        root: an empty directory that nobody else can write to.
        files: the files of the trace.
        numbers: all their numbers.
        images: the programs of the process.

    Errors: `OSError` where the tree cannot be made.
    """
    images = list(images)
    copies: dict[str, str] = {}
    by_name: dict[str, set[str]] = {}
    for number in numbers:
        opened = files.open(number)
        if opened is None:
            continue
        try:
            copy = os.readlink(f"/proc/self/fd/{opened}")
            asked_for = soname(opened)
        finally:
            os.close(opened)
        path = _normal(files.path(number))
        copies[path] = copy
        names = {os.path.basename(path), *([asked_for] if asked_for else [])}
        for name in names:
            by_name.setdefault(name, set()).add(copy)
            # A library is loaded by a link to it, libstdc++.so.6 for libstdc++.so.6.0.30.
            copies.setdefault(os.path.join(os.path.dirname(path), name), copy)
    programs = {_normal(as_listed(image.program)) for image in images}
    shown: dict[str, str] = {}
    for path, copy in copies.items():
        is_shown = path in programs or os.path.basename(path).startswith("ld-")
        shown[copy] = (_place(root, path, copy) if is_shown else None) or shown.get(copy, copy)
    for path, copy in copies.items():
        for alike in _alike(path):
            _link(root, alike, shown[copy])
    for name, found in by_name.items():
        if len(found) == 1:
            _link(root, f"/{BY_NAME}/{name}", shown[found.pop()])
    for image in images:
        known = copies.get(_normal(as_listed(image.program)))
        if known is not None:
            # By a name of its own, and by what a client is told where that is another one.
            for told in (program_name(image), _normal(image.program)):
                _link(root, told, shown[known])


def source_rules(root: str, sources: Sources) -> list[tuple[str, str]]:
    """Make the tree of the kept source files; where gdb has to look instead of where they were.

    They are copies: gdb and editors show a source by the file that a link leads to.

    Arguments:
        root: an empty directory that nobody else can write to, without white space in its path.
        sources: the source files of the trace.

    Errors: `OSError` where the tree cannot be made.
    """
    directories: set[str] = set()
    for source in sources:
        with contextlib.suppress(TraceError):
            opened = sources.open(source)
            try:
                _copy(root + printable(source.path), opened, source)
            finally:
                os.close(opened)
            directories.update({os.path.dirname(source.path), *source.directories})
    # What a client hears of has to be one word of a command; the others stay where they were.
    plain = [one for one in sorted(directories) if _PLAIN.fullmatch(one) and one != "/"]
    return [(one, root + one) for one in plain if os.path.isdir(root + one)]


def _copy(place: str, opened: int, source: Source) -> None:
    # A file where a directory is to be, a name that is too long: that one is not found, then.
    with contextlib.suppress(FileExistsError, NotADirectoryError):
        os.makedirs(os.path.dirname(place), exist_ok=True)
        with open(place, "xb") as file:
            file.write(os.pread(opened, source.size, 0))
        os.utime(place, ns=(source.modified_ns, source.modified_ns))


def _place(root: str, path: str, copy: str) -> str | None:
    """A file of its own in the tree: the trace's by another name, or a copy; None: neither."""
    place = root + printable(path)
    try:
        os.makedirs(os.path.dirname(place), exist_ok=True)
        try:
            os.link(copy, place)
        except OSError:
            if os.stat(copy).st_size > _MOST_COPIED:
                return None
            shutil.copyfile(copy, place)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(place)
        return None
    return place


def _alike(path: str) -> list[str]:
    """A path, and the same below the other one of `/lib` and `/usr/lib`."""
    other = path.removeprefix("/usr") if path.startswith("/usr/") else "/usr" + path
    bare = path.removeprefix("/usr")
    return [path, other] if bare.startswith(tuple(f"{one}/" for one in _ALIKE)) else [path]


def _normal(path: str) -> str:
    return "/" + os.path.normpath("/" + path).lstrip("/")


def _link(root: str, path: str, copy: str) -> None:
    # A client hears of a path as it can be shown, and looks for that.
    place = root + printable(path)
    # A file where a directory is to be, a name that is too long: that one is not found, then.
    with contextlib.suppress(FileExistsError, NotADirectoryError, OSError):
        os.makedirs(os.path.dirname(place), exist_ok=True)
        os.symlink(copy, place)
