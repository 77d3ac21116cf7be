"""Positions with a name and a note, kept in the trace's own directory."""

from __future__ import annotations

import contextlib
import json
import os
import re
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass

from reenact.errors import Hint, ReenactError, TraceError, UsageError
from reenact.session.positions import Position
from reenact.trace_files import TraceFiles

#: The file in the trace's directory, and the version of what is in it.
FILE = "bookmarks.json"
_VERSION = 1
#: In a trace of a failed test: the moment at which the exception has left it.
FAILED = "failed"
#: The note of those that `pytest --reenact` sets.
BY_TESTS = "set by pytest --reenact"
_LOCK = "bookmarks.lock"
_NAME = re.compile(r"[^\s@:+%][^\s@]*")
_LONGEST_NOTE = 10_000
#: What reading a damaged file may raise; OverflowError for a number of hundreds of digits.
_DAMAGE = (ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError)


@dataclass(frozen=True)
class Bookmark:
    """A position somebody wanted to find again.

    Arguments:
        name: no two bookmarks of a trace share one; `Session.goto("@name")` goes there.
        position: the moment.
        note: any text.
        created: seconds since the epoch.
    """

    name: str
    position: Position
    note: str = ""
    created: float = 0.0


class Bookmarks:
    """The bookmarks of a trace. Each look reads them anew: others may add some meanwhile.

    Arguments:
        trace: path of the trace directory.

    Errors of all methods: `TraceError` for a file of bookmarks that is damaged or was written by
    a newer version; `ReenactError` from those that write, where the trace cannot be written to.
    Nothing that is there is lost then.

    Example:
        >>> marks = trace.bookmarks
        >>> marks.add("first", Position(0, 2), "where it all begins").position
        Position(process=0, event=2, instructions=0)
        >>> [mark.name for mark in marks], "first" in marks, marks["first"].note
        (['first'], True, 'where it all begins')
        >>> marks.remove("first")
        >>> len(marks)
        0
    """

    def __init__(self, trace: str) -> None:
        self._directory = trace
        self._path = os.path.join(trace, FILE)

    def __repr__(self) -> str:
        return f"Bookmarks({[mark.name for mark in self]})"

    def __iter__(self) -> Iterator[Bookmark]:
        """All bookmarks, in order of their positions."""
        return iter(sorted(self._read().values(), key=lambda mark: (mark.position, mark.name)))

    def __len__(self) -> int:
        return len(self._read())

    def __contains__(self, name: object) -> bool:
        return name in self._read()

    def __getitem__(self, name: str) -> Bookmark:
        """A bookmark by its name. Errors: `UsageError` when there is none."""
        known = self._read()
        if name not in known:
            raise _unknown(name, known)
        return known[name]

    def add(
        self, name: str, position: Position, note: str = "", *, replace: bool = False
    ) -> Bookmark:
        """Keep a position.

        Arguments:
            name: without white space and `@`, and not beginning with `:`, `+` or `%`.
            position: the moment.
            note: any text up to 10,000 characters.
            replace: whether one of the same name is forgotten for it.

        Errors: `UsageError` for what is no name, and for one that is taken.
        """
        if not _NAME.fullmatch(name) or not name.isprintable():
            raise UsageError(
                f"{name!r} is no name for a bookmark", "take letters, digits and dashes"
            )
        if len(note) > _LONGEST_NOTE:
            raise UsageError(f"a note has up to {_LONGEST_NOTE:,} characters", "write less")
        made = Bookmark(name, position, note, time.time())
        with self._changing() as known:
            if not replace:
                _check_free(name, known)
            known[name] = made
        return made

    def check_free(self, name: str) -> None:
        """See that there is none of this name. Errors: `UsageError` when there is one."""
        _check_free(name, self._read())

    def remove(self, name: str) -> None:
        """Forget a bookmark. Errors: `UsageError` when there is none of this name."""
        with self._changing() as known:
            if name not in known:
                raise _unknown(name, known)
            del known[name]

    @contextlib.contextmanager
    def _changing(self) -> Iterator[dict[str, Bookmark]]:
        """The bookmarks; what has become of them is written, while nobody else does so."""
        with contextlib.ExitStack() as held:
            try:
                files = TraceFiles(self._directory)
                # The bookmarks are replaced by each change: this file stays, and is never written.
                held.enter_context(files.locked(_LOCK))
            except FileNotFoundError as error:
                raise self._unwritable("there is no such directory") from error
            except TraceError:
                raise
            except ReenactError as error:
                raise self._unwritable(error.message) from error
            known = self._read()
            yield known
            self._write(files, known)

    def _read(self) -> dict[str, Bookmark]:
        try:
            text = TraceFiles(self._directory).read(FILE).decode()
        except FileNotFoundError:
            return {}
        except UnicodeDecodeError as error:
            raise _damaged(self._path) from error
        if not text:
            return {}
        try:
            content = json.loads(text)
            if content["version"] > _VERSION:
                raise TraceError(
                    f"the bookmarks {self._path} were written by a newer reenact",
                    "install that version, or a later one",
                )
            marks = [
                Bookmark(
                    str(mark["name"]),
                    Position.parse(mark["position"]),
                    str(mark["note"]),
                    float(mark["created"]),
                )
                for mark in content["bookmarks"]
            ]
        except _DAMAGE as error:
            raise _damaged(self._path) from error
        except UsageError as error:
            raise _damaged(self._path) from error
        return {mark.name: mark for mark in marks}

    def _write(self, files: TraceFiles, known: dict[str, Bookmark]) -> None:
        marks = [{**asdict(mark), "position": str(mark.position)} for mark in known.values()]
        text = json.dumps({"version": _VERSION, "bookmarks": marks}, indent=1, ensure_ascii=False)
        try:
            content = f"{text}\n".encode()
        except UnicodeEncodeError as error:
            raise self._unwritable(str(error)) from error
        try:
            files.replace(FILE, content)
        except ReenactError as error:
            raise self._unwritable(error.message) from error

    def _unwritable(self, why: str) -> ReenactError:
        return ReenactError(
            f"the bookmark cannot be kept in {self._directory}: {why}",
            "copy the trace to a place of your own, or note the position: goto takes it",
        )


def _check_free(name: str, known: dict[str, Bookmark]) -> None:
    if name in known:
        raise UsageError(
            f"there is a bookmark {name!r} already, at {known[name].position}",
            Hint(
                "take another name, or replace=True",
                gdb=f"take another name, or delete bookmark {name} first",
                line="take another name, or --force",
            ),
        )


def _unknown(name: str, known: dict[str, Bookmark]) -> UsageError:
    there_are = f"there are {', '.join(sorted(known))}" if known else "there is none at all"
    return UsageError(f"the trace has no bookmark {name!r}", there_are)


def _damaged(path: str) -> TraceError:
    return TraceError(
        f"the bookmarks {path} are damaged or cannot be read",
        "move the file away; the recording itself does not need it",
    )
