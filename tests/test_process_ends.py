"""How each recorded process ended, as the kernel told its parent: status, signal, by name."""

from __future__ import annotations

import json
import os
import signal

from guest_build import GuestBuild
from recorded_run import Keeper, Reenact, check_exact

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


def test_what_threads_wrote_until_the_end_is_replayed(
    reenact: Reenact, guests: GuestBuild, keeper: Keeper
) -> None:
    """To the byte, however another thread ends the process."""
    program = guests.build("last_outputs.c", "last_outputs", ("-O2", "-pthread"))
    recorded = reenact.record([str(program)], keeper.trace())
    ends = [line for line in recorded.stdout.splitlines() if line.startswith(b"end ")]
    assert ends == [b"end 700", b"end 4", b"end f", b"end 9", b"end 0", b"end f"], (
        recorded.describe()
    )
    check_exact(reenact, keeper.trace(), recorded)
