"""What every part of a session stands on: the replayed process, where it stands, its end."""

from __future__ import annotations

import weakref
from types import TracebackType
from typing import TYPE_CHECKING, TypeVar

from reenact.errors import UsageError
from reenact.session import beginnings
from reenact.session.calls_in_branch import BranchCalls
from reenact.session.death import Death, death_of
from reenact.session.destinations import Destinations
from reenact.session.escapes import Escapes
from reenact.session.interface import ReplayedProcess
from reenact.session.memory import ProcessMemory
from reenact.session.movements import Movements
from reenact.session.opening import open_process
from reenact.session.points import Points
from reenact.session.positions import Key, Position
from reenact.session.recorded_trace import RecordedTrace
from reenact.session.schedule import Schedule
from reenact.session.thread_table import ThreadTable
from reenact.session.values import EventInfo
from reenact.session.view import View

if TYPE_CHECKING:
    from reenact.cpython.python import Python

_Self = TypeVar("_Self", bound="SessionBase")


class SessionBase:
    """A replayed process at a position.

    Arguments: as for `reenact.session.session.Session`.
    """

    def __init__(
        self, trace: RecordedTrace, process: int = 0, memory_budget: int | None = None
    ) -> None:
        self.trace = trace
        self.process = process
        replayed, self._replayer = open_process(trace, process, memory_budget)
        # A session that is forgotten, as in a notebook, does not keep its replayer.
        self._closing = weakref.finalize(self, self._replayer.close)
        self._replayed: ReplayedProcess = replayed
        self.memory = ProcessMemory(lambda: replayed.present)
        self._points = Points()
        #: The signal that ended the process, if one did.
        self.death: Death | None = death_of(trace, process)
        # Conditions want the session; nothing of its own may keep it alive.
        self._movements = Movements(
            process,
            replayed,
            Schedule(trace, process),
            self._points,
            death=self.death,
            beginning=beginnings.told(trace.processes, process),
            session=weakref.ref(self),
        )
        self._destinations = Destinations(trace, process, replayed)
        self._thread_table = ThreadTable(trace, process)
        self._view = View(trace, process, replayed)
        self._escapes = Escapes(self._view)
        #: Inside of a branch, what calls functions there.
        self._branch: BranchCalls | None = None
        #: Made when it is asked for.
        self._python: Python | None = None

    def __repr__(self) -> str:
        name = f"Session of process {self.process} of {self.trace.path}"
        return f"<{name}, closed>" if self.is_closed else f"<{name} at {self.position}>"

    def __enter__(self: _Self) -> _Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the replayer; also done by `with`."""
        self._replayed.close()
        self._closing()

    @property
    def is_in_branch(self) -> bool:
        """Whether it stands in a copy that may be changed."""
        return self._branch is not None

    @property
    def is_closed(self) -> bool:
        """Whether `close` was called: nothing can be asked any more."""
        return not self._closing.alive

    # Positions

    @property
    def position(self) -> Position:
        """Where the session stands."""
        return self._position(self._replayed.key)

    @property
    def start(self) -> Position:
        """The first position: no instruction has been executed."""
        return self._position(self._replayed.history.start)

    @property
    def end(self) -> Position:
        """The last position. The first use replays the whole process once."""
        return self._position(self._replayed.find_end().key)

    @property
    def is_at_death(self) -> bool:
        """Whether the session stands where a signal ended the process, and has been at its end."""
        return self._movements.is_at_death

    @property
    def instructions(self) -> int:
        """Instructions the process has executed in total, at the session's position.

        Where its own code has run on the way, that is replayed once more and counted.
        """
        return self._replayed.history.total(self._replayed.key)

    @property
    def event(self) -> EventInfo:
        """The last event that has taken effect."""
        return self._replayed.history.event(self._replayed.key[0])

    def event_at(self, position: Position) -> EventInfo:
        """The last event that has taken effect at a position that has been passed."""
        return self._replayed.history.event(position.event)

    @property
    def elapsed(self) -> float:
        """Seconds between the start of the recording and the last event before the position."""
        event = self.position.event
        for found in self.trace.events(self.process, event, event):
            return found.seconds
        return 0.0

    def canonical(self, position: Position) -> Position:
        """The first of the positions with the same state: events that change no register."""
        return self._position(self._replayed.history.canonical(self._destinations.key(position)))

    # Inside

    def _position(self, key: Key) -> Position:
        return Position(self.process, *key)

    def _need_branch(self) -> BranchCalls:
        if self._branch is None:
            raise UsageError(
                "the past cannot be changed", "try it out in a branch: with session.branch():"
            )
        return self._branch
