"""The native part (crates/python): recording, reading traces, debug information. Private."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Literal, Protocol, TypeAlias, final

__all__ = [
    "Event",
    "EventIterator",
    "FileError",
    "Image",
    "Module",
    "Process",
    "RecordError",
    "RecordOutcome",
    "StoredFile",
    "SymbolError",
    "Trace",
    "TraceError",
    "TraceFiles",
    "Type",
    "call_name",
    "check_kept_files",
    "content_ranges",
    "content_target",
    "descriptors_of_call",
    "forget_unused_copies",
    "path_arguments",
    "record",
    "soname",
    "source_files",
]

class RecordError(Exception):
    """Nothing was recorded.

    `args` are the message, its kind, such as "command-not-found", and what to do about it, which
    may be empty.
    """

class TraceError(Exception):
    """A trace cannot be read. `args` are the message and its kind, such as "newer-version"."""

class SymbolError(Exception):
    """Debug information does not answer a question. `args` are the message."""

class FileError(Exception):
    """A file of a trace is not opened or written.

    `args` are the message, its kind, such as "not-regular", and the number of the system's error
    or 0.
    """

@final
class TraceFiles:
    """The files of one trace directory; see `reenact.trace_files`. Raises FileError."""

    def __new__(cls, path: str) -> TraceFiles: ...
    def read(self, name: str, most: int) -> bytes:
        """The content of a file of at most `most` bytes."""

    def open(self, name: str, most: int) -> int:
        """A new descriptor of a file of at most `most` bytes, for reading."""

    def replace(self, name: str, content: bytes) -> None:
        """Let a file have this content: whole, or as it was before."""

    def append(self, name: str, content: bytes, most: int) -> None:
        """Add to the end of a file, which never becomes larger than `most` bytes."""

    def lock_file(self, name: str) -> int:
        """A new descriptor of a file that is there to be locked; it is made if need be."""

@final
class RecordOutcome:
    """How a recording went."""

    @property
    def trace(self) -> str: ...
    @property
    def wait_status(self) -> int: ...
    @property
    def timed_out(self) -> bool: ...
    @property
    def interrupted(self) -> bool: ...
    @property
    def processes(self) -> int: ...
    @property
    def events(self) -> int: ...
    @property
    def bytes(self) -> int: ...
    @property
    def raw_bytes(self) -> int: ...
    @property
    def duration_ns(self) -> int: ...
    @property
    def messages(self) -> list[str]: ...
    @property
    def complete(self) -> bool: ...
    @property
    def saved(self) -> bool: ...
    @property
    def ring_bytes(self) -> int: ...

def check_kept_files(path: str, numbers: set[int] | None = None) -> None:
    """Compare kept files of the trace at a path with what was recorded: all, or some by number.

    Raises FileError and TraceError.
    """

def forget_unused_copies() -> None:
    """Remove the copies of files that no trace has any more from the user's cache."""

def call_name(number: int) -> str:
    """The name of a system call."""

def descriptors_of_call(number: int) -> tuple[str, list[int]]:
    """What becomes of descriptors in a system call: a word, and the arguments it is about.

    "none", "result", "pair" (address), "control", "duplicate" (of), "close" (descriptor) or
    "command".
    """

def content_target(number: int) -> int | None:
    """Which argument of a system call is the descriptor that bytes of the program go to."""

def checksum(content: bytes) -> int:
    """The checksum that the log has of bytes which a call gave out."""

def content_ranges(
    number: int, args: Sequence[int], length: int, read: Callable[[int, int], bytes]
) -> list[tuple[int, int]] | None:
    """Where the first `length` bytes that a system call gives out are: addresses and lengths.

    None for what never was in memory. Exceptions of `read` are passed on.
    """

def filled_buffers(number: int) -> list[int]:
    """Which arguments are addresses of bytes that a system call writes (its result: how many)."""

def path_arguments(number: int) -> list[int]:
    """Which arguments of a system call are addresses of paths."""

def record(
    trace_dir: str,
    argv: Sequence[str],
    *,
    recorder: str,
    checksum_interval: int = 0,
    leaves_code: bool = False,
    env: Sequence[tuple[str, str]] | None = None,
    cwd: str | None = None,
    mechanism: str = "auto",
    linger: float = 2.0,
    chaos_seed: int | None = None,
    timeout: float | None = None,
    snapshot_interval: float | None = None,
    snapshot_events: int = 0,
    ring: int | None = None,
    save_on: str = "error",
    ring_socket: str | None = None,
) -> RecordOutcome:
    """Record a command; blocks until it has ended, without the GIL.

    `linger`, `timeout` and `snapshot_interval` are in seconds; with `chaos_seed` threads are
    scheduled at random. Each process takes a snapshot every so often, and whenever it has logged
    `snapshot_events` events. With `ring` about so many bytes are kept in memory, and written at the
    end if `save_on` says so, or when somebody asks at `ring_socket`.
    Raises RecordError; nothing is left in `trace_dir` then.
    """

