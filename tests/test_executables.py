"""Files that the kernel does not simply load: with capabilities, or for an interpreter."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import skips
from ordinary_user import session
from recorded_run import Keeper, Reenact

RULES = Path("/proc/sys/fs/binfmt_misc")
#: Permitted and effective CAP_NET_RAW: `struct vfs_cap_data`, revision 2.
CAPABILITIES = struct.pack("<IIIII", 0x02000001, 1 << 13, 0, 0, 0)


def test_file_capabilities(reenact: Reenact) -> None:
    """The kernel would give them to the recorder: refused by name, or left to go on unrecorded."""
    if os.getuid() != 0:
        skips.skip(skips.Reason.NOT_ROOT)
    with session(reenact) as user:
        program = user.folder / "capable"
        shutil.copy(shutil.which("true"), program)
        try:
            os.setxattr(program, "security.capability", CAPABILITIES)
        except OSError as error:
            skips.skip(skips.Reason.NOT_ALLOWED, str(error.strerror))
        refused = user.reenact.run("record", str(program), directory=user.folder)
        assert refused.status == 125, refused.describe()
        assert b"file capabilities" in refused.stderr
        trace = user.folder / "trace"
        script = ["sh", "-c", f"{program} && echo it ran"]
        recorded = user.reenact.run(
            "record", "-o", str(trace), "--", *script, directory=user.folder
        )
        assert (recorded.status, recorded.stdout) == (0, b"it ran\n"), recorded.describe()
        assert b"capable has file capabilities; it goes on unrecorded" in recorded.stderr
        assert user.reenact.verify(trace)["divergences"] == []


def test_valgrind_goes_on_unrecorded(reenact: Reenact, keeper: Keeper) -> None:
    """It would take the recorder's breakpoints for its program's; so it is named."""
    valgrind = skips.need_program("valgrind")
    script = ["sh", "-c", f"echo before; {valgrind} -q --error-exitcode=9 true; echo $?"]
    recorded = reenact.run("record", "-o", str(keeper.trace()), "--", *script)
    assert (recorded.status, recorded.stdout) == (0, b"before\n0\n"), recorded.describe()
    told = b"translates the code of other programs (valgrind); it goes on unrecorded"
    assert told in recorded.stderr, recorded.describe()
    assert reenact.verify(keeper.trace())["divergences"] == []


def test_valgrind_is_refused_behind_a_filter(reenact: Reenact, keeper: Keeper) -> None:
    """It could not leave the filter, which catches its calls, too."""
    valgrind = skips.need_program("valgrind")
    script = ["sh", "-c", f"{valgrind} -q true 2>/dev/null; echo $?"]
    recorded = reenact.by("seccomp").run("record", "-o", str(keeper.trace()), "--", *script)
    assert (recorded.status, recorded.stdout) == (0, b"1\n"), recorded.describe()
    told = b"(valgrind), and system calls are caught by a filter"
    assert told in recorded.stderr, recorded.describe()
    assert b"the program was told EACCES" in recorded.stderr, recorded.describe()
    assert reenact.verify(keeper.trace())["divergences"] == []


def test_rights_given_up(reenact: Reenact, keeper: Keeper) -> None:
    """A server that root starts as another user may not write to root's trace."""
    if os.getuid() != 0:
        skips.skip(skips.Reason.NOT_ROOT)
    skips.need_program("setpriv")
    trace = keeper.trace()
    become = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
    done = reenact.run("record", "-o", str(trace), "--", *become, "/usr/bin/env", "ls", "/")
    assert done.status == 0, done.describe()
    assert b"could not be kept" not in done.stderr
    files = [json.loads(line) for line in (trace / "files.jsonl").read_text().splitlines()]
    assert any(file["path"].endswith("/ls") for file in files)
    assert [file for file in files if "error" in file] == []
    assert reenact.verify(trace)["divergences"] == []


@contextlib.contextmanager
def rule(extension: str, interpreter: str) -> Iterator[None]:
    """Files with this extension are run by an interpreter."""
    name = f"reenact-test-{os.getpid()}"
    mounted = not (RULES / "register").exists()
    if mounted:
        command = ["mount", "-t", "binfmt_misc", "none", str(RULES)]
        if os.getuid() != 0 or subprocess.run(command, check=False, capture_output=True).returncode:
            skips.skip(skips.Reason.NOT_ALLOWED, "binfmt_misc is not mounted")
    try:
        (RULES / "register").write_text(f":{name}:E::{extension}::{interpreter}:")
    except OSError as error:
        skips.skip(skips.Reason.NOT_ALLOWED, f"binfmt_misc: {error.strerror}")
    try:
        yield
    finally:
        (RULES / name).write_text("-1")
        if mounted:
            subprocess.run(["umount", str(RULES)], check=True)


@pytest.fixture
def interpreted(tmp_path: Path) -> Iterator[Path]:
    """A file that the kernel hands to `cat`."""
    extension = f"reenact{os.getpid()}"
    file = tmp_path / f"file.{extension}"
    file.write_text("no program\n")
    file.chmod(0o755)
    with rule(extension, shutil.which("cat")):
        yield file


def test_interpreters_of_binfmt_misc(reenact: Reenact, interpreted: Path, tmp_path: Path) -> None:
    """Refused by name at the start; inside a recording the kernel runs it, unrecorded."""
    refused = reenact.run("record", str(interpreted))
    assert refused.status == 125, refused.describe()
    assert b"through binfmt_misc" in refused.stderr
    trace = tmp_path / "trace"
    code = "import os, sys; os.execv(sys.argv[1], sys.argv[1:])"
    command = ["/usr/bin/python3", "-c", code, str(interpreted)]
    recorded = reenact.run("record", "-o", str(trace), "--", *command)
    assert (recorded.status, recorded.stdout) == (0, b"no program\n"), recorded.describe()
    assert b"is run by an interpreter of binfmt_misc; it goes on unrecorded" in recorded.stderr
    assert reenact.verify(trace)["divergences"] == []


def test_what_is_no_program_is_the_kernels_error(reenact: Reenact, tmp_path: Path) -> None:
    """A shell then reads it itself."""
    file = tmp_path / "script"
    file.write_text("echo from a shell\n")
    file.chmod(0o755)
    recorded = reenact.record(["sh", "-c", str(file)], tmp_path / "trace")
    assert (recorded.status, recorded.stdout) == (0, b"from a shell\n"), recorded.describe()
    assert reenact.verify(tmp_path / "trace")["divergences"] == []
