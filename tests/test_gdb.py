"""gdb on recordings, forwards and backwards."""

from __future__ import annotations

import os
import re
import socket
import subprocess
from pathlib import Path

import pytest
from debugger_session import built, debug, is_at_an_end, line_of, need_gdb, record

import reenact as package


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program walk.c."""
    return built("walk.c", tmp_path_factory.mktemp("walk"))


@pytest.fixture(scope="module")
def trace(reenact, walk: Path) -> Path:
    """A run of it that ends well."""
    return record(reenact, walk.parent / "trace", walk)


@pytest.fixture(scope="module")
def crash(reenact, walk: Path) -> Path:
    """A run of it that crashes."""
    return record(reenact, walk.parent / "crash", walk, "crash")


def line(mark: str) -> int:
    return line_of("walk.c", mark)


def test_starts_at_the_first_instruction(reenact, trace: Path) -> None:
    said = debug(reenact, trace, "when", "print $pc", "info threads", "reverse-stepi")
    assert said.position(0) == "0:2"
    assert "_start" in said[1]
    assert "runs here" in said[2]
    assert is_at_an_end(said[3])


def test_it_opens_with_one_line(reenact, trace: Path) -> None:
    gdb = need_gdb()
    done = subprocess.run(
        [*reenact.command, "replay", str(trace), "--gdb", gdb, "--", "-nx", "-batch"],
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    first, *more = (done.stdout + done.stderr).splitlines()
    assert "_start" in first
    # gdb itself says at its end that it leaves the process.
    assert [line for line in more if line and "detached" not in line] == []


def test_symbols_follow_to_another_program(reenact, tmp_path: Path) -> None:
    tree = record(reenact, tmp_path / "trace", "env", "sh", "-c", "exit 3")
    said = debug(
        reenact, tree, "goto end", "info symbol $pc", "goto start", "info symbol $pc", "goto end",
        "info symbol $pc", "info sharedlibrary",
    )  # fmt: skip
    assert "_start in section" in said[3]
    assert said[1] == said[5] != said[3]
    assert "exit" in said[1]
    assert "libc.so.6" in said[6]


def test_breakpoints_and_backtrace(reenact, trace: Path) -> None:
    said = debug(reenact, trace, "break square", "continue", "backtrace", "print value", "finish")
    assert "Breakpoint 1, square (value=" in said[1]
    assert f"walk.c:{line('second write')}" in said[2]
    assert said.number(3) == 45 + 499500 + 10
    assert "Value returned is" in said[4]


def test_conditions_hold_back(reenact, trace: Path) -> None:
    said = debug(reenact, trace, f"break walk.c:{line('add one')} if i == 7", "continue", "print i")
    assert said.number(2) == 7


def test_reverse_continue_to_a_breakpoint(reenact, trace: Path) -> None:
    said = debug(
        reenact, trace, "break square", "continue", "when", "next", "next", "reverse-continue",
        "when", "print value",
    )  # fmt: skip
    assert "square (value=" in said[5]
    assert said.position(2) == said.position(6)
    assert said.number(7) == 45 + 499500 + 10


def test_watchpoints_both_ways(reenact, trace: Path) -> None:
    said = debug(
        reenact, trace, "break main", "continue", "watch record.number", "continue", "continue",
        "reverse-continue", "print record.number", "reverse-continue", "print record.number",
        "continue", "print record.number",
    )  # fmt: skip
    assert "Old value = 0\nNew value = 5" in said[3]
    assert "Old value = 5" in said[4]
    assert "New value = 5" in said[5]
    assert said.number(6) == 5
    assert "New value = 0" in said[7]
    assert said.number(8) == 0
    assert "New value = 5" in said[9]
    assert said.number(10) == 5


def test_reads_are_watched(reenact, trace: Path) -> None:
    said = debug(reenact, trace, "rwatch ratio", "awatch record.number", "continue", "continue")
    assert "record.number" in said[2]
    assert "record.number" in said[3]


def test_reverse_stepi_undoes_stepi(reenact, trace: Path) -> None:
    said = debug(
        reenact, trace, "break add", "continue", "info registers", "stepi 20", "reverse-stepi 20",
        "info registers",
    )  # fmt: skip
    assert said[2] == said[5]


def test_reverse_step_and_next(reenact, trace: Path) -> None:
    # The assignment has an entry of its own in the line table, and gdb before version 14 stops
    # there first; later ones are in the function at once, and stay in it for the second step.
    said = debug(
        reenact, trace, f"break {line('second write')}", "continue", "reverse-next",
        "info line *$pc", "next", "next", "reverse-step", "reverse-step", "bt 1", "print value",
    )  # fmt: skip
    assert f"Line {line('kills')}" in said[3]
    assert "square (value=" in said[8]
    assert said.number(9) == 45 + 499500 + 10


def test_reverse_step_enters_the_function_before(reenact, trace: Path) -> None:
    said = debug(
        reenact, trace, f"tbreak {line('first write')}", "continue", "reverse-step",
        "print counter", "up", "info line *$pc",
    )  # fmt: skip
    assert "add (times=10)" in said[2]
    assert said.number(3) == 45
    assert "main (" in said[4]
    assert f"Line {line('first write')}" in said[5]


def test_reverse_next_passes_over_the_function_before(reenact, trace: Path) -> None:
    said = debug(
        reenact, trace, f"tbreak {line('first write')}", "continue", "reverse-next",
        "info line *$pc", "print counter", "bt 1",
    )  # fmt: skip
    assert f"Line {line('first add')}" in said[3]
    assert said.number(4) == 0
    assert "main (" in said[5]


def test_reverse_finish_goes_to_the_call(reenact, trace: Path) -> None:
    said = debug(reenact, trace, "break square", "continue", "next", "reverse-finish", "bt")
    assert "main (" in said[4]
    assert str(line("second write")) in said[4]


def test_both_ends_of_history(reenact, trace: Path) -> None:
    said = debug(reenact, trace, "continue", "when", "reverse-continue", "when", "continue", "when")
    assert is_at_an_end(said[0])
    assert is_at_an_end(said[2])
    assert said.position(3) == "0:2"
    assert said.position(1) == said.position(5)


def test_goto_and_when(reenact, trace: Path) -> None:
    said = debug(
        reenact, trace, "break square", "continue", "when", "goto end", "when", "goto 50%", "when",
        "goto start", "when", "goto nowhere", "when",
    )  # fmt: skip
    there = said.position(2)
    assert said.position(3) == said.position(4)
    assert said.position(5) == said.position(6)
    assert said.position(8) == "0:2"
    assert "nowhere" in said[9]
    assert "Traceback" not in said.everything
    assert said.position(10) == "0:2"
    again = debug(reenact, trace, f"goto {there}", "print value", "bt 1", "elapsed")
    assert again.number(1) == 45 + 499500 + 10
    assert "square" in again[2]
    assert float(again[3]) > 0


def test_last_write_of_an_expression(reenact, trace: Path) -> None:
    said = debug(
        reenact, trace, "break main", "continue", "goto end", "last record.number", "bt 1",
        "last record.number", "bt 1", "last record.number", "last 3 + 4",
    )  # fmt: skip
    assert str(line("second write")) in said[4]
    assert str(line("first write")) in said[6]
    assert said.position(3) != said.position(5)
    assert "this is computed: name something that is in memory" in said[8]


def test_calls_in_a_throw_away_branch(reenact, trace: Path) -> None:
    said = debug(
        reenact, trace, "break square", "continue", "when", "print square(12)", "print counter",
        "when", "set var counter = 1", "print counter", "stepi", "print counter",
    )  # fmt: skip
    assert said.number(3) == 144
    assert said.position(2) == said.position(5)
    assert said.number(7) == 1
    # History stays as it was.
    assert said.number(9) == said.number(4) == 45 + 499500 + 10


@pytest.fixture(scope="module")
def calls(reenact, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of the program calls.c."""
    folder = tmp_path_factory.mktemp("calls")
    return record(reenact, folder / "trace", built("calls.c", folder))


