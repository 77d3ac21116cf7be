"""Whether a replay has shown what it claims. Pure: no I/O.

The replayer executes a program that may be hostile, and its reports are not believed by themselves:
every process that is in the trace must have been reported, up to its last event, as the reader of
traces finds it in the log. What can be forged all the same is in docs/trust.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from reenact.errors import ReplayError
from reenact.replay.reports import (
    Divergence,
    Ended,
    Failed,
    Noted,
    ProcessEnded,
    Progressed,
    Report,
    Started,
)

#: Remarks that are kept; a real recording has a few.
MOST_NOTES = 10_000
#: Failures that are kept; the first one is told.
_MOST_FAILURES = 100
#: Processes of which there is nothing but that they were forked.
_MOST_LOST = 100_000
#: How a replay can end at the end of its log.
_AT_ITS_END = frozenset(("exit", "signal", "ended", "stopped", "cut"))


@dataclass(frozen=True)
class Recorded:
    """What the trace itself says, apart from any replay.

    `events` by the number of each process to be replayed; `is_whole`: no log of the trace is cut
    or damaged; `before`: events that come before the log of a process begins; `leaves_out`: there
    were processes of which nothing has been kept. `cuts`: the events of a process behind which its
    log is cut into segments, in order.
    """

    events: Mapping[int, int]
    is_whole: bool
    before: Mapping[int, int] = field(default_factory=dict)
    leaves_out: bool = False
    cuts: Mapping[int, tuple[int, ...]] = field(default_factory=dict)


@dataclass
class Collected:
    """Reports gathered so far; how many there are does not matter for what it takes."""

    recorded: Recorded
    started: Started | None = None
    ended: Ended | None = None
    ends: dict[int, ProcessEnded] = field(default_factory=dict)
    #: Of segments that others follow, by process and where they begin.
    segments: dict[tuple[int, int | None], ProcessEnded] = field(default_factory=dict)
    divergences: dict[tuple[int, int | None], Divergence] = field(default_factory=dict)
    failures: list[Failed] = field(default_factory=list)
    notes: list[Noted] = field(default_factory=list)
    events_done: int = 0
    _done: dict[tuple[int, int | None], int] = field(default_factory=dict)

    def take(self, report: Report) -> None:
        """Add a report. Errors: `ReplayError` for what no replay of this trace can say."""
        if isinstance(report, Progressed):
            self._has_done(report.process, report.segment, report.event)
        elif isinstance(report, ProcessEnded):
            self._take_end(report)
        elif isinstance(report, Divergence):
            self._has_done(report.process, report.segment, max(report.event, 0))
            part = (report.process, report.segment)
            if self.divergences.setdefault(part, report) is not report:
                raise _contradiction(f"two divergences of process {report.process}")
        elif isinstance(report, Failed):
            if len(self.failures) < _MOST_FAILURES:
                self.failures.append(report)
        elif isinstance(report, Noted):
            if len(self.notes) < MOST_NOTES:
                self.notes.append(report)
        elif isinstance(report, Started):
            self.started = report
        else:
            self.ended = report

    def _take_end(self, report: ProcessEnded) -> None:
        if not self._is_lost(report):
            self._has_done(report.process, report.segment, report.events)
        elif self.recorded.leaves_out:
            return
        if not self._is_last(report):
            part = (report.process, report.segment)
            if self.segments.setdefault(part, report) is not report:
                raise _contradiction(f"twice how a segment of process {report.process} ended")
            return
        if self.ends.setdefault(report.process, report) is not report:
            raise _contradiction(f"twice how process {report.process} ended")

    def _is_lost(self, report: ProcessEnded) -> bool:
        """Whether it is a process that was forked, and of which the trace has nothing left."""
        return (
            report.process not in self.recorded.events
            and (report.end, report.events) == ("cut", 0)
            and len(self.ends) < len(self.recorded.events) + _MOST_LOST
        )

    def _is_last(self, report: ProcessEnded) -> bool:
        """Whether it is of a whole log, or of its last segment."""
        cuts = self.recorded.cuts.get(report.process)
        return not cuts or report.segment == cuts[-1]

    def _has_done(self, process: int, segment: int | None, events: int) -> None:
        if process not in self.recorded.events:
            raise _contradiction(f"on process {process}, which is not to be replayed")
        if segment is not None and segment not in self.recorded.cuts.get(process, ()):
            raise _contradiction(f"on a segment of process {process} that there is not")
        begin = 0 if segment is None else segment + 1
        self.events_done += events - self._done.get((process, segment), begin)
        self._done[process, segment] = events

    def _is_whole(self) -> bool:
        """Whether there is nothing of the trace that is cut, damaged or lost."""
        return self.recorded.is_whole and self.ends.keys() <= self.recorded.events.keys()

    def why_not_verified(self) -> str | None:
        """What is missing for a verdict; None: nothing, it is exact or has diverged."""
        if self.started is None or self.ended is None:
            return "the replayer ended before it was done"
        if self.recorded.cuts and self.divergences:
            # Which ones there are depends on who came first; nobody takes this for the last word.
            return None
        processes = sorted(self.recorded.events)
        missing = next(filter(None, map(self._missing_segment, processes)), None)
        if missing is not None:
            return missing
        found = (self._why_not(process) for process in processes)
        return next(filter(None, found), None)

    def _missing_segment(self, process: int) -> str | None:
        begin = None
        for cut in self.recorded.cuts.get(process, ()):
            part = self.segments.get((process, begin))
            if part is None or (part.end, part.events) != ("segment", cut + 1):
                return f"process {process} was not replayed up to event {cut}"
            begin = cut
        return None

    def _why_not(self, process: int) -> str | None:
        end = self.ends.get(process)
        if end is None:
            return f"process {process} was not replayed"
        recorded = self.recorded.events[process]
        if end.end in _AT_ITS_END:
            # A log that is cut or damaged ends a replay at the latest where it ends itself, and
            # that of others where a turn would have come.
            may_be_short = end.end == "cut" and not self._is_whole()
            if end.events == recorded or (may_be_short and end.events < recorded):
                return None
            return f"process {process} was replayed up to event {end.events} of {recorded}"
        if end.end == "divergence" and (process, None) in self.divergences:
            return None
        # Its parent has not come to the fork, or another process not to its turn.
        if end.end == "unreachable" and (self.divergences or not self._is_whole()):
            return None
        return f"process {process} was not replayed to its end ({end.end})"


def _contradiction(what: str) -> ReplayError:
    return ReplayError(
        f"not verified: the replayer reports {what}",
        "do not trust this trace: its program may have taken over the replayer",
    )
