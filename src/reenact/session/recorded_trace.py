"""What a session needs of a trace: `reenact.trace.Trace` gives it."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Protocol

from reenact.events import Event, Process
from reenact.manifest import Manifest
from reenact.session.bookmarks import Bookmarks
from reenact.session.followed import Followed
from reenact.session.positions import Position


class Follows(Protocol):
    """Finds the other side of bytes: `reenact.streams.following.Following`."""

    def senders(self, position: Position) -> list[Followed]:
        """The calls that gave the bytes that a call got."""

    def receivers(self, position: Position) -> list[Followed]:
        """The calls that got the bytes that a call gave."""

    def writer(self, position: Position, address: int, size: int) -> Followed:
        """The store, in whichever process, that gave shared memory its value at a position."""


class RecordedTrace(Protocol):
    """A trace as far as sessions read it. What each member gives is said at `Trace`."""

    path: str
    manifest: Manifest

    @property
    def processes(self) -> tuple[Process, ...]:
        """All processes, by number."""

    @property
    def bookmarks(self) -> Bookmarks:
        """Positions with a name and a note, kept with the trace."""

    def events(
        self,
        process: int = 0,
        first: int = 0,
        last: int | None = None,
        *,
        kinds: Collection[str] = (),
        codes: Collection[int] = (),
        with_attachments: bool = False,
    ) -> Iterator[Event]:
        """Events of one process, in order."""

    @property
    def following(self) -> Follows:
        """From calls that got bytes to those that gave them, and back."""

    def notes(self) -> list[str]:
        """What the recorder refused or does not cover."""

    def size(self) -> int:
        """Bytes of all files of the trace."""
