"""32-bit programs, and calls by `int 0x80`, by either way in which the kernel catches calls."""

from __future__ import annotations

import contextlib
import subprocess
from pathlib import Path

import pytest
import skips
from guest_build import GuestBuild
from recorded_run import Keeper, Reenact, check_exact, run

MECHANISMS = ("dispatch", "seccomp")

#: It calls in both ways that 32-bit programs have, and makes a child that ends by a signal.
SOURCE = r"""
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>
int main(void) {
    int pid;
    __asm__ volatile("int $0x80" : "=a"(pid) : "0"(20));
    printf("32 bits: %d, %d\n", (int)sizeof(long) * 8, pid == getpid());
    fflush(stdout);
    if (fork() == 0) raise(SIGUSR1);
    int status;
    wait(&status);
    return 40 + (WTERMSIG(status) == SIGUSR1);
}
"""


@pytest.fixture(scope="module")
def program(tmp_path_factory) -> str:
    """A 32-bit program."""
    folder = tmp_path_factory.mktemp("programs")
    source, program = folder / "small.c", folder / "small"
    source.write_text(SOURCE)
    compiler = skips.need_program("gcc")
    built = subprocess.run([compiler, "-m32", "-w", "-o", program, source], check=False)
    if built.returncode:
        skips.skip(skips.Reason.NO_COMPILER, "for 32-bit programs")
    status = -1
    with contextlib.suppress(OSError):
        status = subprocess.run([program], check=False, capture_output=True).returncode
    if status != 41:
        skips.skip(skips.Reason.NOT_ALLOWED, "32-bit programs")
    return str(program)


@pytest.mark.parametrize("name", MECHANISMS)
def test_one_goes_on_unrecorded_and_the_others_are_recorded(
    name: str, program: str, reenact: Reenact, keeper: Keeper, tmp_path: Path
) -> None:
    """It is named, does what it does, and its parent sees its end."""
    script = f"echo before; {program}; echo $?; {program} | cat; exec {program}"
    native = run(["sh", "-c", script], directory=tmp_path)
    assert native.status == 41, native.describe()
    recording = reenact.by(name)
    recorded = recording.run(
        "record", "-o", str(keeper.trace()), "--", "sh", "-c", script, directory=tmp_path
    )
    assert recorded.status == 41, recorded.describe()
    assert recorded.stdout == native.stdout
    assert b"small is not a 64-bit x86-64 program; it goes on unrecorded" in recorded.stderr
    assert (b"64-bit programs that it executes die" in recorded.stderr) == (name == "seccomp")
    report = recording.verify(keeper.trace())
    assert report["divergences"] == [], report
    # The shell, and both sides of its pipe.
    assert report["processes"] == 3, report


@pytest.mark.parametrize("name", MECHANISMS)
def test_calls_by_int80_from_low_addresses_are_recorded(
    name: str, guests: GuestBuild, reenact: Reenact, keeper: Keeper
) -> None:
    """A program at fixed addresses calls from where 32-bit programs do."""
    flags = ("-O2", "-no-pie", "-fno-pie", "-static")
    built = str(guests.build("int80.c", "int80_low", flags))
    native = run([built])
    recorded = reenact.by(name).record([built], keeper.trace())
    assert recorded == native, recorded.describe()
    check_exact(reenact, keeper.trace(), recorded)


@pytest.mark.parametrize("name", MECHANISMS)
def test_a_call_with_other_structures_is_refused_by_name(
    name: str, guests: GuestBuild, reenact: Reenact, keeper: Keeper
) -> None:
    """The program is told ENOSYS, and everything else of it is recorded."""
    built = str(guests.build("int80_refused.c", "int80_refused"))
    recorded = reenact.by(name).run("record", "-o", str(keeper.trace()), "--", built)
    assert recorded.status == 0, recorded.describe()
    assert b"ENOSYS" in recorded.stdout
    assert b"call 195 of 32-bit programs (int 0x80) has structures" in recorded.stderr
    assert reenact.verify(keeper.trace())["divergences"] == []
