"""Letting a replayer run, stage by stage, with copies left on the way.

What runs where is decided by the navigator; this knows how one run is asked for, who waits where,
and how it is interrupted.
"""

from __future__ import annotations

import dataclasses
import threading

from reenact.session.checkpoints import Checkpoints
from reenact.session.history import History, Key
from reenact.session.messages import NEVER, Place, Reason, Run, Stopped
from reenact.session.points import Points
from reenact.session.server import Server

#: Instructions between two copies left on the way: some hundredths of a second.
STAGE = 1 << 26
#: Events between two copies left on the way.
STAGE_EVENTS = 50_000

#: Nothing follows these.
ENDS = (Reason.END, Reason.FAILED)


class Stages:
    """The copy that stands at the present, and those that wait at earlier places.

    Arguments:
        first: stands at the first place of the process.
        budget: memory for waiting copies, bytes.
    """

    def __init__(self, first: Server, budget: int) -> None:
        self.history = History()
        self.history.learn(first)
        self.history.begin_at(first.place.event)
        self.checkpoints = Checkpoints(budget)
        self.live = first.fork()
        self.checkpoints.add(first, 0)
        #: Place and total of the end, once it is known.
        self.end: Place | None = None
        self._running: Server | None = None
        self._interrupted = threading.Event()

    @property
    def key(self) -> Key:
        """Where the present is."""
        return self.live.place.key

    def interrupt(self) -> None:
        """Have the movement that another thread waits for end soon."""
        self._interrupted.set()
        running = self._running
        if running is not None:
            running.interrupt()

    def close(self) -> None:
        """Let go of all copies."""
        self.live.close()
        self.checkpoints.close()

    def _stage(
        self,
        server: Server,
        points: Points | None,
        end: Key = (NEVER, 0),
        *,
        leave_here: int,
        remember: bool,
        steps: int = NEVER,
        instructions: int = STAGE,
    ) -> Stopped:
        run = Run(
            target=end,
            steps=steps,
            most_total=server.place.total + instructions,
            most_event=server.place.event + STAGE_EVENTS,
            catch=points.catch_mask() if points is not None else 0,
            remember=remember,
            leave_here=leave_here,
        )
        return self._run(server, run)

    def _run(self, server: Server, run: Run) -> Stopped:
        self._running = server
        try:
            if self._interrupted.is_set():
                # The request came while the replayer stood still.
                place = dataclasses.replace(server.place, reason=Reason.INTERRUPTED)
                return Stopped(place, 0, None, "")
            stopped = server.run(run)
        finally:
            self._running = None
            self.checkpoints.let_go()
        return stopped

    def _tell(self, server: Server, points: Points) -> None:
        if server.points_version != points.version:
            server.set_breakpoints(points.addresses())
            server.set_watches(points.watches())
            server.points_version = points.version

    def _clear(self, server: Server) -> None:
        """Have a server stop at no points."""
        if server.points_version != 0:
            server.set_breakpoints([])
            server.set_watches([])
            server.points_version = 0

    def _leave_copy(self, server: Server) -> None:
        self.checkpoints.add(server.fork(), self.live.place.total)

    def _replace(self, server: Server) -> None:
        """Another server is the present; the old one waits where it stands."""
        old, self.live = self.live, server
        self.history.learn(old)
        self.checkpoints.add(old, server.place.total)

    def _note_end(self, stopped: Stopped) -> None:
        if stopped.place.reason in ENDS and self.end is None:
            self.history.learn(self.live)
            event, instructions = self.history.canonical(stopped.place.key)
            self.end = dataclasses.replace(stopped.place, event=event, instructions=instructions)

    def _steps_between(self, earlier: Key, later: Key) -> int:
        return self.history.steps(later) - self.history.steps(earlier)
