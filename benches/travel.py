"""Latency of moving through a replay: `python -m benches.travel [--rounds N] [MILLIONS ...]`.

Records `benches/programs/travel.c` in sizes of 10^8 and 10^10 instructions, and measures the
session (goto, single steps, watchpoints) and gdb on it (reverse-stepi, reverse-next).
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import reenact
from benches.command import reenact_command
from reenact.session.session import Session

PROGRAM = Path(__file__).resolve().parent / "programs" / "travel.c"
#: Instructions of a recording, in millions.
SIZES = (100, 10_000)
ROUNDS = 100
#: What one round of the program takes, and what the start of a process takes.
_PER_ROUND = 37
#: Runs inside of gdb; prints one line of JSON.
_IN_GDB = """
import gdb, json, random, time
choice, names = random.Random(3), ("reverse-stepi", "reverse-next", "reverse-stepi, walking")
found = {name: [] for name in names}
def timed(name):
    begin = time.perf_counter()
    gdb.execute(name.partition(",")[0], to_string=True)
    found[name].append(1000 * (time.perf_counter() - begin))
for _ in range(ROUNDS):
    gdb.execute(f"goto {choice.uniform(5, 95):.5f}%", to_string=True)
    timed(names[0])
    timed(names[1])
# Over the borders between the copies that wait on the way.
for _ in range(10 * ROUNDS):
    timed(names[2])
print("TRAVEL " + json.dumps(found))
"""


def summary(took: list[float]) -> dict[str, float]:
    """Median and 99th percentile of some milliseconds."""
    # Never more than was measured, as the other method makes it of few samples.
    last = took[0]
    if len(took) > 1:
        last = statistics.quantiles(took, n=100, method="inclusive")[98]
    return {
        "median_ms": round(statistics.median(took), 2),
        "p99_ms": round(last, 2),
        "count": len(took),
    }


def timed(move: Callable[[], object]) -> float:
    """Milliseconds a movement takes."""
    begin = time.perf_counter()
    move()
    return 1000 * (time.perf_counter() - begin)


def travel(session: Session, rounds: int) -> dict[str, Any]:
    """All movements of a session that stands at the start."""
    choice = random.Random(1)
    found: dict[str, Any] = {"scan_ms": round(timed(lambda: session.end), 1)}
    session.goto("end")
    found["instructions"] = session.instructions
    gotos, steps, more_steps = [], [], []
    for _ in range(rounds):
        where = f"{choice.uniform(0, 100):.5f}%"
        gotos.append(timed(lambda place=where: session.goto(place)))
        steps.append(timed(session.reverse_stepi))
        more_steps += [timed(session.reverse_stepi) for _ in range(3)]
    found["goto a random position"] = summary(gotos)
    found["reverse_stepi, the first there"] = summary(steps)
    found["reverse_stepi, further ones"] = summary(more_steps)
    found["reverse_continue to a watchpoint"] = summary(_to_watchpoint(session, rounds, choice))
    found.update(_watching(session))
    return found


def _to_watchpoint(session: Session, rounds: int, choice: random.Random) -> list[float]:
    """From anywhere back to the write before, which is some 10^7 instructions away at most."""
    (address, size), *_ = session.symbols.variables("rare")
    watch = session.watch(address, size)
    took = []
    for _ in range(max(rounds // 2, 1)):
        session.goto(f"{choice.uniform(20, 100):.5f}%")
        took.append(timed(session.reverse_continue))
    watch.remove()
    return took


def _watching(session: Session) -> dict[str, float]:
    """All of the recording, forwards, with memory watched that is never written and without."""
    (address, size), *_ = session.symbols.variables("never")
    found = {}
    for name in ("plain_ms", "watched_ms"):
        session.goto("start")
        watch = session.watch(address, size) if name == "watched_ms" else None
        found[name] = round(timed(session.continue_), 1)
        if watch is not None:
            watch.remove()
    return {**found, "watched_to_plain": round(found["watched_ms"] / found["plain_ms"], 2)}


def in_gdb(command: list[str], trace: str, rounds: int, folder: Path) -> dict[str, Any]:
    """The same from gdb; nothing where there is none."""
    if shutil.which("gdb") is None:
        return {}
    script = folder / "in_gdb.py"
    script.write_text(_IN_GDB.replace("ROUNDS", str(rounds)))
    words = [*command, "replay", trace, "--", "-nx", "-batch", "-x", str(script)]
    done = subprocess.run(words, capture_output=True, text=True, check=True, timeout=3600)
    _, found, line = done.stdout.rpartition("TRAVEL ")
    if not found:
        raise RuntimeError(f"gdb has measured nothing: {done.stdout[-500:]}{done.stderr[-500:]}")
    taken: dict[str, list[float]] = json.loads(line.partition("\n")[0])
    return {f"gdb: {name}": summary(took) for name, took in taken.items()}


def measure(command: list[str], millions: int, rounds: int) -> dict[str, Any]:
    """Record in one size, and measure."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        program = folder / "travel"
        subprocess.run(["gcc", "-std=gnu17", "-g", "-O1", "-o", program, PROGRAM], check=True)
        rounds_of_program = millions * 1_000_000 // _PER_ROUND
        trace = folder / "trace"
        words = [*command, "record", "--quiet", "-o", str(trace), "--"]
        subprocess.run(
            [*words, program, str(rounds_of_program)], check=True, stdout=subprocess.DEVNULL
        )
        with reenact.open(trace).replay() as session:
            found = travel(session, rounds)
        return {"millions": millions, **found, **in_gdb(command, str(trace), rounds, folder)}


def lines(found: dict[str, Any]) -> list[str]:
    """A measurement as text."""
    text = [
        f"{found['instructions']:,} instructions; scanned in {found['scan_ms']:,.0f} ms; "
        f"watched ÷ plain: {found['watched_to_plain']}"
    ]
    for name, value in found.items():
        if isinstance(value, dict):
            text.append(
                f"  {name:36} median {value['median_ms']:9.1f} ms   99 % {value['p99_ms']:9.1f} ms"
            )
    return text


def main() -> None:
    """Measure each size, and print."""
    parser = argparse.ArgumentParser(prog="python -m benches.travel", description=__doc__)
    parser.add_argument(
        "millions", nargs="*", type=int, default=SIZES, help="instructions, in millions"
    )
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    arguments = parser.parse_args()
    for size in arguments.millions:
        print("\n".join(lines(measure(reenact_command(), size, arguments.rounds))), flush=True)


if __name__ == "__main__":
    sys.exit(main())
