"""Guest programs under random schedules: what holds for every run holds for those too."""

from __future__ import annotations

import pytest
from guest_build import GuestBuild
from recorded_run import Keeper, Reenact, check_exact
from thread_table import THREADED

SEEDS = range(1, 7)


@pytest.mark.parametrize("seed", SEEDS)
def test_processes_made_while_others_ask_for_their_turn(
    seed: int, guests: GuestBuild, reenact: Reenact, keeper: Keeper
) -> None:
    """A request for the token that is pending at an `execve` does not end the new image."""
    program = str(guests.build("thread_fork_spin.c", "thread_fork_spin", THREADED))
    command = ("record", "-q", "--chaos", "--seed", str(seed), "-o", str(keeper.trace()), program)
    recorded = reenact.run(*command)
    assert recorded.status == 0, recorded.describe()
    assert recorded.stdout.endswith(b"image of execve\n"), recorded.describe()
    check_exact(reenact, keeper.trace(), recorded)
