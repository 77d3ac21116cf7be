"""How each recorded process ended, as the kernel told its parent: status, signal, by name."""

from __future__ import annotations

import json
import os
import signal

from guest_build import GuestBuild
from recorded_run import Keeper, Reenact

import reenact as package


def test_the_ends_are_the_true_ones(reenact: Reenact, guests: GuestBuild, keeper: Keeper) -> None:
    """Of children that abort, crash, are killed, kill themselves and exit; also in the replay."""
    recorded = reenact.record([str(guests.build("ends.c", "ends"))], keeper.trace())
    told = list(map(int, recorded.stdout.split()))
    assert len(told) == 10, recorded.describe()
    expected = [
        (os.waitstatus_to_exitcode(status), None)
        if os.WIFEXITED(status)
        else (None, os.WTERMSIG(status))
        for status in told
    ]
    parent, *children = package.open(keeper.trace()).processes
    assert (parent.exit_status, parent.signal) == (3, None)
    assert [(child.exit_status, child.signal) for child in children] == expected
    names = [
        f"exit {status}" if number is None else signal.Signals(number).name
        for status, number in expected
    ]
    shown = reenact.run("ps", "--json", str(keeper.trace()))
    listed = json.loads(shown.stdout)["processes"][1:]
    # Whether there is a core dump is the kernel's to tell, and not for every process.
    assert [one["end"].removesuffix(" (core dumped)") for one in listed] == names
    assert [one["signal"] for one in listed] == [number for _, number in expected]
    lines = reenact.run("ps", str(keeper.trace())).stdout.decode().splitlines()[2:]
    assert all(name in line for name, line in zip(names, lines, strict=True)), lines
    report = reenact.verify(keeper.trace())
    assert not report["divergences"], report
