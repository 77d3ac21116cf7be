"""Indexes of traces: files of snapshots in the user's cache, from which a replay can begin.

An index is a file as `snapshots` in a trace (docs/trace-format.md), and belongs to one trace, one
version of the replayer and one kind of processor: what differs has another name. It is there whole
or not at all, and what is damaged is as if it were not there.

No heavy import here: a verification looks for one before it does anything else.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
import struct
import time

from reenact import _native, places, programs
from reenact.errors import ReenactError
from reenact.trace_files import MOST_BYTES, TraceFiles

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

#: The directory in the cache.
PART = "snapshots"
#: Bytes that one index may take, and all of them together.
MOST_OF_ONE = 4 << 30
MOST_OF_ALL = 16 << 30
#: Bytes that are left free on the disk.
_LEFT_FREE = 256 << 20
#: Indexes that are kept, and snapshots in one.
_MOST_KEPT = 64
_MOST_SNAPSHOTS = 1 << 20
#: A chunk's header (crates/trace/src/chunk.rs), and the landmark of the last one of a snapshot.
_HEADER = struct.Struct("<IIQIBBHIIQQ")
_MAGIC = 0x74636E72
_CHECKED = 40
_IS_LAST = 32
_BEING_MADE = ".making"
#: Seconds after which one that is being made, and that nobody holds, is left over.
_LEFT_OVER = 60.0


class Index:
    """The snapshots of a trace.

    Arguments:
        path: of the file.
        events: of each process, those that there is a snapshot behind, in order.
        size: bytes.
    """

    def __init__(self, path: str, events: Mapping[int, tuple[int, ...]], size: int) -> None:
        self.path = path
        self.events = events
        self.size = size

    def __repr__(self) -> str:
        return f"<Index {self.path!r}: {self.count} snapshots>"

    @property
    def count(self) -> int:
        """How many snapshots there are."""
        return sum(map(len, self.events.values()))

    def open(self) -> int:
        """A new descriptor, for reading; the caller closes it. Errors: `OSError`."""
        return _opened(self.path)


def path_of(trace: str) -> str:
    """Where the index of a trace is, if it has one.

    Errors: `TraceError` for what is no trace, `ReenactError` where there is no cache.
    """
    return os.path.join(places.cache(), PART, f"{_identity(trace)}-{_maker()}")


def find(trace: str) -> Index | None:
    """The index of a trace; None: it has none that this version can use on this machine."""
    try:
        with os.scandir(os.path.join(places.cache(), PART)) as entries:
            if next(entries, None) is None:
                return None
        return _read(path_of(trace))
    except (OSError, ReenactError, _native.TraceError, _native.FileError):
        return None


def forget(trace: str) -> bool:
    """Remove the index of a trace, of whatever version; whether there was one."""
    removed = False
    directory = os.path.join(places.cache(), PART)
    identity = _identity(trace)
    with contextlib.suppress(OSError):
        for name in os.listdir(directory):
            if name.startswith(f"{identity}-") and _BEING_MADE not in name:
                os.unlink(os.path.join(directory, name))
                removed = True
    return removed


class Making:
    """An index that is being made: a file that replayers append to, and that is kept at the end.

    Arguments:
        trace: path of the trace directory.

    Errors: `ReenactError` where the cache cannot be written to.
    """

    def __init__(self, trace: str) -> None:
        self._trace = trace
        self._path = path_of(trace)
        directory = os.path.dirname(self._path)
        try:
            os.makedirs(directory, mode=0o700, exist_ok=True)
            _tidy(directory)
            self._made = f"{self._path}{_BEING_MADE}{os.getpid()}-{time.monotonic_ns()}"
            flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
            #: For replayers to append to.
            self.descriptor = os.open(self._made, flags, 0o600)
        except OSError as error:
            raise _unwritable(directory, error) from error
        with contextlib.suppress(OSError):
            fcntl.flock(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)

    @property
    def most(self) -> int:
        """Bytes that it may take: there must be room for others, on the disk too."""
        try:
            status = os.fstatvfs(self.descriptor)
        except OSError:
            return MOST_OF_ONE
        return max(min(MOST_OF_ONE, status.f_bavail * status.f_frsize - _LEFT_FREE), 0)

    def keep(self) -> Index | None:
        """It is whole: from now on it is the index of the trace. None: nothing is in it."""
        found = _read(self._made)
        if found is None or not found.count:
            return None
        try:
            forget(self._trace)
            os.rename(self._made, self._path)
        except OSError as error:
            raise _unwritable(os.path.dirname(self._path), error) from error
        return Index(self._path, found.events, found.size)

    def close(self) -> None:
        """Remove what is not kept."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._made)
        os.close(self.descriptor)


