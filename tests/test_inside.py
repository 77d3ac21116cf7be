"""Programs that record themselves: from Python, and by the C library from C, C++, Rust and Go."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import skips
from recorded_run import Ending, Reenact, run

import reenact as package

EXAMPLES = Path(__file__).resolve().parent.parent / "docs" / "inside"
WORK = """
import hashlib, os, sys, threading
import reenact
from reenact import recorder
def work():
    found = {}
    def one(number):
        digest = hashlib.sha256()
        for step in range(500):
            digest.update(str(number * step).encode()); os.stat("/")
        found[number] = digest.hexdigest()
    threads = [threading.Thread(target=one, args=(number,)) for number in range(3)]
    [thread.start() for thread in threads]; [thread.join() for thread in threads]
    return sorted(found.items())
def refused(call, *words, **options):
    try:
        call(*words, **options)
    except reenact.RecordingError as error:
        print(f"{error.message}; {error.hint}", flush=True)
    else:
        print("not refused", flush=True)
"""


@pytest.fixture
def place(reenact: Reenact, tmp_path: Path) -> Reenact:
    """The command, with a place for sockets and traces of its own, and first in PATH."""
    (tmp_path / "run").mkdir(mode=0o700)
    variables = {
        "XDG_RUNTIME_DIR": str(tmp_path / "run"),
        "REENACT_TRACE_DIR": str(tmp_path / "home"),
        "PATH": f"{Path(reenact.command[0]).parent}:{os.environ['PATH']}",
    }
    return Reenact(reenact.command, {**reenact.variables, **variables})


def python(place: Reenact, folder: Path, text: str, *words: str) -> Ending:
    """How a script that records itself ends."""
    script = folder / "app.py"
    script.write_text(WORK + text)
    return run([sys.executable, str(script), *words], directory=folder, variables=place.variables)


def verified(place: Reenact, trace: Path | str) -> dict:
    """What verify says of a trace, in both engines."""
    answers = {}
    for options in ([], ["--translated"]):
        ending = place.run("verify", "--json", *options, str(trace))
        assert ending.status == 0, ending.describe()
        answers = json.loads(ending.stdout)
        assert (answers["divergences"], answers["native_failure"]) == ([], None), answers
    return answers


def settled(trace: Path) -> Path:
    """A trace of a program that has ended: whoever records it writes it behind that."""
    end = time.monotonic() + 60
    while not _is_finished(trace):
        assert time.monotonic() < end, f"{trace} does not come"
        time.sleep(0.05)
    return trace


def _is_finished(trace: Path) -> bool:
    try:
        return "wait_status" in json.loads((trace / "manifest.json").read_text())
    except (OSError, ValueError):
        return False


def test_a_part_of_a_python_program(place: Reenact, tmp_path: Path) -> None:
    """Its threads compute what they compute natively, and `wait` meets no child of ours."""
    ending = python(
        place, tmp_path,
        """
plain = work()
assert not recorder.is_recording()
recorder.start("trace")
assert recorder.is_recording()
try:
    os.wait()
except ChildProcessError:
    print("no child")
assert work() == plain
refused(recorder.start)
refused(recorder.save)
print(recorder.stop())
assert not recorder.is_recording()
assert work() == plain
refused(recorder.stop)
""",
    )  # fmt: skip
    assert ending.status == 0, ending.describe()
    lines = ending.stdout.decode().splitlines()
    assert lines == [
        "no child",
        "this process is recorded already; stop that recording first",
        "only a recording in a ring can be saved while it runs: all of this one is in its trace; "
        "start it with a size of the ring, or stop it",
        str(tmp_path / "trace"),
        "this process has not started a recording; call reenact.recorder.start first",
    ]
    verified(place, tmp_path / "trace")
    assert package.open(tmp_path / "trace").processes[0].start == "attached"


def test_a_program_with_a_thousand_mappings(place: Reenact, tmp_path: Path) -> None:
    """The clock's functions are the vDSO's, which is the last but a few of them."""
    ending = python(
        place, tmp_path,
        """