def test_calls_print_allocate_and_lock(reenact, calls: Path) -> None:
    said = debug(
        reenact, calls, "break last_of_main", "continue", "print dump(3)",
        "print allocate(10000000)", "print locked()", "print sum8(1,2,3,4,5,6,7,8)",
        "print now() > 1600000000", "print counter", "print count()", "stepi", "print counter",
    )  # fmt: skip
    assert said.number(2) == 4
    assert "x is 3" in said.everything
    assert "err 3" in said.everything
    # What the program had not written yet is not printed by a call.
    assert "buffered" not in said.everything
    assert said.number(3) == 10_000_000
    assert said.number(4) == 5
    assert said.number(5) == 36
    assert said.number(6) == 1
    assert said.number(7) == said.number(10) == 4
    assert said.number(8) == 5


def test_calls_with_floating_point_and_structures(reenact, calls: Path) -> None:
    said = debug(
        reenact, calls, "break last_of_main", "continue", "print half(3)", "print halff(3)",
        "print halfl(3)", "print make(1.5, 4)", "print makebig(7)", "print half(halff(8)) + 0.25",
    )  # fmt: skip
    assert "= 1.5" in said[2]
    assert "= 1.5" in said[3]
    assert "= 1.5" in said[4]
    assert "{a = 3, b = 8}" in said[5]
    assert "{7, 8, 9, 10, 11}" in said[6]
    assert "= 2.25" in said[7]


