"""The recording is killed at any moment: the programs go on natively, and end as they would."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
import skips
from guest_build import GuestBuild
from orphaned_run import run_orphaned
from recorded_run import Reenact, run

FAILURE = 125
MECHANISMS = ("dispatch", "seccomp")

#: A tree of short processes, as a build is: shells, pipes, some at a time.
MAKEFILE = """\
ALL := $(foreach n,$(shell seq 1 24),t$(n))
all: $(ALL)
\t@cat $(ALL) | cksum
t%:
\t@seq 1 2000 | sort | head -$* | awk '{ n += length($$0) } END { print n }' > $@
"""

#: Guests that have threads or share memory, with the options they are built with.
GUESTS = {
    "thread_many": ("-O2", "-pthread"),
    "share_mutex": ("-O2", "-pthread"),
    "fork_wide": ("-O2",),
}


def moments(seed: str, most: float, count: int) -> list[float]:
    """Random moments to kill a recording at, the same in each run; the first is 0."""
    chance = random.Random(seed)
    return [0.0, *(chance.uniform(0, most) for _ in range(count - 1))]


def check_trace(reenact: Reenact, trace: Path) -> None:
    """What had reached the disk verifies, or there is nothing and that is said."""
    verified = reenact.run("verify", "--json", str(trace))
    if verified.status == FAILURE:
        assert b"holds no event" in verified.stderr, verified.describe()
    else:
        assert not json.loads(verified.stdout)["divergences"], verified.describe()


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_supervisor_is_killed_in_a_build(
    mechanism: str, reenact: Reenact, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each new process, and each file it maps, is noticed to be nobody's to record."""
    make = skips.need_program("make")
    monkeypatch.setenv("REENACT_MECHANISM", mechanism)
    expected = None
    for index, moment in enumerate((None, *moments(mechanism, 0.5, 4))):
        place = tmp_path / str(index)
        place.mkdir()
        (place / "Makefile").write_text(MAKEFILE)
        build = [make, "-s", "-j2", "-C", str(place)]
        if moment is None:
            expected = run(build).stdout
            continue
        trace = tmp_path / f"trace{index}"
        ended = run_orphaned(
            [*reenact.command, "record", "--quiet", "-o", str(trace), "--", *build], moment
        )
        assert (ended.status, ended.output) == (0, expected), moment
        check_trace(reenact, trace)


@pytest.mark.parametrize("mechanism", MECHANISMS)
@pytest.mark.parametrize("name", GUESTS)
def test_supervisor_is_killed_beside_threads_and_shared_memory(
    mechanism: str,
    name: str,
    reenact: Reenact,
    guests: GuestBuild,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nobody waits for a turn that the recorder would have given."""
    program = str(guests.build(f"{name}.c", name, GUESTS[name]))
    monkeypatch.setenv("REENACT_MECHANISM", mechanism)
    expected = run([program])
    for index, moment in enumerate(moments(name + mechanism, 0.3, 4)):
        trace = tmp_path / f"trace{index}"
        ended = run_orphaned(
            [*reenact.command, "record", "--quiet", "-o", str(trace), "--", program], moment
        )
        assert (ended.status, ended.output) == (expected.status, expected.stdout), moment
        check_trace(reenact, trace)


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_supervisor_is_killed_before_a_program_executes_itself(
    mechanism: str,
    reenact: Reenact,
    guests: GuestBuild,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What /proc says it is still is the program, not the recorder."""
    program = str(guests.build("executes_itself.c", "executes_itself", ("-O2",)))
    monkeypatch.setenv("REENACT_MECHANISM", mechanism)
    expected = run([program])
    record = [*reenact.command, "record", "--quiet", "-o", str(tmp_path / "trace"), "--"]
    # It waits for the death of its parent.
    ended = run_orphaned([*record, program, "orphaned"], 1.0)
    assert (ended.status, ended.output) == (expected.status, expected.stdout)


def test_trace_without_events_is_called_so(reenact: Reenact, tmp_path: Path) -> None:
    """A recording killed before its first event has reached the disk."""
    trace = tmp_path / "trace"
    assert reenact.record(["true"], trace).status == 0
    (trace / "events").write_bytes(b"")
    for command in ("verify", "replay", "dump"):
        tried = reenact.run(command, str(trace))
        assert tried.status == FAILURE, tried.describe()
        assert b"holds no event: the recording was cut short" in tried.stderr
        assert b"Traceback" not in tried.stderr
