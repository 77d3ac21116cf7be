"""Where reenact lies in a recorded process, nothing of the program comes to lie."""

from __future__ import annotations

from guest_build import GuestBuild
from recorded_run import Keeper, Reenact, check_exact


def test_exhausted_addresses(reenact: Reenact, guests: GuestBuild, keeper: Keeper) -> None:
    """The kernel would place mappings between those of the recorder when all above is full."""
    program = guests.build("region_exhausted.c", "region_exhausted")
    recorded = reenact.record([str(program), "recorded"], keeper.trace())
    assert recorded.status == 0, recorded.describe()
    check_exact(reenact, keeper.trace(), recorded)
