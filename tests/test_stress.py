"""stress-ng's stressors, recorded and verified."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
import skips
from recorded_run import Keeper, Reenact
from stress_table import LEFT_OUT, QUICK, SIZES, STRESSORS
from tiers import FULL

#: Seconds of each in the full tier.
SECONDS = 2


def _program() -> str:
    found = shutil.which("stress-ng")
    if found is None:
        skips.skip(skips.Reason.NO_PROGRAM, "stress-ng")
    return found


def _check(reenact: Reenact, trace: Path, folder: Path, name: str, *limits: str) -> None:
    limits = (*limits, *SIZES.get(name, ()))
    command = [_program(), f"--{name}", "1", *limits, "--temp-path", str(folder), "--quiet"]
    recorded = reenact.record(command, trace, directory=folder, timeout=300)
    # 4: the stressor itself says that it cannot run here.
    if recorded.status == 4:
        skips.skip(skips.Reason.NO_PROCESSOR_FEATURE, f"stress-ng --{name}")
    assert recorded.status == 0, recorded.describe()
    first = reenact.verify(trace, "--translated", timeout=900)
    assert not first["divergences"], json.dumps(first, indent=1)[:4000]
    again = reenact.verify(trace, "--translated", timeout=900)
    assert first["instructions"] == again["instructions"]
    natively = reenact.verify(trace, timeout=900)
    for key in ("processes", "events", "divergences", "landings"):
        assert first[key] == again[key] == natively[key]
    print(
        f"{name}: {first['processes']} processes, {first['events']:,} events, "
        f"{first['instructions']:,} instructions, {first['landings']} landings"
    )


@pytest.mark.parametrize("name", STRESSORS)
def test_stressor(name: str, reenact: Reenact, keeper: Keeper, tmp_path: Path) -> None:
    """Two seconds of each; only some of them, and fewer rounds, in every test run."""
    if FULL:
        _check(reenact, keeper.trace(), tmp_path, name, "--timeout", str(SECONDS))
    elif name in QUICK:
        _check(reenact, keeper.trace(), tmp_path, name, f"--{name}-ops", str(QUICK[name]))
    else:
        skips.unless_full()


@pytest.mark.parametrize("name", LEFT_OUT)
def test_stressors_left_out_exist(name: str) -> None:
    """What is left out is left out by a name that stress-ng knows."""
    listed = subprocess.run([_program(), "--stressors"], capture_output=True, text=True, check=True)
    assert name in listed.stdout.split()