def _unwritable(directory: str, error: OSError) -> ReenactError:
    return ReenactError(
        f"no index can be made in {directory}: {error.strerror}",
        "choose another place for caches: XDG_CACHE_HOME",
    )


def _identity(trace: str) -> str:
    """A name that only this trace has, wherever it lies."""
    import hashlib

    files = TraceFiles(trace)
    native = _native.Trace(trace)
    digest = hashlib.sha256(native.identity.to_bytes(8, "little"))
    digest.update(native.manifest.encode())
    digest.update(b"\0")
    with contextlib.suppress(FileNotFoundError):
        digest.update(files.read("files.jsonl", MOST_BYTES))
    return digest.hexdigest()[:32]


def _maker() -> str:
    """A name for the version of the replayer and the kind of processor."""
    import hashlib

    status = os.stat(programs.replayer())
    told = f"{status.st_size} {status.st_mtime_ns} {_processor()}"
    return hashlib.sha256(told.encode()).hexdigest()[:16]


def _processor() -> str:
    """What the first processor is and can do."""
    wanted = ("vendor_id", "model name", "flags")
    told = []
    with contextlib.suppress(OSError), open("/proc/cpuinfo", encoding="utf-8") as lines:
        for line in lines:
            if not line.strip():
                break
            if line.startswith(wanted):
                told.append(line)
    return "".join(told)


def _opened(path: str) -> int:
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    descriptor = os.open(path, flags)
    status = os.fstat(descriptor)
    if stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid():
        return descriptor
    os.close(descriptor)
    raise OSError("no file of this user")


def _read(path: str) -> Index | None:
    """What a file has; None: it is not whole."""
    descriptor = _opened(path)
    try:
        size = os.fstat(descriptor).st_size
        events: dict[int, list[int]] = {}
        for process, event in _snapshots(descriptor, size):
            events.setdefault(process, []).append(event)
    except ValueError:
        return None
    finally:
        os.close(descriptor)
    ordered = {process: tuple(sorted(set(found))) for process, found in sorted(events.items())}
    return Index(path, ordered, size)


def _snapshots(descriptor: int, size: int) -> Iterator[tuple[int, int]]:
    """Process and event of each whole snapshot. Errors: `ValueError` for a damaged file."""
    at = count = 0
    while at < size:
        head = os.pread(descriptor, _HEADER.size, at)
        if len(head) < _HEADER.size:
            raise ValueError("cut")
        magic, process, event, _, _, marks, _, stored, _, _, own = _HEADER.unpack(head)
        if magic != _MAGIC or _native.checksum(head[:_CHECKED]) != own:
            raise ValueError("no chunk")
        at += _HEADER.size + (stored + 7) // 8 * 8
        if marks & _IS_LAST:
            count += 1
            if count > _MOST_SNAPSHOTS:
                raise ValueError("too many")
            yield process, event
    if at != size:
        raise ValueError("cut")


def _tidy(directory: str) -> None:
    """Remove what is left over, and the indexes used longest ago where there are too many."""
    kept: list[tuple[int, int, str]] = []
    with os.scandir(directory) as entries:
        for entry in entries:
            with contextlib.suppress(OSError):
                status = entry.stat(follow_symlinks=False)
                if _BEING_MADE in entry.name:
                    if _is_left_over(entry.path, status):
                        os.unlink(entry.path)
                    continue
                kept.append((status.st_mtime_ns, status.st_blocks * 512, entry.path))
    size = MOST_OF_ONE
    for number, (_, taken, path) in enumerate(sorted(kept, reverse=True)):
        size += taken
        if number >= _MOST_KEPT or size > MOST_OF_ALL:
            with contextlib.suppress(OSError):
                os.unlink(path)


def _is_left_over(path: str, status: os.stat_result) -> bool:
    """Whether nobody makes it any more."""
    if time.time() - status.st_mtime < _LEFT_OVER:
        return False
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return True
