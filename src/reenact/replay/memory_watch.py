"""Ends a replay that takes more memory than the machine can spare.

No limit of the kernel's says that: a program may reserve any amount of address space (sanitizers,
garbage collectors), and what counts is what all processes of a replay use together.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable

from reenact import environment
from reenact.errors import UsageError

#: Seconds between two looks.
_INTERVAL = 0.25
#: Of the memory that is available when a replay begins.
_PART = 0.9


class MemoryWatch:
    """Looks at a process and all its descendants until it is closed.

    Arguments:
        process: the first of the processes.
        most: bytes they may use together.
        end: ends them; called once, in a thread of its own.
    """

    def __init__(self, process: int, most: int, end: Callable[[], None]) -> None:
        self.most = most
        #: Whether they used more.
        self.is_exceeded = False
        self._process = process
        self._end = end
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="memory watch", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Look no longer."""
        self._is_over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._is_over.wait(_INTERVAL):
            processes = _tree(self._process)
            # Pages that a copy shares with its original are counted twice by the quick way.
            if sum(map(_resident, processes)) <= self.most:
                continue
            if sum(map(_proportional, processes)) > self.most:
                self.is_exceeded = True
                self._end()
                return


def most_memory() -> int:
    """Bytes a replay may take: `REENACT_REPLAY_MEMORY`, else most of what is available now."""
    said = environment.REPLAY_MEMORY.get()
    if said is None:
        return int(_available() * _PART)
    if not (said.isascii() and said.isdecimal()) or not 0 < int(said[:20]) < 1 << 40:
        raise UsageError(
            f"REENACT_REPLAY_MEMORY is {said}, which is no number of MiB",
            "say it as in REENACT_REPLAY_MEMORY=4096",
        )
    return int(said) << 20


def _tree(process: int) -> list[int]:
    """A process and its descendants, as far as the kernel tells them."""
    found = [process]
    for each in found:
        with contextlib.suppress(OSError, ValueError):
            path = f"/proc/{each}/task/{each}/children"
            with open(path, "rb") as file:
                found += map(int, file.read().split())
    return found


def _resident(process: int) -> int:
    """Bytes of memory of a process; 0 when it is gone."""
    with (
        contextlib.suppress(OSError, ValueError, IndexError),
        open(f"/proc/{process}/statm", "rb") as file,
    ):
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return 0


def _proportional(process: int) -> int:
    """The same, shared pages in parts."""
    value = _field(f"/proc/{process}/smaps_rollup", b"Pss:")
    return _resident(process) if value is None else value


def _available() -> int:
    """Bytes of memory that could be used without swapping, also by the control group."""
    value = _field("/proc/meminfo", b"MemAvailable:")
    if value is None:
        value = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    for path in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        with contextlib.suppress(OSError, ValueError), open(path, "rb") as file:
            value = min(value, int(file.read()))
    return value


def _field(path: str, name: bytes) -> int | None:
    """Bytes by a line of a file of the kernel's, "Name:  123 kB"."""
    with contextlib.suppress(OSError, ValueError, IndexError), open(path, "rb") as file:
        for line in file:
            if line.startswith(name):
                return int(line.split()[1]) << 10
    return None
