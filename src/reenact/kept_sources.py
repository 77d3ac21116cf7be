"""Source files kept with a trace: those that debug information names and that were there.

No heavy import here: `reenact record` uses it. In the trace they are `sources/<number>`, and
`sources.json` says what they are (docs/trace-format.md).
"""

from __future__ import annotations

import os
import stat

from reenact import _native
from reenact.errors import ReenactError, TraceError
from reenact.stores.place import is_remote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

#: The list in a trace's directory, the version of what is in it, and the directory of the files.
INDEX = "sources.json"
DIRECTORY = "sources"
#: The directory of the mapped files, and the list of them.
_KEPT = "files"
_FILES = "files.jsonl"
_VERSION = 1
#: Larger files are no sources; and all together take no more than this. Bytes.
_LARGEST = 4 << 20
_MOST_BYTES = 64 << 20
_MOST_FILES = 20_000
#: No file has been changed later: as many nanoseconds as 64 bits have room for.
_LATEST_NS = (1 << 63) - 1
#: Where packages put separate debug information.
_BY_BUILD_ID = "/.build-id/"
#: Debug information may name any file: only what is called as sources are is kept, no keys.
_NAMED_AS_SOURCES = (
    "c h cc hh cpp hpp cxx hxx c++ h++ inc inl ipp tcc tpp def y l m mm cu cuh rs go s asm d f f77 "
    "f90 f95 f03 f08 for zig nim swift pas pp adb ads hs ml mli kt java py pyx pxd pxi v vala cr "
    "jl lua"
)
_ENDINGS = frozenset(_NAMED_AS_SOURCES.split())
#: What a damaged or hostile list may raise.
_DAMAGE = (ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError)


class Source:
    """A source file that is kept.

    Arguments:
        number: of its copy in the trace.
        path: absolute, on the recorded machine.
        directories: in which the units were compiled that it belongs to.
        size: bytes.
        modified_ns: when it was changed last, nanoseconds since the epoch.
        is_newer: it was changed after a program or library was built that names it, so that its
            lines may be others than those that were compiled.
    """

    __slots__ = ("directories", "is_newer", "modified_ns", "number", "path", "size")

    def __init__(
        self,
        number: int,
        path: str,
        directories: tuple[str, ...],
        size: int,
        modified_ns: int,
        *,
        is_newer: bool = False,
    ) -> None:
        self.number = number
        self.path = path
        self.directories = directories
        self.size = size
        self.modified_ns = modified_ns
        self.is_newer = is_newer

    def __repr__(self) -> str:
        return f"Source({self.path!r})"


def keep(trace: str) -> None:
    """Copy the source files of a trace's programs and libraries into it, as far as there are any.

    Arguments:
        trace: path of the trace directory, whose recording has ended.

    A file that cannot be read is left out; so are all where the trace cannot be written to.
    """
    named = _named(trace)
    if not named:
        return
    kept: list[Source] = []
    total = 0
    try:
        os.mkdir(os.path.join(trace, DIRECTORY), 0o700)
        for path in sorted(named):
            content = _read(path, _MOST_BYTES - total)
            if content is None:
                continue
            text, modified_ns = content
            total += len(text)
            _write(os.path.join(trace, DIRECTORY, str(len(kept))), text, modified_ns)
            directories, built_ns = named[path]
            kept.append(
                Source(
                    len(kept),
                    path,
                    tuple(sorted(directories)),
                    len(text),
                    modified_ns,
                    is_newer=modified_ns > built_ns,
                )
            )
        _write_index(trace, kept)
    except (OSError, ReenactError):
        return  # The recording is whole without them.


def _built(trace: str) -> dict[str, int]:
    """When the kept files were changed last, nanoseconds since the epoch, by their numbers.

    Not separate debug information that a distribution made (a program that prints its own
    backtrace maps it): which headers it was compiled with does not depend on what is installed.
    """
    import json

    from reenact.trace_files import TraceFiles

    found: dict[str, int] = {}
    try:
        for line in TraceFiles(trace).read(_FILES).splitlines():
            entry = json.loads(line)
            if _BY_BUILD_ID not in str(entry["path"]):
                found[str(entry["id"])] = _within(entry["mtime_ns"], _LATEST_NS)
    except (OSError, ReenactError, *_DAMAGE):
        return {}
    return found


def _named(trace: str) -> dict[str, tuple[set[str], int]]:
    """Paths that debug information names: the directories of the units, when the oldest of the
    files was built that name it.
    """
    named: dict[str, tuple[set[str], int]] = {}
    built: dict[str, int] | None = None
    kept = os.path.join(trace, _KEPT)
    # What has just been recorded is as it was: it is neither compared nor looked up in the log.
    try:
        names = os.listdir(kept)
    except OSError:
        return {}
    for name in names:
        try:
            flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
            descriptor = os.open(os.path.join(kept, name), flags)
        except OSError:
            continue
        try:
            pairs = _native.source_files(descriptor)
        except _native.SymbolError:
            continue
        finally:
            os.close(descriptor)
        if pairs and built is None:
            # Most programs name none: what reads the list is not imported for them.
            built = _built(trace)
        for directory, path in pairs:
            text = os.fsdecode(path)
            if text.rpartition(".")[2].lower() not in _ENDINGS or not os.path.isabs(text):
                continue
            if len(named) < _MOST_FILES or text in named:
                where = os.path.normpath(text)
                directories, built_ns = named.get(where, (set(), _LATEST_NS))
                directories.add(os.path.normpath(os.fsdecode(directory)))
                named[where] = directories, min(built_ns, (built or {}).get(name, _LATEST_NS))
    return named


