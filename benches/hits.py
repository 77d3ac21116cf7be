"""What hits cost: `python -m benches.hits`, or `make bench BENCH_ARGUMENTS=hits`.

Records `benches/programs/hits.c`, and measures conditions that never hold, values that are printed
at each hit, going back from hit to hit, and steps over a line that loops, in Python and in gdb.
"""

from __future__ import annotations

import itertools
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import reenact
from benches.command import reenact_command
from benches.travel import timed
from reenact.session.points import AgentCode, Point
from reenact.session.session import Session
from reenact.session.tracing import Tracing

PROGRAM = Path(__file__).resolve().parent / "programs" / "hits.c"
#: `const8 0; end`: it never holds.
_NEVER = AgentCode({None: (bytes((0x22, 0, 0x27)),)})
#: How often the program comes to each place.
_MILLION = 1_000_000
#: Hits of what takes long for each.
_FEW, _SOME = 300, 2000
#: Runs inside of gdb; prints one line of JSON.
_IN_GDB = """
import gdb, json, time
found = {}
def timed(command):
    begin = time.perf_counter()
    gdb.execute(command, to_string=True)
    found[command] = 1000 * (time.perf_counter() - begin)
gdb.execute("break looped", to_string=True)
gdb.execute("continue", to_string=True)
gdb.execute("delete", to_string=True)
gdb.execute("next", to_string=True)
for command in COMMANDS:
    timed(command)
gdb.execute("watch total", to_string=True)
gdb.execute("goto 40%", to_string=True)
begin = time.perf_counter()
for _ in range(FEW):
    gdb.execute("reverse-continue", to_string=True)
hits = (time.perf_counter() - begin) * 1e6 / FEW
print("HITS " + json.dumps([found, hits]))
"""
_IN_GDB_COMMANDS = ("next", "back-next", "next", "reverse-next")


def measured(session: Session) -> Iterator[tuple[str, float]]:
    """Rows: what, and milliseconds; of single hits for a thousand of them."""
    yield "the whole replay", timed(lambda: session.end)
    yield from _conditions(session)
    yield from _traced(session)
    yield from _backwards(session)
    session.goto("start")
    point = session.add_breakpoint("looped")
    session.continue_()
    point.remove()
    session.next()
    yield "next over a line that loops 10^6 times", timed(session.next)
    yield "reverse_next over it", timed(session.reverse_next)


def _conditions(session: Session) -> Iterator[tuple[str, float]]:
    (address, size), *_ = session.symbols.variables("total")
    settings: tuple[tuple[str, Callable[[], Point]], ...] = (
        ("a breakpoint", lambda: session.add_breakpoint("hot", _NEVER)),
        ("a watchpoint", lambda: session.watch(address, size, condition=_NEVER)),
        ("a breakpoint, as text", lambda: session.add_breakpoint("hot", "number > 1u << 30")),
        ("a watchpoint, as text", lambda: session.watch(address, size, "write", "total == 2")),
    )
    for name, setting in settings:
        session.goto("start")
        point = setting()
        yield f"10^6 false conditions of {name}, forwards", timed(session.continue_)
        session.goto("end")
        yield f"10^6 false conditions of {name}, backwards", timed(session.reverse_continue)
        point.remove()
    session.goto("start")
    counter = itertools.count(1)
    point = session.add_breakpoint("hot", lambda _: next(counter) == _SOME)
    took = timed(session.continue_)
    point.remove()
    yield "1000 false conditions of a breakpoint, as a function", took * 1000 / _SOME


def _traced(session: Session) -> Iterator[tuple[str, float]]:
    for words in (["number"], ["number", "total", "number * 2 + total", "$rdi"]):
        session.goto("start")
        tracing = Tracing(session, "hot", words)
        took = timed(lambda tracing=tracing: sum(1 for _ in tracing.hits()))
        for point in session.points:
            point.remove()
        yield f"1000 hits traced with {len(words)} values", took * 1000 / _MILLION
    session.goto("start")
    tracing = Tracing(session, "hot", ["number * 1.0"])
    took = timed(lambda: sum(1 for _ in itertools.islice(tracing.hits(), _SOME)))
    for point in session.points:
        point.remove()
    yield "1000 hits traced with what cannot be collected", took * 1000 / _SOME


def _backwards(session: Session) -> Iterator[tuple[str, float]]:
    (address, size), *_ = session.symbols.variables("total")

    def often(move: Callable[[], object], count: int = _FEW) -> float:
        session.goto("60%")
        return timed(lambda: [move() for _ in range(count)]) * 1000 / count

    point: Point = session.watch(address, size)
    yield "1000 hits of a watchpoint, backwards", often(session.reverse_continue)
    yield (
        "1000 hits of a watchpoint, backwards, and registers",
        often(lambda: (session.reverse_continue(), session.registers)),
    )
    yield "10^4 hits of a watchpoint, backwards", often(session.reverse_continue, 10_000) * 10
    point.remove()
    point = session.add_breakpoint("hot")
    yield "1000 hits of a breakpoint, backwards", often(session.reverse_continue)
    yield (
        "1000 hits of a breakpoint, backwards, and a value",
        often(lambda: (session.reverse_continue(), session.evaluate("number"))),
    )
    point.remove()
    yield "1000 times the last write before", often(lambda: session.last_write(address, size))


def _in_gdb(trace: Path, folder: Path) -> Iterator[tuple[str, float]]:
    """Steps over the line that loops; nothing without gdb."""
    if shutil.which("gdb") is None:
        return
    script = folder / "in_gdb.py"
    script.write_text(_IN_GDB.replace("COMMANDS", repr(_IN_GDB_COMMANDS)).replace("FEW", str(_FEW)))
    words = [*reenact_command(), "replay", str(trace), "--", "-nx", "-batch", "-x", str(script)]
    done = subprocess.run(words, capture_output=True, text=True, check=True, timeout=3600)
    _, found, line = done.stdout.rpartition("HITS ")
    if not found:
        raise RuntimeError(f"gdb has measured nothing: {done.stdout[-500:]}{done.stderr[-500:]}")
    taken: dict[str, float]
    taken, hits = json.loads(line.partition("\n")[0])
    for command, took in taken.items():
        yield f"gdb: {command} over a line that loops 10^6 times", took
    yield "gdb: 1000 hits of a watchpoint, backwards", hits


def measure() -> dict[str, float]:
    """Record, measure, and print each row as it is known: milliseconds by what was done."""
    rows: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        program, trace = folder / "hits", folder / "trace"
        subprocess.run(["gcc", "-std=gnu17", "-g", "-O0", "-o", program, PROGRAM], check=True)
        words = [*reenact_command(), "record", "--quiet", "-o", str(trace), "--", str(program)]
        subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
        with reenact.open(trace).replay() as session:
            for what, took in measured(session):
                rows[what] = round(took, 1)
                print(f"  {what:58} {took:10.1f} ms", flush=True)
        for what, took in _in_gdb(trace, folder):
            rows[what] = round(took, 1)
            print(f"  {what:58} {took:10.1f} ms", flush=True)
    return rows


if __name__ == "__main__":
    measure()
    sys.exit(0)
