"""Recordings of memory at the lowest addresses, replayed by who may have none there."""

from __future__ import annotations

import os
import shutil

import ordinary_user
import skips
from guest_build import GuestBuild
from recorded_run import Keeper, Reenact, check_exact


def test_who_may_not_map_it_is_told_what_to_do(
    guests: GuestBuild, reenact: Reenact, keeper: Keeper
) -> None:
    """Root's recording is exact to root; an ordinary user is told whom to ask."""
    trace = keeper.trace()
    recorded = reenact.record([str(guests.build("map_lowest.c", "map_lowest"))], trace)
    if b"not allowed" in recorded.stdout:
        skips.skip(skips.Reason.NOT_ALLOWED, "memory at address 0")
    check_exact(reenact, trace, recorded)
    with ordinary_user.session(reenact) as user:
        if not user.prefix:
            return
        copy = user.folder / "trace"
        shutil.copytree(trace, copy)
        for place in (copy, *copy.rglob("*")):
            os.chown(place, ordinary_user.NOBODY, ordinary_user.NOBODY)
        told = user.reenact.run("verify", str(copy))
        assert told.status == 125, told.describe()
        assert b"replay as root" in told.stderr, told.describe()
