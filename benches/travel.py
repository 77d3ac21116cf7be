"""Latency of moving through a replay: `python -m benches.travel [TRACE]`.

Without a trace, the guest `compute` is recorded in a size of some 10^9 instructions.
"""

from __future__ import annotations

import argparse
import random
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import reenact
from reenact.session.session import Session

GUESTS = Path(__file__).resolve().parent.parent / "tests" / "guests"
SIZE = "1500000"
ROUNDS = 40


def record(folder: Path) -> str:
    """A trace of a long computation."""
    program = folder / "compute"
    source = GUESTS / "compute.c"
    subprocess.run(["gcc", "-std=gnu17", "-O2", "-o", program, source], check=True)
    return reenact.record([str(program), SIZE], folder / "trace").trace


def measure(name: str, move: Callable[[], object], rounds: int = ROUNDS) -> None:
    """Print the median and the 99th percentile of a movement."""
    took = []
    for _ in range(rounds):
        begin = time.perf_counter()
        move()
        took.append(1000 * (time.perf_counter() - begin))
    last = statistics.quantiles(took, n=100)[98] if rounds > 1 else took[0]
    print(f"{name:36} median {statistics.median(took):9.1f} ms   99 % {last:9.1f} ms")


def travel(session: Session) -> None:
    """All movements, on a session that stands at the start."""
    choice = random.Random(1)
    measure("scan: find the end", lambda: session.end, 1)
    session.goto("end")
    print(f"{session.instructions:,} instructions, {session.end.event} events")
    measure("goto a random position", lambda: session.goto(f"{choice.uniform(0, 100):.4f}%"))

    def step_somewhere() -> None:
        session.reverse_stepi()

    session.goto("60%")
    measure("reverse_stepi, one after the other", step_somewhere)
    session.goto("90%")
    address = session.registers.rsp - (1 << 22)
    session.goto("start")
    plain = session.add_breakpoint(1)
    measure("continue to the end, nothing watched", session.continue_, 1)
    plain.remove()
    session.goto("start")
    watch = session.watch(address)
    measure("continue to the end, memory watched", session.continue_, 1)
    measure("reverse_continue, watched, no hit", session.reverse_continue, 1)
    watch.remove()
    session.goto("60%")
    stack = session.registers.rsp
    measure(
        "last_write at the stack pointer",
        lambda: (session.goto("60%"), session.last_write(stack)),
        5,
    )


def main() -> None:
    """Record if need be, open, and measure."""
    parser = argparse.ArgumentParser(prog="python -m benches.travel", description=__doc__)
    parser.add_argument("trace", nargs="?", help="a trace directory")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        trace = reenact.open(arguments.trace or record(Path(folder)))
        with trace.replay() as session:
            travel(session)


if __name__ == "__main__":
    main()
