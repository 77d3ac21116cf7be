"""Guests that come to the recorder in unusual ways, where the kernel catches calls by a filter."""

from __future__ import annotations

from pathlib import Path

import pytest
import skips
from guest_build import GuestBuild
from guest_table import GUESTS
from recorded_run import Ending, Keeper, Reenact, check_exact, run

#: Guests of the table that make calls, or are trapped, in unusual ways.
UNUSUAL = (
    "self_stepping",
    "alignment_check",
    "int80",
    "call_numbers",
    "syscall_registers",
    "own_status",
)


@pytest.mark.parametrize("name", UNUSUAL)
def test_a_guest_is_recorded_exactly_by_a_filter(
    name: str, guests: GuestBuild, reenact: Reenact, keeper: Keeper, tmp_path
) -> None:
    """As the table's own test, which has them caught by dispatch."""
    guest = next(guest for guest in GUESTS if guest.name == name)
    program = str(guests.build(guest.file, guest.name, guest.flags))
    native = run([program], directory=tmp_path)
    recorded = reenact.by("seccomp").record([program], keeper.trace(), directory=tmp_path)
    assert recorded == native, recorded.describe()
    check_exact(reenact, keeper.trace(), recorded)


def _record_clock_read_by_vsyscall(
    mechanism: str, guests: GuestBuild, reenact: Reenact, trace: Path, guest: str = "vsyscall"
) -> Ending:
    if "[vsyscall]" not in Path("/proc/self/maps").read_text():
        skips.skip(skips.Reason.NOT_ALLOWED, "the vsyscall page")
    program = str(guests.build(f"{guest}.c", guest))
    native = run([program])
    recorded = reenact.by(mechanism).record([program], trace)
    assert recorded == native, recorded.describe()
    return recorded


@pytest.mark.parametrize("guest", ["vsyscall", "vsyscall_calls"])
def test_a_clock_read_by_the_vsyscall_page_is_recorded_by_a_filter(
    guest: str, guests: GuestBuild, reenact: Reenact, keeper: Keeper
) -> None:
    """The kernel asks the filter, and the read is a call in the log; the program sees none."""
    trace = keeper.trace()
    recorded = _record_clock_read_by_vsyscall("seccomp", guests, reenact, trace, guest)
    check_exact(reenact, trace, recorded)


def test_a_clock_read_by_the_vsyscall_page_is_named(
    guests: GuestBuild, reenact: Reenact, keeper: Keeper
) -> None:
    """Dispatch does not see it: the replay, which has no time to give, says what it met."""
    _record_clock_read_by_vsyscall("dispatch", guests, reenact, keeper.trace())
    (divergence,) = reenact.verify(keeper.trace())["divergences"]
    assert "vsyscall page" in divergence["message"], divergence
