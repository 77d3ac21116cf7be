"""What a replay that verifies a trace reports, collected into its result."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace

from reenact import manifest
from reenact.errors import ReplayError
from reenact.indexes import Index
from reenact.replay.frames import Frame
from reenact.replay.output import OrderedOutput, Writer
from reenact.replay.process_group import killed_by
from reenact.replay.replayer import Replayer
from reenact.replay.reports import Divergence, Natively, Noted, ProcessEnded, Started
from reenact.replay.verdict import Collected, Recorded
from reenact.trace import Trace


@dataclass(frozen=True)
class Verification:
    """What a replay of all processes came to.

    `events` and `instructions` are sums over the processes; `seconds` is wall time;
    `damaged_chunks` pieces of the trace could not be read, and the replay ends before them.
    `landings` events lie in the middle of computation; the place of `searched` of them was not
    known from an earlier replay. `instructions` is None where not all were counted: `native` says
    what the program's own code did, which counts none. `changed_files` are sentences about mapped
    files that somebody outside the recording has changed: what their mappings showed is not in it.
    `native_failure`: how a replay by the program's own code differed from this one, which is of the
    translated code and exact. That is a bug of reenact. `segments`: so many parts of the logs were
    replayed side by side, as the trace has an index; `index_failure`: why that came to nothing, so
    that this is the result of a replay from the start.
    """

    processes: int
    events: int
    instructions: int | None
    divergences: tuple[Divergence, ...]
    seconds: float
    process_ends: tuple[ProcessEnded, ...] = ()
    notes: tuple[Noted, ...] = ()
    damaged_chunks: int = 0
    landings: int = 0
    searched: int = 0
    native: Natively | None = None
    changed_files: tuple[str, ...] = ()
    native_failure: str | None = None
    segments: int = 0
    index_failure: str | None = None

    @property
    def is_exact(self) -> bool:
        """Whether the replay was equal to the recording, as far as the trace goes."""
        return not self.divergences

    def after_another(self, failure: str | None, seconds: float) -> Verification:
        """The same, of translated code, once the program's own had not been exact.

        Arguments:
            failure: how that differed, unless this is not exact either.
            seconds: what both took.
        """
        return replace(self, native_failure=failure, seconds=seconds)

    def without_index(self, failure: str, seconds: float) -> Verification:
        """The same, from the start, once a replay in segments had come to nothing.

        Arguments:
            failure: why.
            seconds: what both took.
        """
        return replace(self, index_failure=failure, seconds=seconds)

    @property
    def cut_processes(self) -> tuple[int, ...]:
        """Numbers of the processes whose log ends before they did."""
        return self._that_ended("cut")

    @property
    def unreachable_processes(self) -> tuple[int, ...]:
        """Numbers of the processes not replayed: their parents' logs end before the fork."""
        return self._that_ended("unreachable")

    def _that_ended(self, how: str) -> tuple[int, ...]:
        return tuple(end.process for end in self.process_ends if end.end == how)


