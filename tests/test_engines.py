"""The program's own code and the translated one replay the same run, and change at any event."""

from __future__ import annotations

import json
import os
import random
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import skips
from guest_build import GuestBuild
from guest_table import GUESTS as ORDINARY_GUESTS
from recorded_run import Keeper, Reenact
from thread_table import THREAD_GUESTS

from reenact import programs
from reenact.trace import Trace

#: Each is another sequence of changes.
SEEDS = range(1, 6)

#: Calls, signals at calls and in computation, faults, forks, threads, code that is written, x87 and
#: vector registers, the program break, clocks.
CHANGING = (
    "hello",
    "clocks",
    "fork",
    "vfork",
    "exec_chain",
    "signal_frame",
    "signal_nested",
    "timers",
    "fault_fix",
    "instructions",
    "instructions_often",
    "code_self_modifying",
    "code_pointers",
    "code_read",
    "int80",
    "self_stepping",
    "map_private",
    "map_remap",
    "share_mutex",
    "stack_growth",
    "xsave_layout",
    "x87_state",
    "thread_robust",
    "thread_inherit",
    "thread_sockets",
)


def _replay(trace: Path, *options: str) -> dict[int, dict[str, Any]]:
    """The reports on the processes, by number; fails with what diverged."""
    command = [programs.replayer(), "--native", *options, str(trace)]
    ended = subprocess.run(command, capture_output=True, timeout=180, check=False)
    assert ended.returncode == 0, ended.stdout[-3000:].decode(errors="replace")
    reports = [json.loads(line) for line in ended.stdout.splitlines()]
    return {each["process"]: each for each in reports if each["type"] == "process"}


@pytest.mark.parametrize("name", CHANGING)
def test_engines_change_at_any_event(
    name: str, guests: GuestBuild, reenact: Reenact, keeper: Keeper, tmp_path
) -> None:
    """All registers at each event, and all memory at each call, are those of the recording."""
    trace = _recorded(name, guests, reenact, keeper, tmp_path)
    _change_engines(trace, _replay(trace), SEEDS)


def test_an_instruction_that_comes_again_and_again_is_translated(
    guests: GuestBuild, reenact: Reenact, keeper: Keeper, tmp_path
) -> None:
    """A signal at each would take ten times as long; the few others are left as they are."""
    trace = _recorded("instructions_often", guests, reenact, keeper, tmp_path)
    native = _replay(trace)[0]["native"]
    assert native["frequent"] > native["instructions"] > 0, native


@pytest.mark.soak
def test_ten_thousand_changes(
    guests: GuestBuild, reenact: Reenact, keeper: Keeper, tmp_path
) -> None:
    """At other events in each round."""
    choice = random.Random(int(os.environ.get("REENACT_SOAK_SEED", "1")))
    traces = [_recorded(name, guests, reenact, keeper, tmp_path) for name in CHANGING]
    natively = {trace: _replay(trace) for trace in traces}
    changes = 0
    while changes < 10_000:
        for trace, processes in natively.items():
            changes += _change_engines(trace, processes, [choice.randrange(1 << 62)])


def _recorded(
    name: str, guests: GuestBuild, reenact: Reenact, keeper: Keeper, directory: Path
) -> Path:
    """A recording of a guest with checksums of all memory."""
    guest = next(each for each in (*ORDINARY_GUESTS, *THREAD_GUESTS) if each.name == name)
    program = str(guests.build(guest.file, guest.name, guest.flags))
    trace = keeper.trace(name)
    reenact.run(
        *("record", "--quiet", "--checksum", "1", "-o", str(trace), "--", program),
        *guest.arguments,
        directory=directory,
        timeout=2 * guest.timeout,
    )
    return trace


def _change_engines(trace: Path, natively: dict[int, dict[str, Any]], seeds: Iterable[int]) -> int:
    """Compare replays whose engine changes with one; how many ways they translated for that."""
    changes = 0
    for seed in seeds:
        mixed = _replay(trace, "--engine-changes", str(seed))
        for number, process in natively.items():
            same = {key: mixed[number][key] for key in ("events", "end", "status", "landings")}
            assert same == {key: process[key] for key in same}, f"seed {seed}"
        changes += sum(each["native"]["others"] for each in mixed.values())
    return changes


def test_what_ran_natively_is_told(
    guests: GuestBuild, reenact: Reenact, keeper: Keeper, tmp_path
) -> None:
    """Nothing is counted then, and calls are; translated, it is the other way round."""
    program = str(guests.build("hello.c", "hello"))
    reenact.record([program], keeper.trace(), directory=tmp_path)
    natively = reenact.verify(keeper.trace())
    assert natively["instructions"] is None
    assert natively["native"]["calls"] > 10
    translated = reenact.verify(keeper.trace(), "--translated")
    assert translated["instructions"] > 10_000
    assert translated["native"] is None


