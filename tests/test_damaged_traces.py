"""Damaged traces are opened without a crash or a hang, by the readers and by the replayer."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import sys
from pathlib import Path

import pytest
from damage import damage
from guest_build import GuestBuild
from recorded_run import Keeper, Reenact, run

DAMAGE = Path(__file__).with_name("damage.py")
READ = 5000
REPLAYED = 150


@pytest.fixture(scope="module")
def small_trace(reenact: Reenact, guests: GuestBuild, tmp_path_factory) -> Path:
    """A short trace with a bit of everything: forks, an exec, signals, mappings, big data."""
    place = tmp_path_factory.mktemp("damaged")
    names = ("fork", "signal_flags", "vfork")
    programs = [str(guests.build(f"{name}.c", name)) for name in names]
    recorded = reenact.record(["sh", "-c", "; ".join(programs)], place / "trace")
    assert recorded.status == 0, recorded.describe()
    return place / "trace"


def check_read(trace: Path, folder: Path, seed: int, first: int, last: int) -> None:
    """Open damaged copies with the readers, in a process of their own."""
    command = [sys.executable, str(DAMAGE), str(trace), str(folder), str(seed), str(first)]
    ending = run([*command, str(last)], timeout=60 + (last - first) * 0.2)
    assert ending.status == 0, f"seed {seed}\n{ending.describe()}"
    # Some damage is found at once, and some is none that a reader could find.
    opened, count = re.fullmatch(rb"opened (\d+) of (\d+)", ending.stdout.splitlines()[-1]).groups()
    assert 0 < int(opened) < int(count) == last - first


def check_replayed(reenact: Reenact, trace: Path, keeper: Keeper, seed: int) -> int:
    """Replay one damaged copy: any verdict, but a clean one. It is the exit status."""
    target = keeper.trace(f"damaged-{seed}")
    what = damage(trace, target, random.Random(seed))
    ending = reenact.run("verify", "--json", str(target), timeout=60)
    assert ending.status in (0, 1, 125), f"seed {seed}: {what}\n{ending.describe()}"
    assert b"Traceback" not in ending.stderr, f"seed {seed}: {what}\n{ending.describe()}"
    assert b"has a bug" not in ending.stderr, f"seed {seed}: {what}\n{ending.describe()}"
    if ending.status != 125:
        json.loads(ending.stdout)
    shutil.rmtree(target)
    return ending.status


@pytest.mark.parametrize("part", range(10))
def test_readers(part: int, small_trace: Path, tmp_path) -> None:
    """5,000 of them, in ten parts."""
    count = READ // 10
    check_read(small_trace, tmp_path, 1, part * count, (part + 1) * count)


def test_replayer(reenact: Reenact, small_trace: Path, keeper: Keeper) -> None:
    """Fewer, as each starts processes."""
    verdicts = {check_replayed(reenact, small_trace, keeper, seed) for seed in range(REPLAYED)}
    assert len(verdicts) > 1


@pytest.mark.soak
def test_soak(reenact: Reenact, small_trace: Path, keeper: Keeper, tmp_path) -> None:
    """Other damage in every round (`make soak`)."""
    seed = int(os.environ.get("REENACT_SOAK_SEED", "0")) % 1_000_000_007
    check_read(small_trace, tmp_path, seed, 0, 1000)
    for number in range(100):
        check_replayed(reenact, small_trace, keeper, seed + number)
