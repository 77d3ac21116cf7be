"""The threads that a process ever has, as its log tells them: numbers that never change."""

from __future__ import annotations

from dataclasses import dataclass

from reenact.events import Process
from reenact.session.recorded_trace import RecordedTrace

#: Calls that make threads, and those that end one or all (arch/x86/entry/syscalls).
_CLONE, _CLONE3 = 56, 435
_EXIT_GROUP = 231


@dataclass(frozen=True)
class RecordedThread:
    """A thread of a recorded process.

    Arguments:
        number: in the order in which they were made; 1 is the first thread of the process.
        tid: its number in the kernel.
        begin: the event that made it.
        end: the event that ended it; None: it was there when the log ended.
    """

    number: int
    tid: int
    begin: int
    end: int | None = None


class ThreadTable:
    """All threads of one process. The first question reads the log.

    Arguments:
        trace: the trace.
        process: number of the process.
    """

    def __init__(self, trace: RecordedTrace, process: int) -> None:
        self._trace = trace
        self._process = process
        self._all: tuple[RecordedThread, ...] | None = None

    @property
    def all(self) -> tuple[RecordedThread, ...]:
        """Every thread, by number."""
        if self._all is None:
            self._all = tuple(self._read())
        return self._all

    def number(self, tid: int, event: int) -> int | None:
        """The number of the thread that has a tid behind an event; None: it is of no thread.

        A child of `vfork` runs in the log of its parent, and is none of that one's threads.
        """
        known = [one.number for one in self.all if one.tid == tid and one.begin <= event]
        return known[-1] if known else None

    def _first(self, process: Process) -> list[tuple[int, int]]:
        """The threads with which the log begins, the first one of the process before all."""
        if process.begins_behind is None:
            first = next(self._trace.events(self._process, 0, 0), None)
            return [(process.pid if first is None else first.tid, 0)]
        event = process.begins_behind
        read = self._trace.events(self._process, event, event, with_attachments=True)
        parts = [part for found in read for part in found.attachments if part.tag == "thread"]
        tids = sorted({part.address for part in parts} | {process.pid}, key=process.pid.__ne__)
        return [(tid, event) for tid in tids]

    def _read(self) -> list[RecordedThread]:
        process = next(one for one in self._trace.processes if one.number == self._process)
        begins = self._first(process)
        ends: dict[int, int] = {}
        # What is attached is looked at for the calls that make something alone.
        for event in self._trace.events(
            self._process, kinds=("syscall",), codes=(_CLONE, _CLONE3), with_attachments=True
        ):
            is_process = any(one.tag == "process" for one in event.attachments)
            if event.result > 0 and not is_process and "vfork" not in event.flags:
                begins.append((event.result, event.index))
        for event in self._trace.events(self._process, kinds=("exit", "image-begin")):
            living = [
                number
                for number, (tid, begin) in enumerate(begins)
                if begin < event.index and number not in ends
            ]
            if event.kind == "image-begin":
                # The thread that executes another program becomes the first one.
                over = [number for number in living if number]
                ends.pop(0, None)
            elif event.code == _EXIT_GROUP:
                over = living if any(begins[one][0] == event.tid for one in living) else []
            else:
                over = [number for number in living if begins[number][0] == event.tid]
            ends.update(dict.fromkeys(over, event.index))
        return [
            RecordedThread(number + 1, tid, begin, ends.get(number))
            for number, (tid, begin) in enumerate(begins)
        ]
