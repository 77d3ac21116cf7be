"""What a million hits cost: `python -m benches.hits`.

Records `benches/programs/hits.c`, and measures a condition that never holds, of a breakpoint and of
a watchpoint, forwards and backwards, and steps over a line that loops.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import reenact
from benches.command import reenact_command
from benches.travel import timed
from reenact.session.points import AgentCode
from reenact.session.session import Session

PROGRAM = Path(__file__).resolve().parent / "programs" / "hits.c"
#: `const8 0; end`: it never holds.
_NEVER = AgentCode({None: (bytes((0x22, 0, 0x27)),)})


def measured(session: Session) -> Iterator[tuple[str, float]]:
    """Rows: what, and its milliseconds."""
    yield "the whole replay", timed(lambda: session.end)
    (address, size), *_ = session.symbols.variables("total")
    for name in ("breakpoint", "watchpoint"):
        session.goto("start")
        if name == "breakpoint":
            point = session.add_breakpoint("hot", _NEVER)
        else:
            point = session.watch(address, size, condition=_NEVER)
        yield f"10^6 false conditions of a {name}, forwards", timed(session.continue_)
        session.goto("end")
        yield f"10^6 false conditions of a {name}, backwards", timed(session.reverse_continue)
        point.remove()
    session.goto("start")
    point = session.add_breakpoint("looped")
    session.continue_()
    point.remove()
    session.next()
    yield "next over a line that loops 10^6 times", timed(session.next)
    yield "reverse_next over it", timed(session.reverse_next)


def main() -> None:
    """Measure, and print."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        program, trace = folder / "hits", folder / "trace"
        subprocess.run(["gcc", "-std=gnu17", "-g", "-O0", "-o", program, PROGRAM], check=True)
        words = [*reenact_command(), "record", "--quiet", "-o", str(trace), "--", str(program)]
        subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
        with reenact.open(trace).replay() as session:
            for what, took in measured(session):
                print(f"{what:52} {took:10.1f} ms", flush=True)


if __name__ == "__main__":
    sys.exit(main())
