"""What is measured: each workload's command, its input, and the folder it runs in."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

import inputs

PROGRAMS = Path(__file__).resolve().parent / "programs"
KINDS = ("cpu", "calls", "processes", "start", "threads", "server", "landings")

LOOPS = """
def collatz(n):
    steps = 0
    while n != 1:
        n = n // 2 if n % 2 == 0 else 3 * n + 1
        steps += 1
    return steps
best = max(collatz(n) for n in range(1, {count}))
words = {{}}
for i in range({count} * 4):
    words[i % 977] = words.get(i % 977, 0) + i
text = "".join(chr(97 + i % 26) for i in range({count}))
print(best, sum(words.values()), text.count("abc"), sorted(text)[:3])
"""


@dataclass(frozen=True)
class Workload:
    """One row: `prepare(folder)` runs once; `clean(folder)` before every run, not timed.

    `on_memory` asks for a folder on a file system in memory, so that the disk is not measured.
    `needs` names programs without which the workload is skipped (the command's own always is one).
    `native`: what is run natively, where that is not the command itself. `client`: the command is
    a server at the socket `socket`, recorded while this command, which is not, uses it; the
    client's seconds count, and `shutdown` ends the server.
    """

    name: str
    kind: str
    command: Sequence[str]
    prepare: Callable[[Path], None] | None = None
    clean: Callable[[Path], None] | None = None
    on_memory: bool = False
    needs: Sequence[str] = ()
    native: Sequence[str] | None = None
    client: Sequence[str] | None = None
    shutdown: Sequence[str] = ()
    requests: int = 0
    """How many requests the client makes."""

    def missing(self) -> str | None:
        """The first program it needs that this machine lacks."""
        needed = [*self.needs, *(other[0] for other in (self.native, self.client) if other)]
        if "/" not in self.command[0]:
            needed.insert(0, self.command[0])
        return next((name for name in needed if shutil.which(name) is None), None)


def _text(folder: Path) -> None:
    (folder / "text").write_bytes(inputs.text(4_000_000))


def _source(folder: Path) -> None:
    (folder / "big.c").write_text(inputs.c_source(5000))


def _tree(folder: Path) -> None:
    inputs.tree(folder / "tree", 5000)


def _project(folder: Path) -> None:
    inputs.c_project(folder, 60)


def _remove_copy(folder: Path) -> None:
    shutil.rmtree(folder / "copy", ignore_errors=True)


def _remove_objects(folder: Path) -> None:
    for made in (*folder.glob("*.o"), folder / "program"):
        made.unlink(missing_ok=True)


def _compiled(name: str, *options: str) -> Callable[[Path], None]:
    """Prepare by compiling `programs/NAME.c` to `./NAME`; `options` come last."""

    def prepare(folder: Path) -> None:
        source = str(PROGRAMS / f"{name}.c")
        command = ["gcc", "-O1", "-pthread", "-o", name, source, *options]
        subprocess.run(command, cwd=folder, check=True, timeout=60)

    return prepare


def _script(folder: Path) -> None:
    shutil.copy(PROGRAMS / "compute.js", folder / "compute.js")


def _learning(folder: Path) -> None:
    subprocess.run(["/usr/bin/python3", "-c", "import sklearn"], check=True, capture_output=True)
    shutil.copy(PROGRAMS / "learn.py", folder / "learn.py")


def _java(folder: Path) -> None:
    command = ["javac", "-d", str(folder), str(PROGRAMS / "Garbage.java")]
    subprocess.run(command, cwd=folder, check=True, timeout=120)


def _on_one_core(*command: str) -> tuple[str, ...]:
    return ("taskset", "-c", "0", *command)


ONE_CORE_OF_TWO = ("env", "OMP_NUM_THREADS=2", "OPENBLAS_NUM_THREADS=2")
BARRIERS = (*ONE_CORE_OF_TWO, "./barriers", "300")
PRODUCTS = (*ONE_CORE_OF_TWO, "./products", "500", "100")
LEARNING = (*ONE_CORE_OF_TWO, "/usr/bin/python3", "learn.py")
ZGC = ("java", "-XX:+UseZGC", "-Xmx256m", "Garbage", "3000000")
XZ_THREADS = ("xz", "-6", "-T2", "--block-size=1MiB", "-k", "-c", "text")
ROUNDS = "500000000"
REQUESTS = 100_000
FEW_REQUESTS = 20_000
REDIS_THREADS = (
    *("redis-server", "--port", "0", "--unixsocket", "socket"),
    *("--save", "", "--appendonly", "no", "--io-threads", "4"),
)


WORKLOADS = (
    Workload("xz", "cpu", ("xz", "-9", "-k", "-c", "text"), _text),
    Workload("cc1", "cpu", ("gcc", "-O2", "-w", "-c", "-o", "big.o", "big.c"), _source),
    Workload("cpython", "cpu", ("/usr/bin/python3", "-c", LOOPS.format(count=200_000))),
    Workload("cp", "calls", ("cp", "-r", "tree", "copy"), _tree, _remove_copy, on_memory=True),
    Workload(
        "dd",
        "calls",
        ("dd", "if=/dev/zero", "of=/dev/null", "bs=512", "count=1000000", "status=none"),
    ),
    Workload("make", "processes", ("make", "-s", "-j2", "program"), _project, _remove_objects),
    Workload(
        "true500",
        "processes",
        ("sh", "-c", "i=0; while [ $i -lt 500 ]; do /bin/true; i=$((i+1)); done"),
    ),
    Workload("start", "start", ("true",)),
    Workload(
        "ping-pong",
        "threads",
        ("./ping_pong", "20000"),
        _compiled("ping_pong"),
        needs=("gcc",),
    ),
    # Threads are recorded one at a time, so one core is what computation is compared with.
    Workload("xz-T2/1", "threads", XZ_THREADS, _text, native=_on_one_core(*XZ_THREADS)),
    Workload("xz-T2/2", "threads", XZ_THREADS, _text),
    Workload("node", "threads", ("node", "compute.js"), _script),
    # Threads that wait for one another in loops.
    Workload(
        "openmp/1",
        "threads",
        BARRIERS,
        _compiled("barriers", "-fopenmp"),
        needs=("gcc",),
        native=_on_one_core(*BARRIERS),
    ),
    Workload(
        "openblas/1",
        "threads",
        PRODUCTS,
        _compiled("products", "-lopenblas"),
        needs=("gcc",),
        native=_on_one_core(*PRODUCTS),
    ),
    Workload("learn/1", "threads", LEARNING, _learning, native=_on_one_core(*LEARNING)),
    Workload("zgc/1", "threads", ZGC, _java, needs=("javac",), native=_on_one_core(*ZGC)),
    Workload(
        "redis",
        "server",
        (
            *("redis-server", "--port", "0", "--unixsocket", "socket"),
            *("--save", "", "--appendonly", "no"),
        ),
        client=(
            *("redis-benchmark", "-s", "socket", "-t", "set,get", "-q"),
            *("-n", str(REQUESTS // 2), "-c", "20"),
        ),
        shutdown=("redis-cli", "-s", "socket", "shutdown", "nosave"),
        requests=REQUESTS,
    ),
    # Its I/O threads wait by counting, natively for long on one core: fewer requests.
    Workload(
        "redis-io4/1",
        "server",
        REDIS_THREADS,
        native=_on_one_core(*REDIS_THREADS),
        client=(
            *("redis-benchmark", "-s", "socket", "-t", "set,get", "-q"),
            *("-n", str(FEW_REQUESTS // 2), "-c", "20"),
        ),
        shutdown=("redis-cli", "-s", "socket", "shutdown", "nosave"),
        requests=FEW_REQUESTS,
    ),
    # The same computation without the timer and with it: the difference is the landings'.
    Workload(
        "computing",
        "landings",
        ("./profiled", "0", ROUNDS),
        _compiled("profiled"),
        needs=("gcc",),
    ),
    Workload(
        "profiled",
        "landings",
        ("./profiled", "1000", ROUNDS),
        _compiled("profiled"),
        needs=("gcc",),
    ),
)
