"""One thing looked at: what was found, what it means, and the remedy."""

from __future__ import annotations

from dataclasses import dataclass

#: Everything is as it should be.
GOOD = "good"
#: reenact works, but slower or with something left out.
LIMITED = "limited"
#: Recording or replaying cannot work.
BAD = "bad"


@dataclass(frozen=True)
class Finding:
    """What one look at the machine found.

    Arguments:
        name: stable identifier, for scripts.
        title: the thing looked at, for people.
        state: `GOOD`, `LIMITED` or `BAD`.
        found: what is there.
        meaning: what that means for recording or replaying.
        remedy: what to do about it; empty when nothing needs doing.
    """

    name: str
    title: str
    state: str
    found: str
    meaning: str
    remedy: str = ""
