"""What the threads of a process are called when they end: a replay tells, the log has no names."""

from __future__ import annotations

import contextlib

from reenact.session.opening import open_process
from reenact.session.positions import Key
from reenact.session.recorded_trace import RecordedTrace
from reenact.session.schedule import Schedule
from reenact.session.thread_table import RecordedThread, ThreadTable


def named_threads(trace: RecordedTrace, process: int) -> list[tuple[RecordedThread, str]]:
    """Every thread that a process ever has, by number, with its last name; "" where it has none.

    Arguments:
        trace: the trace.
        process: number of the process, which is replayed once.

    Errors: `ReenactError` where the process cannot be replayed.
    """
    schedule = Schedule(trace, process)
    threads = ThreadTable(trace, process).all
    names = dict.fromkeys((thread.number for thread in threads), "")
    replayed, replayer = open_process(trace, process)
    with contextlib.closing(replayer), contextlib.closing(replayed):
        start, end = replayed.history.start, replayed.find_end().key

        def last_moment(thread: RecordedThread) -> Key:
            before = None if thread.end is None else schedule.event_before(thread.end)
            return end if before is None else min(max((before, 0), start), end)

        for thread in sorted(threads, key=last_moment):
            replayed.goto(last_moment(thread))
            (name,) = replayed.present.thread_names([thread.tid])
            names[thread.number] = name.decode("utf-8", "replace")
    return [(thread, names[thread.number]) for thread in threads]
