"""What is measured: each workload's command, its input, and the folder it runs in."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

import inputs

KINDS = ("cpu", "calls", "processes", "start")

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
    """

    name: str
    kind: str
    command: Sequence[str]
    prepare: Callable[[Path], None] | None = None
    clean: Callable[[Path], None] | None = None
    on_memory: bool = False


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


WORKLOADS = (
    Workload("xz", "cpu", ("xz", "-9", "-k", "-c", "text"), _text),
    Workload("cc1", "cpu", ("gcc", "-O2", "-w", "-c", "-o", "big.o", "big.c"), _source),
    Workload("cpython", "cpu", ("/usr/bin/python3", "-c", LOOPS.format(count=40000))),
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
)
