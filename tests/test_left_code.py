"""`record --leave-code`: a program finds its own code as it was built."""

from __future__ import annotations

from pathlib import Path

import pytest
from guest_build import GuestBuild
from recorded_run import Keeper, Reenact, check_exact, run


@pytest.mark.parametrize("link", ["-static", "-no-pie"])
@pytest.mark.parametrize("mechanism", ["dispatch", "seccomp"])
def test_a_program_that_sums_its_code(
    mechanism: str, link: str, guests: GuestBuild, reenact: Reenact, keeper: Keeper, tmp_path: Path
) -> None:
    """Its sums are those of a native run, and the time stamps that it reads are replayed."""
    program = str(guests.build("code_sums.c", f"code_sums{link}", ("-O2", link)))
    native, trace = run([program]), keeper.trace()
    recording = reenact.by(mechanism)
    recorded = recording.run("record", "--quiet", "--leave-code", "-o", str(trace), "--", program)
    assert recorded == native, recorded.describe()
    check_exact(recording, trace, recorded)
    # Nothing was put there that could be named.
    other = str(tmp_path / "trace")
    told = recording.run("record", "--paranoid", "--leave-code", "-o", other, "--", program)
    assert b"0 of 0 breakpoints and 0 of 0 jumps" in told.stderr, told.describe()
