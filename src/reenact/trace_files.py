"""The files of a trace: nothing planted there is followed, waited for or overwritten.

Everything in Python that reads or writes a file of a trace does it here; the native readers stand
on the same code (crates/files).
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator

from reenact import _native
from reenact.errors import ReenactError, TraceError

#: Most bytes of a file that is read whole. What reenact writes into one is far below it.
MOST_BYTES = 32 << 20
#: No file is larger: the kernel's limit for a file's size.
ANY_SIZE = (1 << 63) - 1
#: Seconds that a lock is waited for.
_LOCK_SECONDS = 10.0


class TraceFiles:
    """The files of one trace directory, by their names in it: `manifest.json`, `files/3`.

    Only regular files are opened, never by a symbolic link in the trace (the directory itself may
    be named by one), and nothing is waited for. What is written is private (mode 0600).

    Arguments:
        trace: path of the trace directory.

    Errors: `FileNotFoundError` where there is no directory, and from the methods where there is no
    file of that name; `TraceError` for what is no regular file, is too large or cannot be read;
    `ReenactError` where the trace cannot be written to.

    Example:
        >>> TraceFiles(trace.path).read("manifest.json")[:1]
        b'{'
    """

    def __init__(self, trace: str) -> None:
        self.path = trace
        try:
            self._native = _native.TraceFiles(trace)
        except _native.FileError as error:
            raise _explained(error) from error

    def __repr__(self) -> str:
        return f"TraceFiles({self.path!r})"

    def read(self, name: str, most: int = MOST_BYTES) -> bytes:
        """The content of a file of at most `most` bytes."""
        try:
            return self._native.read(name, most)
        except _native.FileError as error:
            raise _explained(error) from error

    def open(self, name: str, most: int = ANY_SIZE) -> int:
        """A new descriptor of a file of at most `most` bytes, for reading; the caller closes it."""
        try:
            return self._native.open(name, most)
        except _native.FileError as error:
            raise _explained(error) from error

    def replace(self, name: str, content: bytes) -> None:
        """Let a file have this content: whole, or as it was before."""
        try:
            self._native.replace(name, content)
        except _native.FileError as error:
            raise _unwritable(error) from error

    def append(self, name: str, content: bytes, most: int = MOST_BYTES) -> None:
        """Add to the end of a file, which is made if need be.

        Refuses what would make it larger than `most` bytes, and a file that has other names
        (somebody may have planted a hard link). Nothing is added when not all of it can be.
        """
        try:
            self._native.append(name, content, most)
        except _native.FileError as error:
            raise _unwritable(error) from error

    @contextlib.contextmanager
    def locked(self, name: str) -> Iterator[None]:
        """Hold the lock of a file, which is made if need be and never written to.

        Waits up to 10 s for others. Where the file system has no locks, nothing is locked.
        """
        try:
            descriptor = self._native.lock_file(name)
        except _native.FileError as error:
            raise _unwritable(error) from error
        try:
            self._wait_for(descriptor, name)
            yield
        finally:
            os.close(descriptor)

    def _wait_for(self, descriptor: int, name: str) -> None:
        end = time.monotonic() + _LOCK_SECONDS
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > end:
                    raise ReenactError(
                        f"somebody else has locked {os.path.join(self.path, name)}",
                        "end the other program that changes this trace, and try again",
                    ) from None
                time.sleep(0.01)
            except OSError:
                return  # No locks here: two changes at one moment may lose one of them.
            else:
                return


def check_kept_files(trace: str, numbers: set[int] | None = None) -> None:
    """Compare files kept in a trace with what was recorded: all, or those of some numbers.

    What was found right before, and has not changed, is not read again.

    Errors: `TraceError` for one that was changed since, is missing or is no regular file.
    """
    try:
        _native.check_kept_files(trace, numbers)
    except _native.FileError as error:
        raise _explained(error) from error
    except _native.TraceError as error:
        raise changed_file(error) from error


def changed_file(error: _native.TraceError) -> TraceError:
    """What to tell of a kept file that is not opened."""
    return TraceError(str(error.args[0]), "bring it back as it was, or record the program again")


def _explained(error: _native.FileError) -> OSError | ReenactError:
    message, kind, _ = error.args
    if kind == "missing":
        return FileNotFoundError(message)
    if kind == "system":
        return TraceError(f"cannot read {message}", "see who may read it: ls -l")
    return TraceError(message, "no recording leaves one like it: do not trust this trace")


def _unwritable(error: _native.FileError) -> OSError | ReenactError:
    message, kind, _ = error.args
    if kind != "system":
        return _explained(error)
    return ReenactError(
        f"cannot write {message}", "copy the trace to a place of your own with room"
    )