def collect(
    replayer: Replayer,
    trace: str,
    write: Writer | None,
    *,
    process: int | None,
    on_progress: Callable[[int, int], None] | None,
    is_tentative: bool,
    begin: float,
    index: Index | None = None,
) -> Verification:
    """Take the reports of a running replayer until it is done.

    Arguments:
        replayer: it has just been started.
        trace: path of the trace directory.
        write: gets what the program printed.
        process: the one that is replayed; None: all.
        on_progress: called now and then with (events done, events in total).
        is_tentative: what is printed is handed on once it is known that it was recorded so.
        begin: when the replay began, by the monotonic clock, seconds.
        index: the snapshots by which it is replayed in segments; None: it is not.

    Errors: `ReplayError` when the replay could not be carried through.
    """
    recorded = _recorded(trace, process, index)
    collected = Collected(recorded)
    before = sum(recorded.before.values())
    total = sum(recorded.events.values()) - before
    with ExitStack() as stack:
        output = None
        if write is not None:
            output = stack.enter_context(OrderedOutput(write, is_tentative=is_tentative))
        for item in replayer:
            if isinstance(item, Frame):
                if output is not None:
                    output.take(item)
                continue
            collected.take(item)
            if isinstance(item, Started) and output is not None:
                output.expect_processes(1 if process is not None else item.processes)
            if on_progress is not None:
                on_progress(max(collected.events_done - before, 0), total)
        complaint = replayer.complaint()
        status = replayer.wait()
        excess = replayer.excess()
        seconds = time.monotonic() - begin
        if output is not None and status == 0 and not collected.divergences:
            output.accept()
    if excess is not None:
        raise excess
    _raise_failure(collected, status, complaint)
    ends = tuple(collected.ends[number] for number in sorted(collected.ends))
    parts = (*collected.segments.values(), *ends)
    return Verification(
        processes=len(ends),
        events=sum(max(end.events - recorded.before.get(end.process, 0), 0) for end in ends),
        instructions=_instructions(parts),
        divergences=tuple(collected.divergences.values()),
        seconds=seconds,
        process_ends=ends,
        notes=tuple(collected.notes),
        damaged_chunks=collected.started.damaged_chunks if collected.started else 0,
        landings=sum(end.landings for end in parts),
        searched=sum(end.searched for end in parts),
        native=_natively(parts),
        changed_files=_changed_files(trace),
        segments=len(parts) if recorded.cuts else 0,
    )


def _changed_files(trace: str) -> tuple[str, ...]:
    changed = manifest.read(trace).fields.get("changed_files")
    return tuple(map(str, changed)) if isinstance(changed, list) else ()


def _instructions(ends: Sequence[ProcessEnded]) -> int | None:
    counts = [end.instructions for end in ends if end.instructions is not None]
    return sum(counts) if len(counts) == len(ends) else None


def _natively(ends: Sequence[ProcessEnded]) -> Natively | None:
    parts = [end.native for end in ends if end.native is not None]
    return sum(parts, Natively()) if parts else None


def _raise_failure(collected: Collected, status: int, complaint: str) -> None:
    # The replayer's own bugs come last: a failure it could name explains more.
    for failure in sorted(collected.failures, key=lambda failure: failure.is_internal):
        where = "" if failure.process is None else f" (process {failure.process})"
        hint = failure.hint
        if failure.is_internal and not hint:
            hint = "this is a bug of the replayer: report it with the trace"
        raise ReplayError(f"the replay failed: {failure.message}{where}", hint)
    if status < 0:
        raise killed_by(-status)
    why = collected.why_not_verified()
    if why is None and status == (1 if collected.divergences else 0):
        return
    if why is None:
        why = "its divergences are not there"
        if collected.divergences:
            why = "the replayer reports a divergence and ends as if there were none"
    said = f": {complaint}" if complaint else ""
    raise ReplayError(
        f"not verified: {why} (status {status}){said}",
        "replay it once more; if that fails as well, do not trust this trace",
    )


def _recorded(trace: str, process: int | None, index: Index | None) -> Recorded:
    opened = Trace(trace)
    processes = opened.processes
    events = {each.number: each.events for each in processes if process in (None, each.number)}
    before = {each.number: each.events - each.logged for each in processes}
    is_whole = all(each.is_complete for each in processes) and not opened.unreadable_bytes()
    leaves_out = "left_out" in opened.manifest.fields
    cuts = {} if index is None else index.events
    return Recorded(
        events,
        is_whole,
        before,
        leaves_out,
        {number: inside for number in cuts if (inside := _inside(number, cuts, events, before))},
    )


def _inside(
    process: int,
    cuts: Mapping[int, tuple[int, ...]],
    events: Mapping[int, int],
    before: Mapping[int, int],
) -> tuple[int, ...]:
    """The cuts that have something of the log on both sides."""
    first, last = before.get(process, 0) - 1, events.get(process, 0) - 1
    return tuple(cut for cut in cuts[process] if max(first, -1) < cut < last)