def compress_frame(content: bytes, level: int) -> bytes:
    """Compress bytes into a frame of zstd of their own, with a checksum."""

def decompress_frame(frame: bytes, size: int) -> bytes:
    """The content of a frame, which has just so many bytes. Raises ValueError."""

def detach(pid: int) -> None:
    """End the recording of a process that was attached to, and take the recorder out of it.

    Raises RecordError.
    """

def attach(
    trace_dir: str,
    pid: int,
    *,
    recorder: str,
    attached: Callable[[], object],
    linger: float = 2.0,
    ring: int | None = None,
    save_on: Literal["always", "error", "signal", "never"] | str = "error",
    ring_socket: str | None = None,
) -> RecordOutcome:
    """Record a process that runs already; blocks until it has ended or Ctrl-C is pressed.

    `attached` is called when it is recorded.

    Raises RecordError; nothing is left in `trace_dir` then, and the process goes on.
    """

@final
class Image:
    """A program that ran in a process."""

    @property
    def event(self) -> int: ...
    @property
    def program(self) -> str: ...
    @property
    def directory(self) -> str: ...
    @property
    def argv(self) -> list[str]: ...

@final
class Process:
    """A recorded process; `program` and `argv` are those of its last image."""

    @property
    def number(self) -> int: ...
    @property
    def parent(self) -> int | None: ...
    @property
    def parent_event(self) -> int | None: ...
    @property
    def pid(self) -> int: ...
    @property
    def ppid(self) -> int: ...
    @property
    def start(self) -> Literal["root", "fork", "vfork-exec", "attached"]: ...
    @property
    def program(self) -> str: ...
    @property
    def argv(self) -> list[str]: ...
    @property
    def images(self) -> list[Image]: ...
    @property
    def events(self) -> int: ...
    @property
    def begins_behind(self) -> int | None: ...
    @property
    def log_bytes(self) -> int: ...
    @property
    def wait_status(self) -> int | None: ...
    @property
    def complete(self) -> bool: ...

@final
class StoredFile:
    """A file kept in the trace."""

    @property
    def id(self) -> int: ...
    @property
    def path(self) -> str: ...
    @property
    def size(self) -> int: ...
    @property
    def mtime_ns(self) -> int: ...
    @property
    def checksum(self) -> str | None: ...
    @property
    def error(self) -> int | None: ...

@final
class Event:
    """A recorded event."""

    @property
    def process(self) -> int: ...
    @property
    def index(self) -> int: ...
    @property
    def kind(self) -> str: ...
    @property
    def code(self) -> int: ...
    @property
    def name(self) -> str: ...
    @property
    def flags(self) -> int: ...
    @property
    def tid(self) -> int: ...
    @property
    def time(self) -> int: ...
    @property
    def seconds(self) -> float: ...
    @property
    def ip(self) -> int: ...
    @property
    def register_checksum(self) -> int: ...
    @property
    def result(self) -> int: ...
    @property
    def args(self) -> tuple[int, int, int, int, int, int]: ...
    @property
    def text(self) -> str: ...
    def attachments(self) -> list[tuple[str, int, bytes]]: ...

@final
class EventIterator:
    """Iterates over events; damage raises TraceError once, then it goes on behind it."""

    def __iter__(self) -> Iterator[Event]: ...
    def __next__(self) -> Event: ...

@final
class Trace:
    """A trace opened for reading."""

    def __new__(cls, path: str) -> Trace: ...
    @property
    def manifest(self) -> str: ...
    @property
    def cut(self) -> bool: ...
    @property
    def damaged(self) -> list[tuple[int, int]]: ...
    @property
    def identity(self) -> int: ...
    def processes(self) -> list[Process]: ...
    def events(self, process: int, first: int = 0, last: int | None = None) -> EventIterator: ...
    def files(self) -> list[StoredFile]: ...
    def mapped_files(self, process: int) -> set[int]:
        """Numbers of the kept files that the replay of a process needs; reads its whole log."""

    def open_kept(self, number: int) -> int:
        """A new descriptor of a kept file, which is as it was recorded; TraceError: it is not."""

class _Reader(Protocol):
    def __call__(self, address: int, length: int, /) -> bytes: ...

