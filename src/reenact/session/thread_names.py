"""What threads are known by when they end: a replay tells, the log has no names."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass

from reenact.errors import ReplayError
from reenact.session.opening import open_process
from reenact.session.positions import Key
from reenact.session.recorded_trace import RecordedTrace
from reenact.session.schedule import Schedule
from reenact.session.thread_table import RecordedThread, ThreadTable
from reenact.session.values import Registers

_WORD = 8


@dataclass(frozen=True)
class NamedThread:
    """A thread, and what it was known by at its last moment.

    Arguments:
        recorded: the thread.
        name: what the kernel called it; empty: not known.
        pthread: its `pthread_t`, with the C libraries of Linux; 0: it had none, or it is not known.
    """

    recorded: RecordedThread
    name: str = ""
    pthread: int = 0


def pthread_of(registers: Registers, read: Callable[[int, int], bytes]) -> int:
    """The `pthread_t` of a thread; 0: it has none, as threads of Go have none.

    Arguments:
        registers: of the thread.
        read: reads memory.
    """
    base = registers["fs_base"]
    # What C libraries have there begins with its own address (glibc: `tcbhead_t`, musl: `pthread`).
    is_of_c = base != 0 and read(base, _WORD) == base.to_bytes(_WORD, "little")
    return base if is_of_c else 0


def named_threads(trace: RecordedTrace, process: int) -> list[NamedThread]:
    """Every thread that a process ever has, by number, as it was at its last moment.

    Arguments:
        trace: the trace.
        process: number of the process, which is replayed once.

    Errors: `ReenactError` where the process cannot be replayed.
    """
    schedule = Schedule(trace, process)
    threads = ThreadTable(trace, process).all
    found = {thread.number: NamedThread(thread) for thread in threads}
    replayed, replayer = open_process(trace, process)
    with contextlib.closing(replayer), contextlib.closing(replayed):
        start, end = replayed.history.start, replayed.find_end().key

        def last_moment(thread: RecordedThread) -> Key:
            before = None if thread.end is None else schedule.event_before(thread.end)
            return end if before is None else min(max((before, 0), start), end)

        for thread in sorted(threads, key=last_moment):
            replayed.goto(last_moment(thread))
            present = replayed.present
            (name,) = present.thread_names([thread.tid])
            is_running = present.state.tid == thread.tid
            pthread = 0
            # One that ended with its process may be gone where that ends.
            with contextlib.suppress(ReplayError):
                registers = present.registers(0 if is_running else thread.tid)
                pthread = pthread_of(registers, present.read)
            found[thread.number] = NamedThread(thread, name.decode("utf-8", "replace"), pthread)
    return [found[thread.number] for thread in threads]
