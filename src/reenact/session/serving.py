"""Starting a replayer that serves, ending it, and finding out why it has died."""

from __future__ import annotations

import contextlib
import os
import socket
import time
import weakref
from dataclasses import dataclass
from typing import Union

from reenact import environment
from reenact.errors import ReplayError
from reenact.replay.process_group import ReplayerGroup, killed_by
from reenact.replay.reports import Divergence, Failed, LineReader
from reenact.session.connection import ReplayerConnection, closed

#: How long a replayer whose socket is closed may take to be gone, seconds. A copy may die alone.
_PATIENCE = 1.0
#: Bytes of its reports that are looked through for a failure. What it says before is little.
_MOST_REPORTED = 4 << 20
#: Copies of it at one moment: checkpoints, branches, and those that are being ended.
_MOST_COPIES = 512


@dataclass(frozen=True)
class Snapshot:
    """Where a replayer begins in the middle of a process.

    Arguments:
        descriptor: of a file of snapshots.
        event: behind which there is one.
        work: what is told as the work up to there (`StopState.work`).
    """

    descriptor: int
    event: int
    work: int


class ServingReplayer:
    """The replayer's first process and the group of all its copies.

    Arguments:
        trace: path of the trace directory.
        process: number of the process to serve.
        shared_changes: a descriptor of what others changed in memory it shares; None: nobody did.
        snapshot: where it begins; None: with the process.

    Errors: `ReplayError` when it cannot be started, or does not reach the process.
    """

    def __init__(
        self,
        trace: str,
        process: int,
        shared_changes: int | None = None,
        snapshot: Snapshot | None = None,
    ) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._reports, reports_to = os.pipe()
        options = ["--process", str(process), "--control", str(theirs.fileno())]
        options += ["--report", str(reports_to)]
        if environment.ENGINE.get() != "translated":
            options.append("--native")
        inherited = [theirs.fileno(), reports_to]
        if shared_changes is not None:
            options += ["--shared-changes", str(shared_changes)]
            inherited.append(shared_changes)
        if snapshot is not None:
            options += ["--snapshots", str(snapshot.descriptor)]
            options += ["--from-event", str(snapshot.event), "--work", str(snapshot.work)]
            inherited.append(snapshot.descriptor)
        try:
            self._group = ReplayerGroup(
                trace, options, inherited, process=process, processes=_MOST_COPIES
            )
        except BaseException:
            ours.close()
            os.close(self._reports)
            raise
        finally:
            theirs.close()
            os.close(reports_to)
        self._closing = weakref.finalize(self, _end, self._group, self._reports)
        self._cause: ReplayError | None = None
        try:
            self.first = ReplayerConnection(ours, self.explain, self._group.process.pid)
        except BaseException:
            ours.close()
            self.close()
            raise

    def let_go(self) -> ReplayerConnection:
        """The first process; all end when no connection to it, or to a copy of it, is left."""
        first = self.first
        # It knows us, to explain.
        del self.first
        return first

    def explain(self) -> ReplayError:
        """Why it has died: what it reported, or how it ended. Its copies are ended, too."""
        if self._cause is None:
            try:
                self._cause = self._find_cause()
            except ReplayError as error:
                # What it reported is no report.
                self._cause = error
            if self._closing.alive:
                self._group.kill()
        return self._cause

    def _find_cause(self) -> ReplayError:
        if not self._closing.alive:
            return closed()
        failure = self._reported_failure()
        excess = self._group.excess()
        if excess is not None:
            return excess
        if isinstance(failure, Divergence):
            return ReplayError(
                f"the replay departs from the recording before process {failure.process} can be "
                f"looked at: {failure.message}",
                "see all of it: reenact verify TRACE",
            )
        if failure is not None:
            where = "" if failure.process is None else f" (process {failure.process})"
            return ReplayError(f"the replay failed: {failure.message}{where}", failure.hint)
        ended = self._group.ended()
        if ended is not None and ended.si_code in (os.CLD_KILLED, os.CLD_DUMPED):
            return killed_by(ended.si_status)
        return ReplayError("the replayer has died", "open the session again")

    def _reported_failure(self) -> Union[Failed, Divergence, None]:
        os.set_blocking(self._reports, False)
        reader = LineReader()
        left = _MOST_REPORTED
        deadline = time.monotonic() + _PATIENCE
        is_over = False
        while not is_over:
            # Once more after its end: what it said last.
            is_over = self._group.ended() is not None or time.monotonic() > deadline
            with contextlib.suppress(BlockingIOError):
                while left > 0 and (part := os.read(self._reports, min(left, 1 << 16))):
                    left -= len(part)
                    for report in reader.feed(part):
                        if isinstance(report, (Failed, Divergence)):
                            return report
            if not is_over:
                time.sleep(0.01)
        return None

    def close(self) -> None:
        """End all of its processes."""
        self._closing()


def _end(group: ReplayerGroup, reports: int) -> None:
    group.close()
    os.close(reports)
