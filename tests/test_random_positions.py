"""The state seen going backwards is the state seen going forwards: random positions of real runs.

Registers of all threads, mappings, and a checksum of all memory that can be read.
"""

from __future__ import annotations

import random
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import skips
from guest_build import GuestBuild
from recorded_run import Keeper, Reenact
from tiers import FULL

import reenact as package
from reenact.session.positions import Position
from reenact.session.session import Session
from reenact.session.values import StopReason

#: Positions of each recording, in the full tier of all; otherwise of one and FEW of some more.
MANY, FEW = 1000, 12

PYTHON_THREADS = """
import threading, time
total = 0
def work(rounds):
    global total
    for number in range(rounds):
        total += number % 7
threads = [threading.Thread(target=work, args=(20000,)) for _ in range(4)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print(total)
"""
PYTHON_SIGNALS = """
import signal, time
hits = []
signal.signal(signal.SIGALRM, lambda *_: hits.append(time.monotonic()))
signal.setitimer(signal.ITIMER_REAL, 0.002, 0.002)
total = 0
while len(hits) < 20:
    total += sum(range(500))
signal.setitimer(signal.ITIMER_REAL, 0)
print(len(hits) > 0)
"""
PYTHON = """
import collections, hashlib, json, random, re
words = re.findall(r"[a-z]+", " ".join(map(str, dir(collections)))) * 50
print(len(json.dumps(collections.Counter(words))), hashlib.sha256(bytes(100000)).hexdigest()[:8])
"""
FUNCTION = """
int f%d(int *a, int b) {
    for (int i = 0; i < b; i++) a[i] += a[i ^ %d] * b;
    return a[%d];
}
"""
SOURCE = "".join(FUNCTION % (number, number, number) for number in range(60))
NODE = """
let total = 0;
for (let i = 0; i < 300000; i++) total = (total * 31 + i) % 1000003;
console.log(total, JSON.stringify([...Array(200).keys()]).length);
"""
SHELL = "for n in 1 2 3 4 5; do echo $n | sed s/$n/x/; done; trap 'echo bye' EXIT; kill -0 $$"


@dataclass(frozen=True)
class Run:
    """A run to record: a program with arguments, or a guest; `is_last`: its last process."""

    command: tuple[str, ...] = ()
    guest: str = ""
    stdin: str = ""
    is_last: bool = False


RUNS = {
    "python": Run((sys.executable, "-c", PYTHON)),
    "python-threads": Run((sys.executable, "-c", PYTHON_THREADS)),
    "python-signals": Run((sys.executable, "-c", PYTHON_SIGNALS)),
    "gcc": Run(("gcc", "-O2", "-xc", "-S", "-o/dev/null", "-"), stdin=SOURCE, is_last=True),
    "node": Run(("node", "-e", NODE)),
    "perl": Run(("perl", "-e", "my %h; $h{$_ % 97} .= $_ for 1..20000; print length join '', %h")),
    "xz": Run(("xz", "-1", "-T2", "-c", "-"), stdin=SOURCE * 20),
    "shell": Run(("bash", "-c", SHELL)),
    "threads": Run(guest="thread_sync"),
    "signals": Run(guest="signal_nested"),
    "generated-code": Run(guest="code_self_modifying"),
    "shared-file": Run(guest="fault_fix"),
    "changed-file": Run(guest="map_file_changes"),
}
#: What `make test` looks at: the rest is much the same, and takes longer.
QUICK = {
    "python-threads": FEW,
    "gcc": FEW,
    "signals": MANY,
    "shared-file": FEW,
    "changed-file": FEW,
    "xz": FEW,
}


def seen(session: Session) -> tuple[object, ...]:
    """Everything a person can see here, memory by its checksums."""
    mappings = session.mappings
    memory = tuple(
        session.memory.checksum(mapping.start, mapping.end - mapping.start) for mapping in mappings
    )
    return session.registers, session.threads, mappings, memory


def positions_of(session: Session, count: int) -> list[Position]:
    """Half of them evenly by instructions, half by events, in order."""
    choice = random.Random(count)
    start, end = session.start, session.end
    found: set[Position] = set()
    number = 0
    # A short run has fewer events than are asked for.
    while len(found) < count and number < 20 * count:
        number += 1
        if number % 2:
            where = choice.randint(start.event, end.event)
        else:
            where = f"{choice.uniform(0, 100):.8f}%"
        # Only what is meant: to go there in this order would take most of the time.
        found.add(Position(session.process, *session._destinations.key(where)))
    return sorted(found)


@pytest.mark.parametrize("name", RUNS)
def test_backwards_is_forwards(
    name: str, reenact: Reenact, guests: GuestBuild, keeper: Keeper
) -> None:
    run = RUNS[name]
    if name not in QUICK:
        skips.unless_full()
    count = MANY if FULL else QUICK[name]
    command = list(run.command)
    if run.guest:
        command = [str(guests.build(f"{run.guest}.c", f"{run.guest}-O2", ("-O2", "-pthread")))]
    elif shutil.which(command[0]) is None:
        skips.skip(skips.Reason.NO_PROGRAM, command[0])
    reenact.record(command, keeper.trace(), stdin=run.stdin.encode(), timeout=300)
    trace = package.open(keeper.trace())
    process = trace.processes[-1] if run.is_last else trace.processes[0]
    with trace.replay(process) as session:
        positions = positions_of(session, count)
    assert len(positions) == count
    forwards = {}
    with trace.replay(process) as session:
        for position in positions:
            assert session.goto(position).reason != StopReason.DIVERGENCE
            assert session.position == position
            forwards[position] = seen(session)
    with trace.replay(process) as session:
        session.goto("end")
        for position in reversed(positions):
            session.goto(position)
            assert session.position == position
            assert seen(session) == forwards[position], str(position)
        # In no order, too: from whatever copy is near.
        for position in random.Random(7).sample(positions, count // 4):
            session.goto(position)
            assert seen(session) == forwards[position], str(position)
    note(name, process.number, len(positions), keeper)


def note(name: str, process: int, count: int, keeper: Keeper) -> None:
    """Keep what was looked at, for the full tier's figures."""
    if FULL:
        page = Path(keeper.folder).parent.parent / "random-positions.txt"
        with page.open("a", encoding="utf-8") as file:
            file.write(f"{name} process {process}: {count} positions, all equal\n")
