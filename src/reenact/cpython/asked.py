"""What `session.python` wants of a session: a protocol, so that neither stands on the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from reenact.session.memory import ProcessMemory
from reenact.session.positions import Key, Position
from reenact.session.recorded_trace import RecordedTrace
from reenact.session.values import Mapping, Registers, Thread
from reenact.symbols.frames import Frame
from reenact.symbols.space import AddressSpace


class AskedSession(Protocol):
    """A session (`reenact.session.session.Session` is one)."""

    @property
    def trace(self) -> RecordedTrace:
        """The trace."""

    @property
    def process(self) -> int:
        """Number of the process."""

    @property
    def memory(self) -> ProcessMemory:
        """Memory where it stands."""

    @property
    def symbols(self) -> AddressSpace:
        """What is loaded where it stands."""

    @property
    def position(self) -> Position:
        """Where it stands."""

    @property
    def standing(self) -> tuple[int, Key]:
        """As long as it is the same, memory is, too."""

    @property
    def is_in_branch(self) -> bool:
        """Whether it stands in a copy that may be changed."""

    @property
    def registers(self) -> Registers:
        """Of the running thread."""

    @property
    def thread(self) -> int:
        """The running thread."""

    @property
    def threads(self) -> tuple[Thread, ...]:
        """All threads."""

    @property
    def mappings(self) -> tuple[Mapping, ...]:
        """All mappings."""

    def frames(self, thread: int | None = None) -> Sequence[Frame]:
        """The native frames."""
