"""Copies of the replaying process that wait at earlier positions: where going back begins."""

from __future__ import annotations

import bisect
import contextlib
import os
from collections.abc import Iterator

from reenact.session.connection import ReplayerConnection, closed
from reenact.session.positions import Key

#: Copies kept at most.
MOST = 64
#: Beyond this part of all that was replayed distance from the present no longer matters.
_EVEN_BEYOND = 64
#: After so many new copies it is found out what one of them takes. That is a millisecond for each,
#: and no movement shall pay for all of them at once.
_BETWEEN_LOOKS = 8


class Checkpoints:
    """Copies in order of their positions: dense near the present, sparse far away.

    Arguments:
        budget: memory all of them may take together, bytes.
    """

    def __init__(self, budget: int) -> None:
        self._budget = budget
        self._keys: list[Key] = []
        #: How far each is, as `StopState.work` says it.
        self._works: list[int] = []
        self._copies: list[ReplayerConnection] = []
        #: No longer kept, and not yet ended.
        self._leaving: list[ReplayerConnection] = []
        #: Those that somebody uses meanwhile, the latest last.
        self._used: list[ReplayerConnection] = []
        self._since_look = 0
        #: Own memory of copies by their process, the one looked at longest ago first.
        self._sizes: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._keys)

    def add(self, copy: ReplayerConnection, present: int) -> None:
        """Keep a copy, and others no longer where there are too many; `let_go` ends those.

        Arguments:
            copy: stands still from now on.
            present: how far the session is (`StopState.work`).
        """
        key = copy.state.key
        at = bisect.bisect_left(self._keys, key)
        if at < len(self._keys) and self._keys[at] == key:
            self._leaving.append(copy)
            return
        self._keys.insert(at, key)
        self._works.insert(at, copy.state.work)
        self._copies.insert(at, copy)
        if len(self._keys) > MOST:
            self._drop_one(present)
        self._since_look += 1
        if self._since_look >= _BETWEEN_LOOKS:
            self._since_look = 0
            self._keep_budget(present)

    def latest(self, key: Key, *, before: bool = False) -> ReplayerConnection:
        """The last one at a position or, with `before`, strictly before it; else the first one.

        Errors: `ReplayError` where there is none any more: the session is closed.
        """
        if not self._copies:
            raise closed()
        find = bisect.bisect_left if before else bisect.bisect_right
        return self._copies[max(find(self._keys, key) - 1, 0)]

    def earlier(self, key: Key, reach: int) -> ReplayerConnection:
        """One before a position, with so much work from it to the last one there, or the first."""
        at = max(bisect.bisect_left(self._keys, key) - 1, 0)
        work = self._works[at]
        while at > 0 and work - self._works[at] < reach:
            at -= 1
        return self._copies[at]

    @property
    def budget(self) -> int:
        """Memory all of them may take together, bytes."""
        return self._budget

    def dismiss(self, copy: ReplayerConnection) -> None:
        """End a copy that is not kept, when the others are ended."""
        self._leaving.append(copy)

    def let_go(self) -> None:
        """End those that are no longer kept.

        While the kernel takes a large process apart, a copy of it that runs is slowed down: two
        milliseconds of a step back that takes four. So this comes behind a movement.
        """
        for copy in self._leaving:
            if copy not in self._used:
                copy.close()
        self._leaving = [copy for copy in self._leaving if copy in self._used]

    @contextlib.contextmanager
    def used(self, copy: ReplayerConnection) -> Iterator[ReplayerConnection]:
        """Inside, a copy is not ended, though it may no longer be kept."""
        self._used.append(copy)
        try:
            yield copy
        finally:
            self._used.pop()

    def close(self) -> None:
        """Let go of all."""
        self.let_go()
        for copy in self._copies:
            copy.close()
        self._keys.clear()
        self._works.clear()
        self._copies.clear()

    def keep_first(self) -> None:
        """Let go of all but the first one."""
        self._leaving += self._copies[1:]
        del self._keys[1:], self._works[1:], self._copies[1:]

    def _drop_one(self, present: int) -> None:
        """Let go of the one that is missed least: the smallest gap for its distance.

        Beyond some distance all positions are equally likely to be the next one.
        """
        farthest = max(self._works[-1] - self._works[0], 0) // _EVEN_BEYOND

        def price(at: int) -> float:
            before = self._works[at - 1]
            after = self._works[at + 1] if at + 1 < len(self._works) else self._works[at] + 1
            distance = min(abs(present - self._works[at]), farthest)
            # Who has been there in another way has done other work.
            return (max(after - before, 0) + 1) / (distance + 1)

        # Never the first: it is where everything can be reached from.
        at = min(range(1, len(self._keys)), key=price)
        self._leaving.append(self._copies.pop(at))
        del self._keys[at], self._works[at]

    def _keep_budget(self, present: int) -> None:
        """Let go of some if all together take too much, by the mean of those looked at."""
        self._look_at_one()
        mean = sum(self._sizes.values()) / max(len(self._sizes), 1)
        while mean * len(self._keys) > self._budget and len(self._keys) > 2:
            self._drop_one(present)

    def _look_at_one(self) -> None:
        """Find out what one more copy takes; those that were let go of are forgotten."""
        waiting = [copy.pid for copy in self._copies]
        known = {pid: size for pid, size in self._sizes.items() if pid in waiting}
        unknown = (pid for pid in waiting if pid not in known)
        pid = next(unknown, next(iter(known), waiting[0]))
        # To the end: its turn is over.
        known.pop(pid, None)
        known[pid] = own_memory(pid)
        self._sizes = known


def own_memory(pid: int) -> int:
    """Bytes of memory a process takes, shared pages in parts; 0 when the kernel does not tell."""
    with (
        contextlib.suppress(OSError, ValueError, IndexError),
        open(f"/proc/{pid}/smaps_rollup", "rb") as file,
    ):
        for line in file:
            if line.startswith(b"Pss:"):
                return int(line.split()[1]) << 10
    return 0


def available_memory() -> int:
    """Bytes of memory that could be used without swapping; half of all when nobody tells."""
    with contextlib.suppress(OSError, ValueError, IndexError), open("/proc/meminfo", "rb") as file:
        for line in file:
            if line.startswith(b"MemAvailable:"):
                return int(line.split()[1]) << 10
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2


def default_budget() -> int:
    """A quarter of the memory that is available now, bytes."""
    return available_memory() // 4