def _verified(
    command: list[str], reenact: Reenact, keeper: Keeper, directory: Path
) -> dict[str, dict[str, int]]:
    """What `verify` says of a command that it replays exactly."""
    reenact.record(command, keeper.trace(), directory=directory)
    report = reenact.verify(keeper.trace())
    assert not report["divergences"], report
    return report


def test_hot_calls_are_replayed_where_they_were_made_jumps(
    guests: GuestBuild, reenact: Reenact, keeper: Keeper, tmp_path
) -> None:
    """The program comes in and goes on by the trampolines of the recording, thousands of times."""
    dd = skips.need_program("dd")
    copied = ["if=/dev/zero", "of=/dev/null", "bs=512", "count=3000"]
    report = _verified([dd, *copied], reenact, keeper, tmp_path)
    assert report["native"]["calls"] > 6000


def test_clocks_are_read_natively(
    guests: GuestBuild, reenact: Reenact, keeper: Keeper, tmp_path
) -> None:
    """The copy of the vDSO leads to the replayer's entries, as it did to the recorder's."""
    program = str(guests.build("clocks.c", "clocks"))
    report = _verified([program], reenact, keeper, tmp_path)
    assert report["native"]["code"] == 0, report


def test_code_that_is_made_while_the_program_runs_is_executed_as_it_is(
    guests: GuestBuild, reenact: Reenact, keeper: Keeper, tmp_path
) -> None:
    """All but the few of its functions whose constants look like instructions (`0f 03`)."""
    program = str(guests.build("code_generated.c", "code_generated"))
    report = _verified([program], reenact, keeper, tmp_path)
    assert report["native"]["code"] < 10, report


def test_operands_are_told_from_instructions(
    guests: GuestBuild, reenact: Reenact, keeper: Keeper, tmp_path
) -> None:
    """Made code is executed as it is although bytes inside its instructions look like one."""
    program = str(guests.build("code_operands.c", "code_operands"))
    report = _verified([program], reenact, keeper, tmp_path)
    assert report["native"]["code"] == 0, report


@pytest.mark.parametrize("which", [0, 1])
def test_instructions_in_two_pages_are_executed_as_they_are(
    which: int, guests: GuestBuild, reenact: Reenact, keeper: Keeper, tmp_path
) -> None:
    """Where they are cut, they could become others; the next page tells which they are."""
    program = str(guests.build("code_across_pages.c", "code_across_pages"))
    report = _verified([program, str(which)], reenact, keeper, tmp_path)
    assert report["native"]["code"] == 0, report


@pytest.mark.parametrize("which", [2, 3, 4, 5])
def test_what_is_not_determined_is_found_where_two_pages_meet(
    which: int, guests: GuestBuild, reenact: Reenact, keeper: Keeper, tmp_path
) -> None:
    """The recorder does not know such code: whether the replay has noticed it, its note says."""
    program = str(guests.build("code_across_pages.c", "code_across_pages"))
    report = _verified([program, str(which)], reenact, keeper, tmp_path)
    assert any("xgetbv" in note["message"] for note in report["notes"]), report
    assert report["native"]["code"] > 0, report


def test_why_code_was_translated_is_told(
    guests: GuestBuild, reenact: Reenact, keeper: Keeper, tmp_path
) -> None:
    """The ways to places in the middle of computation, and the time that they took."""
    program = str(guests.build("timers.c", "timers"))
    report = _verified([program], reenact, keeper, tmp_path)
    told = report["native"]
    assert (told["landings"] > 0) == (report["landings"] > 0), report
    if told["landings"]:
        assert told["translated_seconds"] > 0, report


def test_zeros_that_a_call_writes_are_only_told(reenact: Reenact, keeper: Keeper, tmp_path) -> None:
    """What a sparse file holds takes no room in the trace, and the replay has it in memory."""
    sparse = tmp_path / "sparse"
    with sparse.open("wb") as file:
        file.truncate(3_000_000)
        file.write(b"end")
    (tmp_path / "filled").write_bytes(bytes(range(1, 251)) * 4)
    cat = skips.need_program("cat")
    command = [cat, str(sparse), str(tmp_path / "filled")]
    reenact.run(
        *("record", "--quiet", "--checksum", "1", "-o", str(keeper.trace()), "--", *command),
        directory=tmp_path,
    )
    report = reenact.verify(keeper.trace())
    assert not report["divergences"], report
    told = [
        part.tag
        for event in Trace(str(keeper.trace())).events(
            kinds=("syscall",), codes=(0,), with_attachments=True
        )
        for part in event.attachments
        if part.tag in ("write", "zero")
    ]
    assert "zero" in told
    assert "write" in told
