"""Damages copies of traces at random and opens them: a program of its own, so that a crash or a
hang of the readers is seen from outside.

    python damage.py TRACE FOLDER SEED FIRST LAST

Prints one line before each damaged trace; the last line says how many were opened.
"""

from __future__ import annotations

import os
import random
import shutil
import sys
from pathlib import Path

SMALL_FILES = ("manifest.json", "files.jsonl")


def damage(trace: Path, target: Path, generator: random.Random) -> str:
    """Make a damaged copy of a trace and say what was done to it."""
    shutil.copytree(trace, target, copy_function=os.link)
    name = generator.choice(("events",) * 8 + SMALL_FILES)
    file = target / name
    if not file.exists():
        name, file = "events", target / "events"
    content = bytearray(file.read_bytes())
    file.unlink()
    kind = generator.choice(("bits", "bytes", "cut", "insert", "zero", "repeat", "swap", "huge"))
    size = max(1, len(content))
    at = generator.randrange(size)
    length = min(size - at, generator.choice((1, 4, 8, 64, 4096)))
    if kind == "bits":
        for _ in range(generator.choice((1, 1, 2, 10, 100))):
            content[generator.randrange(size)] ^= 1 << generator.randrange(8)
    elif kind == "bytes":
        content[at : at + length] = generator.randbytes(length)
    elif kind == "cut":
        del content[at:]
    elif kind == "insert":
        content[at:at] = generator.randbytes(length)
    elif kind == "zero":
        content[at : at + length] = bytes(length)
    elif kind == "repeat":
        content[at:at] = content[at : at + length * 16]
    elif kind == "swap":
        other = generator.randrange(size)
        one = bytes(content[at : at + length])
        content[at : at + length] = content[other : other + length]
        content[other : other + length] = one
    elif kind == "huge":
        content[at : at + 4] = generator.choice((b"\xff" * 4, b"\xff\xff\xff\x7f", b"\0\0\0\x80"))
    file.write_bytes(content)
    return f"{kind} in {name} at {at}, {length} bytes"


def open_all(trace: Path) -> bool:
    """Read everything a person could ask of a trace; whether it could be opened."""
    from reenact.errors import ReenactError
    from reenact.trace import Trace

    try:
        opened = Trace(trace)
        for process in opened.processes:
            for event in opened.events(process.number, with_attachments=True):
                assert event.kind
        opened.notes()
    except ReenactError:
        return False
    return True


def main() -> None:
    """Damage and open, from FIRST to LAST."""
    trace, folder = Path(sys.argv[1]), Path(sys.argv[2])
    seed, first, last = (int(word) for word in sys.argv[3:6])
    opened = 0
    for number in range(first, last):
        generator = random.Random(seed * 1_000_003 + number)
        target = folder / f"damaged-{number}"
        print(number, damage(trace, target, generator), flush=True)
        opened += open_all(target)
        shutil.rmtree(target)
    print("opened", opened, "of", last - first)


if __name__ == "__main__":
    main()