def _read(path: str, room: int) -> tuple[bytes, int] | None:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    except (OSError, ValueError):
        return None
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_size > min(_LARGEST, room):
            return None
        content = os.read(descriptor, _LARGEST + 1)
    except OSError:
        return None
    finally:
        os.close(descriptor)
    return (content, status.st_mtime_ns) if len(content) == status.st_size else None


def _write(place: str, content: bytes, modified_ns: int) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    descriptor = os.open(place, flags, 0o400)
    try:
        while content:
            content = content[os.write(descriptor, content) :]
        # Debuggers compare it with the program's.
        os.utime(descriptor, ns=(modified_ns, modified_ns))
    finally:
        os.close(descriptor)


def _write_index(trace: str, kept: list[Source]) -> None:
    import json

    from reenact.trace_files import TraceFiles

    listed = [
        {
            "path": source.path,
            "directories": source.directories,
            "size": source.size,
            "modified_ns": source.modified_ns,
            **({"is_newer": True} if source.is_newer else {}),
        }
        for source in kept
    ]
    # A path may be no UTF-8: JSON escapes what stands for its bytes.
    text = json.dumps({"version": _VERSION, "sources": listed}, indent=1)
    TraceFiles(trace).replace(INDEX, f"{text}\n".encode())


class Sources:
    """The source files that a trace has.

    Arguments:
        trace: path of the trace directory.

    Errors: `TraceError` for a list that is damaged or was written by a newer version.

    Example:
        >>> [source.path for source in trace.sources if source.path.endswith("/walk.c")] != []
        True
    """

    def __init__(self, trace: str) -> None:
        self._trace = trace
        self._known = {source.path: source for source in _read_index(trace)}

    def __repr__(self) -> str:
        return f"Sources({len(self)} files of {self._trace!r})"

    def __iter__(self) -> Iterator[Source]:
        return iter(self._known.values())

    def __len__(self) -> int:
        return len(self._known)

    def open(self, source: Source) -> int:
        """A new descriptor of a copy, for reading. Errors: `TraceError` where it is not whole."""
        if is_remote(self._trace):
            from reenact.stores import remote

            remote.have_sources(self._trace)
        directory = os.path.join(self._trace, DIRECTORY)
        place = os.path.join(directory, str(source.number))
        common = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            around = os.open(directory, common | os.O_DIRECTORY)
            try:
                flags = common | os.O_NONBLOCK | os.O_NOCTTY
                descriptor = os.open(str(source.number), flags, dir_fd=around)
            finally:
                os.close(around)
        except OSError as error:
            raise TraceError(f"the trace's copy of a source cannot be read: {place}") from error
        status = os.fstat(descriptor)
        if stat.S_ISREG(status.st_mode) and status.st_size == source.size:
            return descriptor
        os.close(descriptor)
        raise TraceError(f"the trace's copy of a source is not as it was: {place}")

    def text(self, path: str) -> str | None:
        """What a source file said when it was recorded; None: it is not kept.

        Arguments:
            path: absolute, on the recorded machine.

        Errors: `TraceError` where the copy is not whole.
        """
        source = self._known.get(os.path.normpath(path))
        if source is None:
            return None
        descriptor = self.open(source)
        with os.fdopen(descriptor, "rb") as file:
            return file.read(_LARGEST).decode("utf-8", "replace")


def _read_index(trace: str) -> list[Source]:
    import json

    from reenact.trace_files import TraceFiles

    try:
        text = TraceFiles(trace).read(INDEX)
    except FileNotFoundError:
        return []
    place = os.path.join(trace, INDEX)
    try:
        content = json.loads(text)
        if content["version"] > _VERSION:
            raise TraceError(
                f"{place} was written by a newer reenact", "install that version, or a later one"
            )
        found = [
            Source(
                number,
                _absolute(entry["path"]),
                tuple(map(str, entry["directories"])),
                _within(entry["size"], _LARGEST),
                _within(entry["modified_ns"], _LATEST_NS),
                is_newer=entry.get("is_newer") is True,
            )
            for number, entry in enumerate(content["sources"][:_MOST_FILES])
        ]
        _within(sum(source.size for source in found), _MOST_BYTES)
        return found
    except _DAMAGE as error:
        raise TraceError(
            f"{place} is damaged", "move the file away; the recording itself does not need it"
        ) from error


def _within(number: object, most: int) -> int:
    if type(number) is not int or not 0 <= number <= most:
        raise ValueError(number)
    return number


def _absolute(path: object) -> str:
    if not isinstance(path, str) or not os.path.isabs(path) or "\0" in path:
        raise ValueError(path)
    return os.path.normpath(path)
