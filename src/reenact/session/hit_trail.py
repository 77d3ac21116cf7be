"""The last hits before a place, and copies of the process that wait at some of them.

Whoever goes back from hit to hit would otherwise look through the same stretch each time, and run
the same way again. One look lists the hits of a stretch; one run leaves copies at the next few,
and more of them the longer it goes on. What is in the past does not change: a list stays right as
long as the same points are meant.
"""

from __future__ import annotations

import bisect
import time
from collections.abc import Hashable, Sequence

from reenact.session.checkpoints import own_memory
from reenact.session.connection import ReplayerConnection
from reenact.session.copies import Copies
from reenact.session.messages import Reason, Run, StopState
from reenact.session.points import Points
from reenact.session.positions import Key

#: Copies that are left at once: so many first, then twice as many, up to …
_FIRST, _MOST = 4, 32
#: … but no more than take so many seconds, and this part of the memory for copies.
_LONGEST = 0.1
_PART_OF_BUDGET = 4
#: Hits that are kept.
_MOST_HITS = 4096


class HitTrail:
    """What is known of the hits before the present.

    Arguments:
        copies: those of the process.
    """

    def __init__(self, copies: Copies) -> None:
        self._copies = copies
        self._meant: Hashable = None
        #: In order, with all between them, up to `_end`.
        self._hits: list[StopState] = []
        self._keys: list[Key] = []
        self._end: Key = (0, 0)
        #: Where the stretch of the list begins; not after the first hit.
        self._base: ReplayerConnection | None = None
        self._waiting: dict[Key, ReplayerConnection] = {}
        self._count = _FIRST
        #: Seconds and bytes that a copy takes, as far as they are known.
        self._seconds = 0.0
        self._bytes = 0

    def before(self, points: Points, key: Key) -> StopState | None:
        """The last hit of some points before a place; None: it is not known."""
        if self._meant != _meaning(points) or key > self._end:
            return None
        index = bisect.bisect_left(self._keys, key) - 1
        return self._hits[index] if index >= 0 else None

    def replace(
        self, points: Points, hits: Sequence[StopState], end: Key, base: ReplayerConnection
    ) -> None:
        """Know other hits from now on.

        Arguments:
            points: of which they are.
            hits: all of a stretch, or the last ones of it.
            end: where the stretch ends.
            base: a copy that stands where it begins, and is the trail's from now on.
        """
        meant = _meaning(points)
        if meant != self._meant:
            self._count = _FIRST
        self.clear()
        self._meant, self._end, self._base = meant, end, base
        self._hits = list(hits[-_MOST_HITS:])
        self._keys = [hit.key for hit in self._hits]

    def copy_at(self, hit: StopState) -> ReplayerConnection | None:
        """A copy that stands at a listed hit; leaves some at those before it, too. None: it cannot.

        Errors: `MovementInterrupted`.
        """
        if hit.key not in self._waiting:
            end = bisect.bisect_right(self._keys, hit.key)
            if end == 0 or self._keys[end - 1] != hit.key:
                # Other hits are listed by now.
                return None
            self._leave_until(end)
        return self._waiting.pop(hit.key, None)

    def nearest(self, key: Key, other: ReplayerConnection) -> ReplayerConnection:
        """The latest of the copies here and another one that is not behind a place."""
        mine = [copy for at, copy in self._waiting.items() if other.state.key < at <= key]
        return max(mine, key=lambda copy: copy.state.key, default=other)

    def clear(self) -> None:
        """Forget all, and let go of the copies."""
        gone = list(self._waiting.values())
        if self._base is not None:
            gone.append(self._base)
        for copy in gone:
            self._copies.checkpoints.dismiss(copy)
        self._waiting.clear()
        self._base, self._meant = None, None
        self._hits, self._keys = [], []

    def _leave_until(self, end: int) -> None:
        """Leave copies at the hits before a number."""
        keys = list(dict.fromkeys(self._keys[max(end - self._allowed(), 0) : end]))
        begin = time.perf_counter()
        base = self._copies.checkpoints.latest(keys[0])
        if self._base is not None and base.state.key < self._base.state.key <= keys[0]:
            base = self._base
        runner = base.fork()
        try:
            self._copies.clear_points(runner)
            for key in keys:
                state = self._copies.run(runner, Run(target=key)).state
                if state.reason != Reason.TARGET:
                    return
                self._waiting[key] = runner.fork()
        finally:
            self._copies.checkpoints.dismiss(runner)
        self._count = min(2 * self._count, _MOST)
        self._seconds = (time.perf_counter() - begin) / len(keys)
        self._bytes = own_memory(self._waiting[keys[0]].pid)

    def _allowed(self) -> int:
        """How many copies may be left now: one at least."""
        allowed: float = self._count
        if self._seconds:
            allowed = min(allowed, _LONGEST / self._seconds)
        if self._bytes:
            budget = self._copies.checkpoints.budget // _PART_OF_BUDGET
            allowed = min(allowed, budget / self._bytes)
        return max(int(allowed), 1)


def _meaning(points: Points) -> Hashable:
    """What is the same for points that have the same hits."""
    return (
        tuple(points.addresses()),
        tuple(points.watches()),
        tuple(points.conditions()),
        points.catch_mask(),
    )
