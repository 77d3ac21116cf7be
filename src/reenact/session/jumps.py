"""Replayers that begin in the middle of a process: at snapshots that an index of the trace has."""

from __future__ import annotations

import bisect
import contextlib
import os
import weakref

from reenact import indexes
from reenact.errors import ReplayError
from reenact.session.connection import ReplayerConnection
from reenact.session.positions import Key
from reenact.session.serving import ServingReplayer, Snapshot

#: What is told as the work up to a snapshot, for each one before it and for each event.
_WORK_OF_SNAPSHOT = 1 << 30
_WORK_OF_EVENT = 1 << 11


class Jumps:
    """The snapshots of one process.

    Arguments:
        trace: path of the trace directory.
        process: number of the process.
        index: of the trace.
        shared_changes: a descriptor of what others changed in memory it shares, which stays the
            caller's; None: nobody did.
    """

    def __init__(
        self, trace: str, process: int, index: indexes.Index, shared_changes: int | None
    ) -> None:
        self._trace = trace
        self._process = process
        self._index = index
        self._events = index.events.get(process, ())
        self._changes = None if shared_changes is None else os.dup(shared_changes)
        if self._changes is not None:
            weakref.finalize(self, os.close, self._changes)
        #: Each ends when no connection to it, or to a copy of it, is left.
        self._replayers: weakref.WeakSet[ServingReplayer] = weakref.WeakSet()

    def between(self, begin: Key, end: Key, *, before: bool = False) -> ReplayerConnection | None:
        """What stands at the last snapshot behind one place and not behind another.

        Arguments:
            begin: where a copy waits already.
            end: where somebody wants to go.
            before: the snapshot must lie before that.

        None: there is no such snapshot, or it is of no use.
        """
        find = bisect.bisect_left if before and end[1] == 0 else bisect.bisect_right
        number = find(self._events, end[0]) - 1
        if number < 0 or self._events[number] <= begin[0]:
            return None
        event = self._events[number]
        work = number * _WORK_OF_SNAPSHOT + event * _WORK_OF_EVENT
        try:
            descriptor = self._index.open()
        except OSError:
            self._events = ()
            return None
        try:
            replayer = ServingReplayer(
                self._trace, self._process, self._changes, Snapshot(descriptor, event, work)
            )
        except ReplayError:
            # The way without it is longer, and leads there, too.
            self._events = ()
            return None
        finally:
            os.close(descriptor)
        self._replayers.add(replayer)
        return replayer.let_go()

    def give_up(self) -> None:
        """Use none of them any more."""
        self._events = ()

    def close(self) -> None:
        """End all that is left."""
        for replayer in list(self._replayers):
            with contextlib.suppress(ReplayError):
                replayer.close()


def of_process(trace: str, process: int, shared_changes: int | None) -> Jumps | None:
    """The snapshots of a process; None: there are none. Arguments: as of `Jumps`."""
    index = indexes.find(trace)
    if index is None or not index.events.get(process):
        return None
    return Jumps(trace, process, index, shared_changes)
