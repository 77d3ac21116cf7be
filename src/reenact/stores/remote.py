"""Traces of packs that are elsewhere: a directory in the cache, with the files that were wanted.

The log is there from the beginning. The files that the program mapped come when they are needed:
those of one process when it is replayed, all of them when all of it is.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import io
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence

from reenact import environment, places, terminal
from reenact.errors import ReenactError, TraceError
from reenact.packs import layout, reading
from reenact.packs.layout import BLOCK, Layout, Member
from reenact.packs.placing import check_free, unpacking
from reenact.packs.writing import names as files_of
from reenact.stores import urls
from reenact.stores.place import END, ORIGIN, folder, is_remote
from reenact.stores.sources import NoRangesError, Source, changed, open_source

#: Bytes from the end of a pack that are read at once: the tables of some 10,000 files.
_END_BYTES = 256 << 10
#: Members that are no further from each other than this are read by one request.
_GAP = 1 << 20
#: Bytes of one request, so that not much is in memory.
_MOST_AT_ONCE = 64 << 20

#: Directories that this process uses, with the descriptors that keep others from removing them.
_held: dict[str, int] = {}


def located(url: str) -> str:
    """The directory of the trace in a pack that is elsewhere; with its log, at least.

    Errors: `TraceError` for what is not there or no pack, `ReenactError` when it cannot be had.
    """
    parent = folder()
    with _told(parent):
        os.makedirs(parent, mode=0o700, exist_ok=True)
        try:
            source = open_source(url, _END_BYTES)
        except NoRangesError:
            return _whole(url, parent)
        # What may be another one each time is nobody else's.
        version = source.version or f"of {os.getpid()}"
        said = f"{url}\n{source.size}\n{version}"
        target = os.path.join(parent, hashlib.sha256(said.encode()).hexdigest()[:32])
        if not places.is_trace(target) or not source.version:
            _begin(url, source, parent, target)
        _hold(target)
        os.utime(target)
        _forget_old(parent, target)
        return target


def unpack(url: str, target: str) -> None:
    """Make a trace directory of a pack that is elsewhere; it is there whole or not at all.

    Errors: as for `located`; `ReenactError` when the trace cannot be written.
    """
    check_free(target)
    trace = located(url)
    have(trace, None)
    with unpacking(urls.shown(url), target) as made:
        for name in files_of(trace):
            path = os.path.join(made, name)
            os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
            shutil.copy2(os.path.join(trace, name), path)


def have(trace: str, numbers: Iterable[int] | None) -> None:
    """Have kept files of a trace in its directory; nothing where it is no remote one.

    Arguments:
        trace: path of the trace directory.
        numbers: of the files; None: all, with the sources.

    Errors: as for `located`.
    """
    if not is_remote(trace):
        return
    _have(trace, None if numbers is None else {f"files/{number}" for number in numbers})


def have_sources(trace: str) -> None:
    """Have all kept sources of a trace in its directory; nothing where it is no remote one."""
    if is_remote(trace):
        known = _layout(trace, *_origin(trace)[1:])
        _have(trace, {name for name in _members(known) if name.startswith("sources/")})


def present(trace: str, numbers: Iterable[int]) -> list[int]:
    """Those of some kept files that are in the directory of a trace."""
    if not is_remote(trace):
        return list(numbers)
    return [one for one in numbers if os.path.exists(os.path.join(trace, "files", str(one)))]


def _begin(url: str, source: Source, parent: str, target: str) -> None:
    """Make the directory, with what is needed to open the trace."""

    def read_at(offset: int, length: int) -> bytes:
        before = source.size - len(source.end)
        if offset >= before:
            return source.end[offset - before : offset - before + length]
        return source.read(offset, length)

    known = layout.read(source.name, source.size, read_at)
    members = _members(known, source.name)
    if not {places.MANIFEST, "events"} <= members.keys():
        raise layout.damaged(source.name, f"it has no {places.MANIFEST} or no events")
    made = tempfile.mkdtemp(dir=parent, prefix=".opening-")
    try:
        _fetch(source, [members[name] for name in layout.FILES if name in members], made)
        first_table = known.frames[-1].offset + known.frames[-1].size
        with open(os.path.join(made, END), "wb") as file:
            file.write(read_at(first_table, source.size - first_table))
        origin = {"url": url, "size": source.size, "version": source.version}
        with open(os.path.join(made, ORIGIN), "w", encoding="ascii") as text:
            json.dump(origin, text)
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(target)
        os.rename(made, target)
    except OSError as error:
        shutil.rmtree(made, ignore_errors=True)
        if error.errno in (errno.ENOTEMPTY, errno.EEXIST) and places.is_trace(target):
            return  # Somebody else was quicker.
        raise
    except BaseException:
        shutil.rmtree(made, ignore_errors=True)
        raise


def _members(known: Layout, name: str = "the pack") -> dict[str, Member]:
    if known.members is None:
        raise TraceError(
            f"{name} cannot be read by ranges: it has no list of its files",
            "pack the trace again with this version, or fetch the file and give its path",
        )
    return known.members


def _origin(trace: str) -> tuple[str, int, str]:
    """URL, size and version of the pack of a trace."""
    with open(os.path.join(trace, ORIGIN), encoding="ascii") as file:
        said = json.load(file)
    return said["url"], said["size"], said["version"]


def _layout(trace: str, size: int, _version: str) -> Layout:
    with open(os.path.join(trace, END), "rb") as file:
        end = file.read()

    def read_at(offset: int, length: int) -> bytes:
        begin = offset - (size - len(end))
        return end[begin : begin + length] if begin >= 0 else b""

    return layout.read("the pack", size, read_at)


def _have(trace: str, names: set[str] | None) -> None:
    url, size, version = _origin(trace)
    members = _members(_layout(trace, size, version))
    wanted = members.keys() if names is None else names & members.keys()
    missing = [one for one in members.values() if one.name in wanted and not _is_here(trace, one)]
    if not missing:
        return
    with _told(trace), _locked(trace):
        missing = [one for one in missing if not _is_here(trace, one)]
        if not missing:
            return
        source = open_source(url, 1)
        if (source.size, source.version) != (size, version):
            raise changed(source.name)
        _fetch(source, missing, trace)


def _is_here(trace: str, member: Member) -> bool:
    return os.path.lexists(os.path.join(trace, member.name))


def _fetch(source: Source, members: Sequence[Member], target: str) -> None:
    """Write members to a directory, each whole or not at all."""
    needed = sum(frame.content for member in members for frame in member.frames)
    reading.check_room(
        source.name, needed, target, "make room, or set XDG_CACHE_HOME to a place that has some"
    )
    total = sum(member.end - member.begin for member in members)
    done = 0
    with terminal.progress("fetching", in_bytes=True) as bar:
        for run in _runs(members):
            for member, file in _streams(source, run):
                _write(source.name, member, file, target)
                done += member.end - member.begin
                bar.update(done, total)


def _runs(members: Sequence[Member]) -> Iterator[list[Member]]:
    """Members that are near each other, in the order in which they are in the pack."""
    run: list[Member] = []
    for member in sorted(members, key=lambda one: one.begin):
        is_near = run and member.begin - run[-1].end <= _GAP
        if run and not (is_near and member.end - run[0].begin <= _MOST_AT_ONCE):
            yield run
            run = []
        run.append(member)
    if run:
        yield run


def _streams(source: Source, run: Sequence[Member]) -> Iterator[tuple[Member, io.BufferedIOBase]]:
    """The bytes of each member of a run."""
    begin, end = run[0].begin, run[-1].end
    if end - begin <= _MOST_AT_ONCE:
        content = memoryview(source.read(begin, end - begin))
        for member in run:
            yield member, io.BytesIO(content[member.begin - begin : member.end - begin])
    else:
        # A large one is alone.
        yield run[0], io.BufferedReader(_Stream(source, begin, end), _MOST_AT_ONCE)


class _Stream(io.RawIOBase):
    """A range of a file, read from its beginning to its end."""

    def __init__(self, source: Source, begin: int, end: int) -> None:
        super().__init__()
        self._source, self._place, self._end = source, begin, end

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """The next bytes."""
        part = self._source.read(self._place, min(len(buffer), self._end - self._place))
        buffer[: len(part)] = part
        self._place += len(part)
        return len(part)


def _write(pack: str, member: Member, file: io.BufferedIOBase, target: str) -> None:
    content = reading.Content(pack, file, member.frames)  # type: ignore[arg-type]
    header = layout.header_of(pack, content.take(BLOCK))
    if (header.name, header.size) != (member.name, member.size):
        raise layout.damaged(pack, "its list of files is damaged")
    path = os.path.join(target, member.name)
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    temporary = f"{path}.{os.getpid()}"
    try:
        reading.write_member(content, temporary, member.size, header.mtime)
        os.rename(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def _whole(url: str, parent: str) -> str:
    """As `located`, from a server that sends whole files only: by a copy of the pack."""
    from reenact import packs
    from reenact.stores.whole import fetch

    with tempfile.TemporaryDirectory(dir=parent, prefix=".fetching-") as own:
        path = fetch(url, own)
        if not packs.is_pack(path):
            raise layout.damaged(urls.shown(url), "it begins as none does")
        with open(path, "rb") as file:
            # As in packs.kept: the tables tell one pack from another.
            file.seek(max(0, os.path.getsize(path) - (1 << 20)))
            name = hashlib.sha256(url.encode() + b"\n" + file.read()).hexdigest()[:32]
        target = os.path.join(parent, name)
        if not places.is_trace(target):
            made = os.path.join(own, "trace")
            packs.unpack(path, made)
            with contextlib.suppress(FileNotFoundError):
                shutil.rmtree(target)
            os.rename(made, target)
    _hold(target)
    _forget_old(parent, target)
    return target


@contextlib.contextmanager
def _told(place: str) -> Iterator[None]:
    """Tells what the file system refuses."""
    try:
        yield
    except OSError as error:
        raise ReenactError(
            f"what is fetched cannot be kept in {place}: {error.strerror}",
            "make room, or set XDG_CACHE_HOME to a place that has some",
        ) from error


@contextlib.contextmanager
def _locked(trace: str) -> Iterator[None]:
    """One process at a time adds to a directory."""
    with open(os.path.join(trace, ORIGIN), "rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _hold(trace: str) -> None:
    """Keep others from removing a directory, as long as this process lives."""
    if trace not in _held:
        descriptor = os.open(trace, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        with contextlib.suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        _held[trace] = descriptor


def _forget_old(parent: str, kept: str) -> None:
    """Remove what was used longest ago, so that all take no more than they may."""
    said = environment.REMOTE_CACHE.get() or ""
    left = (int(said) if said.isascii() and said.isdecimal() else 4096) << 20
    with contextlib.suppress(OSError):
        found = sorted(os.scandir(parent), key=lambda one: one.stat().st_mtime, reverse=True)
        for entry in found:
            left -= _taken(entry.path)
            if left < 0 and entry.path != kept and entry.path not in _held:
                _remove(entry.path)


def _taken(place: str) -> int:
    found = 0
    for around, _, names in os.walk(place):
        for name in names:
            with contextlib.suppress(OSError):
                found += os.lstat(os.path.join(around, name)).st_blocks * 512
    return found


def _remove(place: str) -> None:
    """Remove a directory that nobody uses."""
    descriptor = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(place, ignore_errors=True)
    except BlockingIOError:
        return
    finally:
        os.close(descriptor)