import mmap, time
kept = [mmap.mmap(-1, 4096, prot=1 + 2 * (number % 2), flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        for number in range(1000)]
assert len(open("/proc/self/maps").readlines()) > 900
recorder.start("trace")
times = [time.monotonic() for _ in range(5)]
recorder.stop()
""",
    )  # fmt: skip
    assert ending.status == 0, ending.describe()
    verified(place, tmp_path / "trace")
    clocks = [
        event
        for event in package.open(tmp_path / "trace").events()
        if "clock_gettime" in str(event)
    ]
    assert len(clocks) >= 5


def test_again_and_again(place: Reenact, tmp_path: Path) -> None:
    """Nothing of a recording is left in the program when it is stopped."""
    ending = python(
        place, tmp_path,
        """
plain = work()
for number in range(3):
    with reenact.recording(f"trace{number}", ring=8 << 20, save_on="always") as kept:
        assert work() == plain
    print(kept.trace)
    assert work() == plain
    assert "memfd" not in open("/proc/self/maps").read()
""",
    )  # fmt: skip
    traces = [tmp_path / f"trace{number}" for number in range(3)]
    assert ending.stdout.decode().split() == [str(trace) for trace in traces], ending.describe()
    for trace in traces:
        verified(place, trace)


def test_a_ring_is_saved_from_inside(place: Reenact, tmp_path: Path) -> None:
    ending = python(
        place, tmp_path,
        """
recorder.start(ring=8 << 20)
os.mkdir("elsewhere"); os.chdir("elsewhere")
for number in range(3):
    work()
    print(recorder.save(f"saved{number}"), flush=True)
refused(recorder.save, "saved0")
refused(recorder.save_on, "sometimes")
print(os.path.basename(recorder.save()), recorder.stop())
""",
    )  # fmt: skip
    assert ending.status == 0, ending.describe()
    *saved, again, unknown, last = ending.stdout.decode().splitlines()
    assert saved == [str(tmp_path / "elsewhere" / f"saved{number}") for number in range(3)]
    assert "saved0 exists and is not empty" in again
    assert "no moment to save a ring" in unknown
    default, stopped = last.split()
    assert stopped == "None"
    events = [verified(place, trace)["events"] for trace in [*saved, tmp_path / "home" / default]]
    assert events == sorted(events)


@pytest.mark.parametrize(
    ("end", "is_kept"), [("os.abort()", True), ("sys.exit(3)", True), ("sys.exit(0)", False)]
)
def test_the_end_of_a_program(place: Reenact, tmp_path: Path, end: str, is_kept: bool) -> None:
    ending = python(place, tmp_path, f"recorder.start('trace', ring=8 << 20); work(); {end}")
    # Who reads standard error waits for whoever records, too.
    assert (b"the recording is in" in ending.stderr) == is_kept, ending.describe()
    assert (tmp_path / "trace").exists() == is_kept
    if is_kept:
        verified(place, settled(tmp_path / "trace"))


def test_a_program_chooses_its_end_later(place: Reenact, tmp_path: Path) -> None:
    for moment, is_kept in (("always", True), ("never", False)):
        text = f"recorder.start({moment!r}, ring=8 << 20, save_on='error')\n"
        text += f"work(); recorder.save_on({moment!r}); sys.exit({0 if is_kept else 1})"
        python(place, tmp_path, text)
        assert (tmp_path / moment).exists() == is_kept
    verified(place, settled(tmp_path / "always"))


@pytest.mark.parametrize(
    ("leaves", "options", "is_kept"),
    [
        ("raise ValueError(4)", "", True),
        ("sys.exit(2)", "", True),
        ("sys.exit()", "", False),
        ("pass", "", False),
        ("pass", ", save_on='always'", True),
        ("raise ValueError(4)", ", save_on='never'", False),
        ("recorder.stop()", "", False),
    ],
)
def test_a_block(place: Reenact, tmp_path: Path, leaves: str, options: str, is_kept: bool) -> None:
    ending = python(
        place, tmp_path,
        f"""
try:
    with reenact.recording('trace', ring=8 << 20{options}) as kept:
        work()
        {leaves}
except (ValueError, SystemExit) as error:
    pass
print(kept.trace)
""",
    )  # fmt: skip
    assert ending.status == 0, ending.describe()
    assert ending.stdout.decode().strip() == (str(tmp_path / "trace") if is_kept else "None")
    assert (tmp_path / "trace").exists() == is_kept
    if is_kept:
        verified(place, tmp_path / "trace")


def test_children_are_recorded_but_have_started_nothing(place: Reenact, tmp_path: Path) -> None:
    ending = python(
        place, tmp_path,
        """
import subprocess
recorder.start("trace")
child = os.fork()
if child == 0:
    print("child", recorder.is_recording(), flush=True)
    os._exit(3)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
print(subprocess.run(["sh", "-c", "echo run; exit 4"]).returncode)
recorder.stop()
""",
    )  # fmt: skip
    assert ending.stdout == b"child False\n3\nrun\n4\n", ending.describe()
    assert verified(place, tmp_path / "trace")["processes"] == 3


def test_a_ring_from_outside_is_saved_from_inside(place: Reenact, tmp_path: Path) -> None:
    script = tmp_path / "app.py"
    script.write_text(WORK + "work(); print(recorder.save('saved')); recorder.save_on('always')")
    words = ["record", "-q", "--ring", "8M", "-o", "trace", "--", sys.executable, str(script)]
    ending = place.run(*words, directory=tmp_path)
    assert ending.stdout.decode().strip() == str(tmp_path / "saved"), ending.describe()
    for trace in ("saved", "trace"):
        verified(place, tmp_path / trace)


def test_what_cannot_be(place: Reenact, tmp_path: Path) -> None:
    """One sentence each, and the program goes on."""
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    ending = python(
        place, tmp_path,
        """
refused(recorder.start, "full")
refused(recorder.start, ring=1 << 50)
refused(recorder.start, ring=1 << 20, save_on="sometimes")
refused(recorder.save, "x")
import multiprocessing, mmap
shared = mmap.mmap(-1, 4096)
if os.fork() == 0:
    signal = __import__("signal"); signal.pause()
refused(recorder.start)
os.kill(0, 9)
""",
    )  # fmt: skip
    lines = ending.stdout.decode().splitlines()
    assert "full exists and is not empty" in lines[0], ending.describe()
    assert "more than half of this machine's memory" in lines[1]
    assert "which is no moment to save a ring" in lines[2]
    assert "is not recorded in a ring" in lines[3]
    assert "mapped in common with others" in lines[4]
    assert "not refused" not in lines


def test_a_script_is_recorded_by_the_module(place: Reenact, tmp_path: Path) -> None:
    script = tmp_path / "app.py"
    script.write_text("import sys; print(sys.argv[1:]); sys.exit(5)")
    for words in ([str(script)], ["-m", "app"]):
        command = [sys.executable, "-m", "reenact", *words, "one", "two"]
        ending = run(command, directory=tmp_path, variables=place.variables)
        assert ending.status == 5, ending.describe()
        assert ending.stdout == b"['one', 'two']\n"
        assert b"recorded" in ending.stderr
    assert len(list((tmp_path / "home").glob("python*-*"))) == 2


def compiled(folder: Path, name: str) -> Path:
    """An example of the documentation, with the C library in it."""
    library = Path(package.c_library())
    program = folder / name.replace(".", "-")
    compiler = skips.need_program("g++" if name.endswith(".cc") else "gcc")
    flags = ["-g", "-O1", "-Wall", "-Wextra", "-Werror", "-pthread", "-I", str(library)]
    ours = ["-c", library / "reenact.c", "-o", folder / "reenact.o"]
    subprocess.run([skips.need_program("gcc"), "-std=c99", *flags, *ours], check=True, timeout=120)
    if name.endswith(".rs"):
        words = [skips.need_program("rustc"), "-g", "-C", f"link-arg={folder / 'reenact.o'}"]
    else:
        words = [compiler, *flags, folder / "reenact.o"]
    subprocess.run([*words, EXAMPLES / name, "-o", program], check=True, timeout=300)
    return program


def test_c_saves_and_crashes(place: Reenact, tmp_path: Path) -> None:
    program = compiled(tmp_path, "server.c")
    ending = run([str(program)], directory=tmp_path, variables=place.variables)
    assert (ending.status, ending.stderr) == (0, b""), ending.describe()
    odd, done = ending.stdout.decode().splitlines()
    assert done == "done"
    verified(place, odd.split(": ")[1])
    ending = run([str(program), "crash"], directory=tmp_path, variables=place.variables)
    assert ending.status == -signal.SIGABRT, ending.describe()
    trace = ending.stderr.decode().split("the recording is in ")[1].split(" (")[0]
    verified(place, settled(Path(trace)))
    assert package.open(trace).processes[0].signal == signal.SIGABRT


def test_cpp_records_a_block(place: Reenact, tmp_path: Path) -> None:
    program = compiled(tmp_path, "server.cc")
    words = [str(program), "trace"]
    ending = run(words, directory=tmp_path, variables=place.variables)
    expected = f"recorded: {tmp_path / 'trace'}\n500500\n"
    assert ending.stdout.decode() == expected, ending.describe()
    verified(place, tmp_path / "trace")
    # The same place again.
    ending = run(words, directory=tmp_path, variables=place.variables)
    assert b"trace exists and is not empty; choose another place" in ending.stderr


def test_rust_records_threads(place: Reenact, tmp_path: Path) -> None:
    program = compiled(tmp_path, "server.rs")
    ending = run([str(program), "trace"], directory=tmp_path, variables=place.variables)
    assert ending.status == 0, ending.describe()
    verified(place, tmp_path / "trace")


def test_go_records_goroutines(place: Reenact, tmp_path: Path) -> None:
    go = skips.need_program("go")
    folder = tmp_path / "server"
    folder.mkdir()
    for source in Path(package.c_library()).glob("reenact.*"):
        shutil.copy(source, folder)
    shutil.copy(EXAMPLES / "server.go", folder)
    (folder / "go.mod").write_text("module server\n\ngo 1.19\n")
    variables = {"CGO_ENABLED": "1", "GOFLAGS": "-mod=mod", "GOCACHE": str(tmp_path / "go")}
    subprocess.run(
        [go, "build", "-o", "server", "."], cwd=folder, check=True, timeout=600,
        env={**os.environ, **variables},
    )  # fmt: skip
    ending = run([str(folder / "server"), "trace"], directory=tmp_path, variables=place.variables)
    assert ending.status == 0, ending.describe()
    sums = range(3)
    for step in range(1000):
        sums = [number * 31 % 1000003 + step for number in sums]
    assert ending.stdout.decode() == f"{sum(sums)}\n"
    verified(place, tmp_path / "trace")


def test_a_machine_without_the_command(place: Reenact, tmp_path: Path) -> None:
    """The program goes on."""
    program = compiled(tmp_path, "server.c")
    variables = {**place.variables, "PATH": "/nowhere"}
    ending = run([str(program)], directory=tmp_path, variables=variables)
    assert ending.stdout == b"done\n", ending.describe()
    assert ending.stderr == (
        b"not recorded: there is no command reenact on this machine; install it, or put its "
        b"directory into PATH\n"
    )
