"""Lines of the program's Python source, as it is on this machine now."""

from __future__ import annotations

import os
import tokenize

#: Largest file that is shown.
_LARGEST = 16 << 20


class Sources:
    """Source files by the names that code objects have.

    Arguments:
        directory: where the program was started: relative names begin there.
        recorded_ns: when it was, Unix time.
    """

    def __init__(self, directory: str, recorded_ns: int) -> None:
        self._directory = directory
        self._recorded_ns = recorded_ns
        self._known: dict[str, list[str] | None] = {}

    def line(self, file: str, number: int | None) -> str | None:
        """A line; None: it is not to be had."""
        lines = self._lines(file)
        if lines is None or number is None or not 0 < number <= len(lines):
            return None
        return lines[number - 1]

    def warning(self, file: str) -> str:
        """What there is to say about a file that has changed since; empty: nothing."""
        try:
            if os.stat(self._path(file)).st_mtime_ns > self._recorded_ns:
                return f"note: {file} was changed after the recording"
        except (OSError, ValueError):
            pass
        return ""

    def _path(self, file: str) -> str:
        return os.path.join(self._directory, file)

    def _lines(self, file: str) -> list[str] | None:
        if file not in self._known:
            self._known[file] = self._read(file)
        return self._known[file]

    def _read(self, file: str) -> list[str] | None:
        if file.startswith("<"):
            return None
        try:
            path = self._path(file)
            # A trace may name anything: nothing but files of a bounded size is opened.
            if not os.path.isfile(path) or os.path.getsize(path) > _LARGEST:
                return None
            with tokenize.open(path) as opened:
                return opened.read().splitlines()
        except (OSError, SyntaxError, ValueError):
            return None
