"""Real programs that trace others by ptrace, recorded together with what they trace."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import skips
from guest_build import GuestBuild
from recorded_run import Keeper, Reenact, check_exact, run

#: Breakpoints, steps, a variable that is watched and one that is changed.
SESSION = """
set width 0
set can-use-hw-watchpoints 0
break add
run >/dev/null
info args
backtrace
finish
next
stepi
stepi
print add
print total
continue
info threads
delete
watch total
continue
continue
delete
set var total = 3
continue
"""

#: What the processor's breakpoint registers are for.
WATCHES = """
set width 0
break main
run >/dev/null
watch total
continue
continue
backtrace
delete
rwatch total
continue
delete
awatch total
continue
continue
delete
hbreak add
continue
thbreak pthread_join
watch line[7]
continue
continue
delete
continue
"""

#: Calls and processes that it stops at.
CATCHES = """
set width 0
set confirm off
set can-use-hw-watchpoints 0
tbreak make
run >/dev/null
info args
catch syscall wait4
catch fork
catch vfork
catch exec
continue
continue
continue
continue
continue
"""

#: It goes with a child.
CHILD = """
set width 0
set confirm off
set can-use-hw-watchpoints 0
set follow-fork-mode child
catch fork
run >/dev/null
break in_child
continue
backtrace
continue
"""


@pytest.mark.parametrize("options", [["-f"], ["-f", "--seccomp-bpf"]], ids=" ".join)
def test_strace(options: list[str], reenact: Reenact, keeper: Keeper, tmp_path: Path) -> None:
    """It sees the calls of a shell and its children that it sees natively."""
    skips.need_program("strace")
    told = tmp_path / "calls"
    trace = ["strace", *options, "-e", "trace=execve,exit_group,write", "-o", str(told)]
    command = [*trace, "sh", "-c", "/bin/true; (echo two; exit 3); exit $?"]
    native = run(command)
    native_calls = _calls(told)
    recorded = reenact.record(command, keeper.trace())
    assert (recorded.status, recorded.stdout) == (native.status, native.stdout), recorded.describe()
    assert _calls(told) == native_calls
    check_exact(reenact, keeper.trace(), recorded)


def _calls(told: Path) -> list[str]:
    """The calls that it was told of, without numbers of processes, addresses and times."""
    lines = told.read_text(encoding="utf-8").splitlines()
    plain = (re.sub(r"0x[0-9a-f]+|^\d+ +|\d+ vars|[\d.]+", "N", line) for line in lines)
    return sorted(line for line in plain if "SIGCHLD" not in line)


@pytest.mark.parametrize(
    ("source", "session", "expected"),
    [
        ("debugged.c", SESSION, b"New value = 6"),
        ("debugged.c", WATCHES, b"Hardware access (read/write) watchpoint"),
        ("debugged_children.c", CATCHES, b"(returned from syscall wait4)"),
        ("debugged_children.c", CHILD, b"Breakpoint 2, in_child"),
    ],
    ids=["session", "watches", "catches", "child"],
)
def test_gdb(
    source: str,
    session: str,
    expected: bytes,
    guests: GuestBuild,
    reenact: Reenact,
    keeper: Keeper,
    tmp_path: Path,
) -> None:
    """A whole session with a recorded gdb says what it says natively."""
    skips.need_program("gdb")
    program = guests.build(source, source.removesuffix(".c"), ("-g", "-O0", "-pthread"))
    script = tmp_path / "session"
    script.write_text(session, encoding="utf-8")
    command = ["gdb", "-nx", "-batch", "-x", str(script), str(program)]
    native = run(command, timeout=120)
    recorded = reenact.record(command, keeper.trace(), timeout=400)
    assert _said(recorded.stdout) == _said(native.stdout), recorded.describe()
    assert expected in native.stdout, native.describe()
    check_exact(reenact, keeper.trace(), recorded)


def _said(output: bytes) -> list[bytes]:
    """Lines of gdb without numbers of processes and addresses on the stack.

    In which order it tells of ends of threads depends on how soon it looks.
    """
    numbers = rb"\(LWP \d+\)|process \d+|0x0*7ffff*[0-9a-f]+|buf=0x[0-9a-f]+"
    lines = [line for line in output.splitlines() if not line.startswith((b"[Thread 0x", b"[New "))]
    return [re.sub(numbers, b"N", line) for line in lines]


def test_ltrace(guests: GuestBuild, reenact: Reenact, keeper: Keeper, tmp_path: Path) -> None:
    """It stops at functions of libraries, and asks /proc whether the program has stopped."""
    skips.need_program("ltrace")
    program = guests.build("debugged_children.c", "ltraced", ("-O0", "-no-pie", "-Wl,-z,lazy"))
    told = tmp_path / "told"
    # Calls during which no child ends: where its signal comes shows.
    command = ["ltrace", "-e", "printf", "-o", str(told), str(program)]
    native = run(command)
    native_told = _calls(told)
    recorded = reenact.record(command, keeper.trace())
    assert (recorded.status, recorded.stdout) == (native.status, native.stdout), recorded.describe()
    assert any("printf" in line for line in native_told)
    assert _calls(told) == native_told
    check_exact(reenact, keeper.trace(), recorded)


def test_gdb_after_a_crash(guests: GuestBuild, reenact: Reenact, keeper: Keeper) -> None:
    """The recorded gdb shows where a program has died."""
    skips.need_program("gdb")
    program = guests.build("fault_die.c", "debugged_crash", ("-g", "-O0"))
    commands = [part for text in ("run segv >/dev/null", "bt") for part in ("-ex", text)]
    command = ["gdb", "-nx", "-batch", *commands, str(program)]
    native = run(command, timeout=120)
    recorded = reenact.record(command, keeper.trace(), timeout=400)
    assert _said(recorded.stdout) == _said(native.stdout), recorded.describe()
    assert b"SIGSEGV" in native.stdout, native.describe()
    check_exact(reenact, keeper.trace(), recorded)


#: A program waits for its input; a tracer attaches to it, looks at it and lets it go on.
ATTACH = """
mkfifo input; "$0" <input >output & exec 3>input
until grep -q "^0 0x0 " /proc/$!/syscall; do sleep 0.1; done
"$@" -p $! >told 2>/dev/null
echo >&3; wait $!; cat told output; rm input told output
"""


def test_gdb_attaches(guests: GuestBuild, reenact: Reenact, keeper: Keeper, tmp_path: Path) -> None:
    """The recorded gdb finds the program of a process that it attaches to, and changes it."""
    skips.need_program("gdb")
    program = guests.build("attached.c", "attached", ("-g", "-O0"))
    steps = ("backtrace -2", "set var word = 9", "print word", "detach")
    gdb = ["gdb", "-nx", "-batch", *(part for step in steps for part in ("-ex", step))]
    command = ["sh", "-c", ATTACH, str(program), *gdb]
    native = run(command, timeout=120, directory=tmp_path)
    recorded = reenact.record(command, keeper.trace(), timeout=400, directory=tmp_path)
    assert _without_places(recorded.stdout) == _without_places(native.stdout), recorded.describe()
    assert b"wait_for (number=1)" in native.stdout, native.describe()
    assert b"waited 11" in native.stdout, native.describe()
    check_exact(reenact, keeper.trace(), recorded)


#: The same with one that stays until the program has ended.
ATTACH_AND_STAY = """
mkfifo input; "$0" <input >output & program=$!; exec 3>input
until grep -q "^0 0x0 " /proc/$program/syscall; do sleep 0.1; done
"$@" -o told -p $program 2>/dev/null & tracer=$!
until grep -q "^TracerPid:.[1-9]" /proc/$program/status; do sleep 0.1; done
echo >&3; wait $program; wait $tracer; cat told output; rm input told output
"""


def test_strace_attaches(
    guests: GuestBuild, reenact: Reenact, keeper: Keeper, tmp_path: Path
) -> None:
    """It sees the last calls of a program to which it has attached."""
    skips.need_program("strace")
    program = guests.build("attached.c", "attached", ("-g", "-O0"))
    strace = ["strace", "-f", "-e", "trace=write,exit_group"]
    command = ["sh", "-c", ATTACH_AND_STAY, str(program), *strace]
    native = run(command, timeout=60, directory=tmp_path)
    recorded = reenact.record(command, keeper.trace(), timeout=200, directory=tmp_path)
    numbers = rb"(?m)^\d+ "
    assert re.sub(numbers, b"", recorded.stdout) == re.sub(numbers, b"", native.stdout)
    assert b'write(1, "waited 9' in native.stdout, native.describe()
    check_exact(reenact, keeper.trace(), recorded)


def _without_places(output: bytes) -> list[bytes]:
    """Lines of gdb without the addresses, which the kernel chooses."""
    return [re.sub(rb"0x[0-9a-f]+", b"N", line) for line in _said(output)]
