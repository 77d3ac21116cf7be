"""Programs built with sanitizers, which lay out the whole address space: with and without findings.

LeakSanitizer looks for leaks at the end: a process in the program's memory traces all its threads.
"""

from __future__ import annotations

import os
import re

import pytest
import skips
from guest_build import GuestBuild
from recorded_run import Keeper, Reenact, check_exact, run

#: The libraries of the sanitizers, as each compiler calls them.
LIBRARIES = {
    ("gcc", "address"): "libasan.so",
    ("gcc", "leak"): "liblsan.so",
    ("gcc", "thread"): "libtsan.so",
    ("gcc", "undefined"): "libubsan.so",
    ("clang", "address"): "libclang_rt.asan-x86_64.a",
    ("clang", "leak"): "libclang_rt.lsan-x86_64.a",
    ("clang", "thread"): "libclang_rt.tsan-x86_64.a",
    ("clang", "memory"): "libclang_rt.msan-x86_64.a",
    ("clang", "undefined"): "libclang_rt.ubsan_standalone-x86_64.a",
}


def need_library(compiler: str, name: str) -> None:
    """Skip the running test when the compiler comes without this library."""
    found = run([compiler, f"-print-file-name={name}"]).stdout.decode().strip()
    if not os.path.isabs(found):
        skips.skip(skips.Reason.NO_FILE, name)


def findings(report: bytes) -> list[bytes]:
    """What a report comes to: the lines that are the same in each run."""
    lines = [line for line in report.splitlines() if re.search(rb"SUMMARY|runtime error", line)]
    return [re.sub(rb"\+?0x[0-9a-f]+", b"ADDRESS", line) for line in lines]


@pytest.mark.parametrize("with_finding", [False, True], ids=["clean", "finding"])
@pytest.mark.parametrize(("compiler", "kind"), LIBRARIES)
def test_sanitized_program_is_recorded(
    compiler: str,
    kind: str,
    with_finding: bool,
    reenact: Reenact,
    guests: GuestBuild,
    keeper: Keeper,
) -> None:
    """It starts, finds what it finds natively, and replays with its report."""
    skips.need_program(compiler)
    need_library(compiler, LIBRARIES[compiler, kind])
    flags = ("-g", "-O1", "-pthread", f"-fsanitize={kind}")
    program = guests.build("sanitized.c", f"sanitized_{compiler}_{kind}", flags, compiler)
    command = [str(program), *([kind] if with_finding else [])]
    native = run(command)
    assert bool(findings(native.stderr)) == with_finding, native.describe()
    recorded = reenact.record(command, keeper.trace())
    assert (recorded.status, recorded.stdout) == (native.status, native.stdout), recorded.describe()
    assert findings(recorded.stderr) == findings(native.stderr), recorded.describe()
    check_exact(reenact, keeper.trace(), recorded)


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_leaks_are_found_beside_threads(
    compiler: str, reenact: Reenact, guests: GuestBuild, keeper: Keeper
) -> None:
    """Threads that wait and one that computes are stopped and looked at, and the leak is told."""
    skips.need_program(compiler)
    need_library(compiler, LIBRARIES[compiler, "address"])
    flags = ("-g", "-O1", "-pthread", "-fsanitize=address")
    program = str(guests.build("leaks_beside_threads.c", f"leaks_{compiler}", flags, compiler))
    native = run([program])
    assert findings(native.stderr), native.describe()
    recorded = reenact.record([program], keeper.trace())
    assert (recorded.status, recorded.stdout) == (native.status, native.stdout), recorded.describe()
    assert findings(recorded.stderr) == findings(native.stderr), recorded.describe()
    check_exact(reenact, keeper.trace(), recorded)