@pytest.mark.parametrize(
    ("call", "why", "signal"),
    [
        ("opens()", "it makes the system call openat", "SIGSYS"),
        ("ends()", "it makes the system call exit_group", "SIGSYS"),
        ("crashes(0)", "it gets SIGSEGV", "SIGSEGV"),
        ("waits()", "it waits for a lock that another thread holds", "SIGSYS"),
    ],
)
def test_what_calls_may_not_do_is_named(reenact, calls: Path, call: str, why: str, signal: str):
    said = debug(
        reenact, calls, "break last_of_main", "continue", f"print {call}", "print half(5)", "when",
    )  # fmt: skip
    assert why in said.everything
    assert signal in said[2]
    assert "SIGILL" not in said.everything
    assert "= 2.5" in said[3]


def test_signals_stop(reenact, trace: Path) -> None:
    words = ("handle SIGUSR1 stop print", "continue", "bt", "stepi", "bt", "continue")
    said = debug(reenact, trace, *words)
    assert "SIGUSR1" in said[1]
    assert "main" in said[2]
    assert "<signal handler called>" not in said[2]
    assert "handle" in said[4]
    assert "<signal handler called>" in said[4]
    assert is_at_an_end(said[5])
    quiet = debug(reenact, trace, "continue")
    assert is_at_an_end(quiet[0])


def test_through_a_long_jump(reenact, trace: Path) -> None:
    said = debug(
        reenact, trace, f"break {line('landed')}", "continue", "tbreak leap", "reverse-continue",
        "print value",
    )  # fmt: skip
    assert "leap (value=3)" in said[3]
    assert said.number(4) == 3


def test_back_over_a_long_jump(reenact, trace: Path) -> None:
    """By a breakpoint at the line that called setjmp, as the manual advises."""
    said = debug(
        reenact, trace, f"break {line('landed')}", "continue", "when",
        f"tbreak {line('setjmp(back)')}", "reverse-continue", "info line *$pc", "continue", "when",
    )  # fmt: skip
    assert "main (" in said[4]
    assert f"Line {line('setjmp(back)')}" in said[5]
    assert said.position(2) == said.position(7)


def test_a_crash_is_told_and_left_backwards(reenact, crash: Path) -> None:
    said = debug(
        reenact, crash, "continue", "info line *$pc", "continue", "tbreak square",
        "reverse-continue", "reverse-continue",
    )  # fmt: skip
    assert "SIGSEGV" in said[0]
    assert f"Line {line('crashes')}" in said[1]
    assert "SIGSEGV" in said[4]
    assert "square (value=" in said[5]


def test_caught_system_calls(reenact, trace: Path) -> None:
    said = debug(reenact, trace, "catch syscall write", "continue", "bt 2", "print $rax")
    assert "returned from syscall" in said[1]
    assert said.number(3) > 0


def test_run_is_back_to_the_start(reenact, trace: Path) -> None:
    said = debug(reenact, trace, "tbreak square", "continue", "tbreak main", "run", "print counter")
    assert "main" in said[3]
    assert said.number(4) == 0


