"""Going far in a session, as a multiple of the native run: `python -m benches.stretches [ROUNDS]`.

Records `benches/programs/stretches.c`, and measures the way to the end, to random events, and to
the one hit of a breakpoint, of one among six, and of a watchpoint near the start, by both engines.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import reenact
from benches.command import reenact_command
from benches.travel import timed
from reenact.session.session import Session

PROGRAM = Path(__file__).resolve().parent / "programs" / "stretches.c"
#: Some 10^10 instructions.
_ROUNDS = 8000
_GOTOS = 20
#: More breakpoints than the processor has registers for.
_NEVER_CALLED = ("abort", "system", "popen", "tmpfile", "tmpnam")
#: How often what is divided by is measured.
_RUNS = 3


def measured(session: Session) -> Iterator[tuple[str, float]]:
    """What, and milliseconds."""
    choice = random.Random(1)
    first = choice.randrange(session.start.event, session.trace.processes[0].events)
    yield "goto a random event, first", timed(lambda: session.goto(first))
    yield "find the end", timed(lambda: session.end)
    events = [choice.randrange(session.start.event, session.end.event) for _ in range(_GOTOS)]
    took = [timed(lambda event=event: session.goto(event)) for event in events]
    yield "goto a random event, later (median)", statistics.median(took)
    point = session.add_breakpoint("called_once")
    yield from _hit(session, "breakpoint")
    others = [session.add_breakpoint(name) for name in _NEVER_CALLED]
    yield from _hit(session, "breakpoint of six")
    for each in (point, *others):
        each.remove()
    (address, size), *_ = session.symbols.variables("once")
    session.watch(address, size)
    yield from _hit(session, "watchpoint")


def _hit(session: Session, kind: str) -> Iterator[tuple[str, float]]:
    session.goto("end")
    yield f"reverse_continue to the one hit of a {kind}", timed(session.reverse_continue)
    found = session.position
    session.goto("start")
    yield f"continue_ to it ({kind})", timed(session.continue_)
    yield f"continue_ from it to the end ({kind})", timed(session.continue_)
    session.goto(found)


def measure(rounds: int = _ROUNDS) -> None:
    """Record, measure, and print: milliseconds, and how many native runs that is."""
    with tempfile.TemporaryDirectory() as name:
        program, trace = Path(name) / "stretches", Path(name) / "trace"
        subprocess.run(["gcc", "-std=gnu17", "-g", "-O1", "-o", program, PROGRAM], check=True)
        run = [str(program), str(rounds)]

        def natively() -> None:
            subprocess.run(run, check=True, stdout=subprocess.DEVNULL)

        words = [*reenact_command(), "record", "--quiet", "-o", str(trace), "--", *run]
        subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
        for engine in ("", "translated"):
            os.environ["REENACT_ENGINE"] = engine
            # The machine may be busier by now.
            native = statistics.median(timed(natively) for _ in range(_RUNS))
            print(f"{engine or 'native'} engine; the program itself takes {native:.0f} ms")
            with reenact.open(trace).replay() as session:
                for what, took in measured(session):
                    print(f"  {what:48} {took:9.1f} ms {took / native:6.2f}", flush=True)


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(prog="python -m benches.stretches", description=__doc__)
    parser.add_argument("rounds", nargs="?", type=int, default=_ROUNDS)
    begin = time.perf_counter()
    measure(parser.parse_args().rounds)
    print(f"measured in {time.perf_counter() - begin:.0f} s")


if __name__ == "__main__":
    sys.exit(main())
