"""How far back a trace reaches: logs that begin later than their process, and processes of which
nothing is kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from reenact.trace import Trace

#: Processes that are named in a line.
_MOST_NAMED = 8


@dataclass(frozen=True)
class LeftOut:
    """A process of which the trace has nothing.

    Arguments:
        number, pid, program: of the process.
        why: "ended" before what is kept, or "waiting" all the time since.
    """

    number: int
    pid: int
    program: str
    why: str


@dataclass(frozen=True)
class Reach:
    """What of a recording is in a trace.

    Arguments:
        begun: processes whose log begins later, and the moments, seconds since the recording began.
        left_out: processes of which nothing is kept, as far as they were noted.
        left_out_count: how many there are.
    """

    begun: tuple[tuple[int, float], ...]
    left_out: tuple[LeftOut, ...]
    left_out_count: int

    @property
    def seconds(self) -> float | None:
        """The earliest moment that is kept of a process which began before; None: there is none."""
        return min((seconds for _, seconds in self.begun), default=None)

    def lines(self, duration_ns: int | None) -> Iterator[str]:
        """What there is to say of the whole trace."""
        if self.seconds is None:
            return
        end = None if duration_ns is None else duration_ns / 1e9
        before = "" if end is None else f", {max(end - self.seconds, 0.0):.3f} s before its end"
        yield f"back to {self.seconds:.3f} s after the start of the recording{before}"

    def process_lines(self) -> Iterator[str]:
        """What there is to say of processes."""
        for number, seconds in self.begun:
            yield f"process {number} is kept from {seconds:.3f} s on"
        for why, text in (
            ("ended", "ended before what is kept"),
            ("waiting", "did nothing but wait since"),
        ):
            found = sorted(
                (one for one in self.left_out if one.why == why), key=lambda one: -one.number
            )
            if found:
                named = ", ".join(map(_named, found[:_MOST_NAMED]))
                more = ", …" if len(found) > _MOST_NAMED else ""
                yield f"not in the trace, as they {text}: {named}{more}"
        if self.left_out_count > len(self.left_out):
            yield f"{self.left_out_count - len(self.left_out):,} more are not in the trace"


def reach_of(trace: Trace) -> Reach:
    """How far back a trace reaches.

    Errors: `TraceError` for a damaged log.
    """
    begun = []
    for process in trace.processes:
        event = process.begins_behind
        if event is not None:
            moments = [found.seconds for found in trace.events(process.number, event, event)]
            begun.append((process.number, moments[-1] if moments else 0.0))
    noted = trace.manifest.fields.get("left_out")
    noted = noted if isinstance(noted, dict) else {}
    processes, count = noted.get("processes"), noted.get("count")
    left_out = tuple(filter(None, map(_left_out, processes if isinstance(processes, list) else ())))
    if not isinstance(count, int) or not len(left_out) <= count < 1 << 32:
        count = len(left_out)
    return Reach(tuple(begun), left_out, count)


def _left_out(noted: object) -> LeftOut | None:
    if not isinstance(noted, dict):
        return None
    number, pid = noted.get("number"), noted.get("pid")
    if type(number) is not int or type(pid) is not int:
        return None
    return LeftOut(number, pid, str(noted.get("program", "")), str(noted.get("why", "")))


def _named(one: LeftOut) -> str:
    name = f" {one.program}" if one.program else ""
    return f"{one.number} (pid {one.pid}{name})"