def test_floating_point_and_vector_registers(reenact, trace: Path) -> None:
    said = debug(
        reenact, trace, "break printf", "continue", "print ratio", "print $xmm0.uint128",
        "print $mxcsr", "print $fctrl", "print $fs_base != 0", "print $ymm0",
    )  # fmt: skip
    assert "2.5" in said[2]
    assert said.number(5) == 0x37F
    assert said.number(6) == 1
    assert "v8_float" in said[7]


def test_options_for_the_place_to_begin(reenact, trace: Path) -> None:
    said = debug(reenact, trace, "when", "reverse-stepi", options=("--goto", "end"))
    assert said.position(0) != "0:2"


def test_a_process_begins_where_it_executes_its_program(reenact, tmp_path: Path) -> None:
    words = ("env", "sh", "-c", "(exec sleep 0); true")
    tree = record(reenact, tmp_path / "trace", *words)
    begun = debug(reenact, tree, "when", "print $pc", options=("-p", "sleep"))
    forked = debug(reenact, tree, "when", options=("-p", "sleep", "--from", "fork"))
    assert begun.position(0) != forked.position(0) == "1:0"
    assert "_start" in begun[1]


def test_another_process_at_the_same_moment(reenact, tmp_path: Path) -> None:
    tree = record(reenact, tmp_path / "trace", "sh", "-c", "printf 'a b' | tr a-z A-Z | cat")
    said = debug(
        reenact, tree, "info inferiors", "process tr", "when", "break write", "goto end",
        "reverse-continue", "stepi", "finish", "follow back", "checkpoint", "elapsed",
        "process 0", "when", "elapsed", "info inferiors", "restart 1", "process", "process 99",
        "inferior nothing", "when", "process cat end", "goto 0:50", "when",
    )  # fmt: skip
    assert re.search(r"^\* 0 .*^  1 .*cat", said[0], re.MULTILINE | re.DOTALL)
    assert re.search(r"process \d+ \(tr\) at ", said[1])
    number = said.position(2).partition(":")[0]
    assert "write" in said[5]
    assert f"Checkpoint 1 at {number}:" in said[9]
    assert said[11].startswith("process 0 (dash) at 0:")
    assert float(said[13]) <= float(said[10])
    assert re.search(r"^\* 0 ", said[14], re.MULTILINE)
    assert f"process {number} (tr) at" in said[15]
    assert said[16] == f"process {number} (tr) at {said.position(19)}"
    assert "no process 99" in said[17]
    assert "no process of the trace ran nothing" in said[18]
    assert "where it has ended" not in said[20]
    assert said.position(22) == "0:50"
    reader, _, _ = said[8].partition(": ")
    found = debug(reenact, tree, reader, "when", "follow")
    assert f"goto {number}:" in found[2]
    assert found.position(1) == reader.removeprefix("goto ")


def test_sources_travel_with_the_trace(reenact, tmp_path: Path) -> None:
    folder = tmp_path / "sources"
    (folder / "sub").mkdir(parents=True)
    (folder / "sub" / "part.h").write_text("static int part(int x) { return x * 3; }\n")
    (folder / "program.c").write_text(
        '#include "sub/part.h"\nint main(void) {\n    return part(2); // as it was\n}\n'
    )
    for options in (("-gdwarf-4",), ("-gdwarf-5",)):
        words = ["gcc", "-g", *options, "-o", tmp_path / "program", "program.c"]
        subprocess.run(words, check=True, cwd=folder)
        kept = record(reenact, tmp_path / f"kept{options[0]}", tmp_path / "program")
    bare = tmp_path / "bare"
    subprocess.run(
        [*reenact.command, "record", "-q", "--sources", "no", "-o", bare, tmp_path / "program"],
        check=False,
    )
    (folder / "program.c").write_text("// another one\n" * 5)
    (folder / "sub" / "part.h").unlink()
    for trace in (kept, tmp_path / "kept-gdwarf-4"):
        said = debug(reenact, trace, "break main", "continue", "list part", "step", "list 1,1")
        assert "as it was" in said[1]
        assert "return x * 3" in said[2]
    said = debug(reenact, bare, "break main", "continue", "info source")
    assert "as it was" not in said[1]
    assert package.open(kept).sources.text(str(folder / "sub" / "part.h")) is not None
    assert len(package.open(bare).sources) == 0