class _Frame(Protocol):
    """What `Module.unwind` and `Module.locate` want to know of a frame."""

    @property
    def registers(self) -> Sequence[int | None]: ...
    @property
    def bias(self) -> int: ...
    @property
    def frame_address(self) -> int | None: ...
    @property
    def thread_local(self) -> int | None: ...
    @property
    def entry_value(self) -> Callable[[int], int | None] | None: ...
    @property
    def read(self) -> _Reader: ...

#: Name, offset, entry of the type, bits (first and number), is base class, entry.
_Member: TypeAlias = tuple[str | None, int | None, int, tuple[int, int] | None, bool, int]

@final
class Module:
    """A file with its debug information. Raises SymbolError.

    Addresses are those of the file. Rows of lines are (address, file, line, is statement, is
    prologue end, is end); symbols (name, address, size, is function); variables (name, entry,
    entry of the type, is parameter).
    """

    def __new__(cls, descriptor: int, original: str, directories: Sequence[str]) -> Module: ...
    @property
    def debug_path(self) -> Path | None: ...
    @property
    def build_id(self) -> str | None: ...
    @property
    def has_debug_information(self) -> bool: ...
    @property
    def missing_part(self) -> str | None: ...
    @property
    def thread_local(self) -> tuple[int, int] | None: ...
    def addresses_of_offset(self, offset: int) -> list[int]: ...
    def address_range(self) -> tuple[int, int] | None: ...
    def symbol_at(self, address: int) -> tuple[str, int, int, bool] | None: ...
    def symbols_named(self, name: str) -> list[tuple[str, int, int, bool]]: ...
    def source_frames(
        self, address: int
    ) -> list[tuple[str | None, str | None, int | None, int | None, bool]]: ...
    def line_rows(self, begin: int, end: int) -> list[tuple[int, str, int, bool, bool, bool]]: ...
    def is_optimized(self, address: int) -> bool: ...
    def line_addresses(
        self, file: str, line: int
    ) -> list[tuple[int, str, int, bool, bool, bool]]: ...
    def lines_with_code(self, file: str) -> list[int]: ...
    def unwind(self, address: int, frame: _Frame) -> tuple[int, list[int | None], bool] | None: ...
    def scopes(
        self, address: int
    ) -> list[tuple[int, str | None, list[tuple[str, int, int | None, bool]]]]: ...
    def globals(
        self, name: str, address: int | None = None
    ) -> list[tuple[tuple[str, int, int | None, bool], bool, bool, str | None, bool, int, str]]: ...
    def block_at(self, address: int) -> int | None: ...
    def functions_named(
        self, name: str
    ) -> list[tuple[int, int, bool, int, int, str | None, bool, int, str]]: ...
    def unit_at(self, address: int) -> int | None: ...
    def surroundings(self, function: int) -> list[str]: ...
    def similar(self, name: str) -> list[str]: ...
    def full_name(self, entry: int) -> str | None: ...
    def complete_type(self, entry: int) -> int | None: ...
    def virtual_function(self, holder: int, place: int) -> str | None: ...
    def call_parameter(
        self, return_address: int, register: int, frame: _Frame
    ) -> tuple[int, int | None, str | None] | None: ...
    def member_address(self, entry: int, structure: int, frame: _Frame) -> int: ...
    def locate(
        self, entry: int, function: int | None, address: int, frame: _Frame
    ) -> list[tuple[str, int, bytes | None, int | None, int]]: ...
    def type_at(self, entry: int) -> Type: ...
    def enumerator_named(self, name: str) -> list[tuple[int, int, int, int, str]]: ...
    def types_named(self, name: str) -> list[tuple[int, int, int, str]]: ...

@final
class Type:
    """A type as debug information describes it."""

    @property
    def kind(self) -> str: ...
    @property
    def name(self) -> str | None: ...
    @property
    def size(self) -> int | None: ...
    @property
    def target(self) -> int | None: ...
    @property
    def encoding(self) -> int | None: ...
    @property
    def qualifier(self) -> str | None: ...
    @property
    def is_rvalue(self) -> bool: ...
    @property
    def holder(self) -> int | None: ...
    @property
    def parameters(self) -> list[int | None]: ...
    @property
    def is_variadic(self) -> bool: ...
    @property
    def counts(self) -> list[int | None]: ...
    @property
    def members(
        self,
    ) -> list[_Member]: ...
    @property
    def variants(self) -> tuple[_Member | None, list[tuple[int | None, _Member]]] | None: ...
    @property
    def enumerators(self) -> list[tuple[str, int]]: ...
    @property
    def is_declaration(self) -> bool: ...

def source_files(descriptor: int) -> list[tuple[bytes, bytes]]:
    """The source files of the ELF file that is open: where each was compiled, and its path.

    Raises SymbolError.
    """

def soname(descriptor: int) -> bytes | None:
    """DT_SONAME of the ELF file that is open as a descriptor."""
