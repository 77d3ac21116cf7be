"""Every guest program: native, recorded, verified twice, with equal output and status."""

from __future__ import annotations

from pathlib import Path

import execution_watches
import pytest
import skips
from guest_build import GuestBuild
from guest_table import DETERMINISTIC, NOTHING, Guest
from guest_table import GUESTS as ORDINARY_GUESTS
from recorded_run import Keeper, Reenact, check_exact, run
from thread_table import THREAD_GUESTS

GUESTS = (*ORDINARY_GUESTS, *THREAD_GUESTS)

#: Those whose memory is compared with the recording's after every system call: what the recorder
#: or the kernel writes beside the outputs of calls shows there, though the program may not see it.
CHECKSUMMED = (
    "fork",
    "spawn_memory",
    "vfork",
    "exec_chain",
    "signal_frame",
    "signal_nested",
    "timers",
    "fault_fix",
    "map_private",
    "map_remap",
    "stack_growth",
    "heap_break",
    "xsave_layout",
    "x87_state",
    "bad_pointers",
    "messages",
    "polling",
    "thread_robust",
    "thread_inherit",
    "thread_sockets",
)


@pytest.mark.parametrize("guest", GUESTS, ids=lambda guest: guest.name)
def test_guest_runs_natively(guest: Guest, guests: GuestBuild, tmp_path) -> None:
    """The guest does what its table row says, and the same twice where it says so."""
    program = str(guests.build(guest.file, guest.name, guest.flags))
    first = run([program, *guest.arguments], directory=tmp_path, timeout=guest.timeout)
    assert first.status == guest.status, first.describe()
    if guest.same != NOTHING:
        second = run([program, *guest.arguments], directory=tmp_path, timeout=guest.timeout)
        assert first.stdout == second.stdout
        if guest.same == DETERMINISTIC:
            assert first.stderr == second.stderr


@pytest.mark.parametrize("guest", GUESTS, ids=lambda guest: guest.name)
def test_guest_is_recorded_exactly(
    guest: Guest, guests: GuestBuild, reenact: Reenact, keeper: Keeper, tmp_path
) -> None:
    """Recording changes nothing, and the replay is the recording."""
    if guest.processor and guest.processor not in Path("/proc/cpuinfo").read_text().split():
        skips.skip(skips.Reason.NO_PROCESSOR_FEATURE, guest.processor)
    if guest.watches and not execution_watches.are_allowed():
        skips.skip(skips.Reason.NOT_ALLOWED, "perf_event_open")
    program = str(guests.build(guest.file, guest.name, guest.flags))
    native = run([program, *guest.arguments], directory=tmp_path, timeout=guest.timeout)
    if guest.uncovered:
        told = reenact.run("record", "-o", str(keeper.trace()), "--", program, directory=tmp_path)
        assert told.status == native.status, told.describe()
        assert told.stdout == native.stdout, told.describe()
        assert guest.uncovered.encode() in told.stderr, told.describe()
        assert reenact.verify(keeper.trace())["divergences"] == []
        return
    recorded = reenact.record(
        [program, *guest.arguments],
        keeper.trace(),
        directory=tmp_path,
        timeout=2 * guest.timeout,
    )
    assert recorded.status == native.status, recorded.describe()
    if guest.same != NOTHING:
        assert recorded.stdout == native.stdout, recorded.describe()
    if guest.same == DETERMINISTIC:
        assert recorded.stderr == native.stderr, recorded.describe()
    check_exact(reenact, keeper.trace(), recorded)


@pytest.mark.parametrize("name", CHECKSUMMED)
def test_memory_is_the_recordings(
    name: str, guests: GuestBuild, reenact: Reenact, keeper: Keeper, tmp_path
) -> None:
    """With `record --checksum 1` the replay checks all memory at every system call."""
    guest = next(guest for guest in GUESTS if guest.name == name)
    program = str(guests.build(guest.file, guest.name, guest.flags))
    trace = keeper.trace()
    checked = ("record", "--quiet", "--checksum", "1", "-o", str(trace), "--", program)
    recorded = reenact.run(
        *checked, *guest.arguments, directory=tmp_path, timeout=2 * guest.timeout
    )
    assert recorded.status == guest.status, recorded.describe()
    kinds = ("dump", "--kind", "syscall", "--process", "0", "--data", str(trace))
    assert b"checksum 0x" in reenact.run(*kinds).stdout
    check_exact(reenact, trace, recorded)