def test_a_source_newer_than_its_program_is_warned_of(reenact, tmp_path: Path) -> None:
    source = tmp_path / "program.c"
    source.write_text("int main(void) {\n    return 3;\n}\n")
    subprocess.run(["gcc", "-g", "-o", "program", "program.c"], check=True, cwd=tmp_path)
    later = source.stat().st_mtime + 100
    os.utime(source, (later, later))
    trace = record(reenact, tmp_path / "trace", tmp_path / "program")
    assert (
        "Source file is more recent than executable" in debug(reenact, trace, "list 1").everything
    )


def test_counts_of_steps_back(reenact, trace: Path) -> None:
    there = ("break square", "continue", "finish", "next", "next")
    once = debug(reenact, trace, *there, "back-next", "back-next", "when")
    twice = debug(reenact, trace, *there, "back-next 2", "when", "back-next x")
    assert once.position(7) == twice.position(6)
    assert "'x' is not a number" in twice[7]


def test_missing_gdb_is_told(reenact, trace: Path) -> None:
    done = subprocess.run(
        [*reenact.command, "replay", str(trace), "--gdb", "/nonexistent/gdb"],
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 125
    assert "is not installed" in done.stderr
    assert "hint" in done.stderr


@pytest.mark.parametrize(
    "option", [("-p", "7"), ("-p", "cat"), ("--goto", "0:999999"), ("--goto", "x")]
)
def test_places_that_are_not_there_are_refused(reenact, trace: Path, option) -> None:
    need_gdb()
    done = subprocess.run(
        [*reenact.command, "replay", str(trace), *option, "--", "-nx", "-batch"],
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 125
    assert "Traceback" not in done.stderr


def test_a_client_that_vanishes_and_another_one(reenact, trace: Path) -> None:
    gdb = need_gdb()
    server = subprocess.Popen(
        [*reenact.command, "replay", str(trace), "--server", "127.0.0.1:0"],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert server.stdout is not None
        address = server.stdout.readline().split()[-1]
        host, port = address.split(":")
        with socket.create_connection((host, int(port))) as client:
            client.sendall(b"$vCont;c")  # half a packet, and gone
        done = subprocess.run(
            [gdb, "-nx", "-batch", "-ex", "set tcp connect-timeout 60",
             "-ex", f"target remote {address}", "-ex", "print/x $pc", "-ex", "monitor when",
             "-ex", "monitor nonsense"],
            check=False, capture_output=True, text=True,
        )  # fmt: skip
        assert "0:2" in done.stdout + done.stderr
        assert "monitor nonsense: not known" in done.stdout + done.stderr
    finally:
        server.kill()
        server.wait()
        server.stdout.close()


def test_catch_vfork_in_both_directions(reenact, guests, tmp_path: Path) -> None:
    """It is told when the parent goes on: until then the child runs in its place."""
    program = guests.build("vfork.c", "vfork-g", ("-g", "-O0"))
    vfork = record(reenact, tmp_path / "trace", program)
    said = debug(
        reenact, vfork, "catch vfork", "continue", "backtrace", "when", "goto end",
        "reverse-continue", "when", "reverse-continue", "when", "continue", "when",
    )  # fmt: skip
    assert "(vforked process" in said[1]
    assert "main" in said[2]
    assert "(vforked process" in said[5]
    assert said.position(3) == said.position(6) == said.position(10)
    assert is_at_an_end(said[7])


def test_a_core_file_of_a_moment(reenact, trace: Path, walk: Path, tmp_path: Path) -> None:
    """gcore writes what any debugger opens, without a recording."""
    core = tmp_path / "core"
    debug(reenact, trace, "break square", "continue", f"gcore {core}")
    words = [need_gdb(), "-nx", "-batch", "-ex", "backtrace", "-ex", "print value", walk, core]
    done = subprocess.run(words, check=False, capture_output=True, text=True, timeout=300)
    assert "square (value=" in done.stdout, done.stdout + done.stderr
    assert f"= {45 + 499500 + 10}" in done.stdout
