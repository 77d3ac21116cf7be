"""Random calls about files and mappings of them: native, recorded and replayed they say the same.

Some runs of `map_random.c` are in the table of guests; here are others, with `make soak` new ones.
"""

from __future__ import annotations

import os
import shutil

import pytest
from guest_build import GuestBuild
from recorded_run import Keeper, Reenact, run
from tiers import FULL

#: Runs, of one process and of two; and the steps of each.
RUNS = 100 if FULL else 5
SOAKED = 100
STEPS = 200


def check(
    reenact: Reenact, guests: GuestBuild, keeper: Keeper, directory, seed: int, processes: int
) -> None:
    program = str(guests.build("map_random.c", "map_random", ("-O2",)))
    command = [program, str(seed), str(STEPS), str(processes)]
    native = run(command, directory=directory)
    recorded = reenact.record(command, keeper.trace(), directory=directory, timeout=180)
    assert recorded == native, f"{command}\n{recorded.describe()}"
    replayed = reenact.run("verify", "--output", str(keeper.trace()), timeout=300)
    assert replayed.status == 0, f"{command}\n{replayed.describe()}"
    assert replayed.stdout == recorded.stdout, f"{command}\n{replayed.describe()}"
    shutil.rmtree(keeper.trace())


@pytest.mark.parametrize("processes", [1, 2])
def test_runs(
    processes: int, reenact: Reenact, guests: GuestBuild, keeper: Keeper, tmp_path
) -> None:
    for seed in range(1000, 1000 + RUNS):
        check(reenact, guests, keeper, tmp_path, seed, processes)


@pytest.mark.soak
@pytest.mark.parametrize("processes", [1, 2])
def test_soak(
    processes: int, reenact: Reenact, guests: GuestBuild, keeper: Keeper, tmp_path
) -> None:
    first = int(os.environ.get("REENACT_SOAK_SEED", "0")) % 1_000_000_007
    for seed in range(first, first + SOAKED):
        check(reenact, guests, keeper, tmp_path, seed, processes)
