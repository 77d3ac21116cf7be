"""What the tests of time travel share: the state at a position as one value, random positions."""

from __future__ import annotations

import hashlib
import random

from reenact.session.positions import Position
from reenact.session.session import Session


def state(session: Session) -> tuple[object, ...]:
    """Everything a person can see at the session's position: registers, memory, threads."""
    content = hashlib.blake2b()
    mappings = session.mappings
    for mapping in mappings:
        readable = session.memory.read(mapping.start, mapping.end - mapping.start)
        content.update(len(readable).to_bytes(8, "little") + readable)
    return session.registers, session.threads, mappings, content.hexdigest()


def random_positions(session: Session, count: int, seed: int) -> list[Position]:
    """Positions anywhere between start and end, evenly by instructions and by events."""
    choice = random.Random(seed)
    start, end = session.start, session.end
    found = []
    for _ in range(count):
        session.goto(f"{choice.uniform(0, 100):.6f}%")
        found.append(session.position)
        session.goto(choice.choice(range(start.event, end.event + 1)))
        found.append(session.position)
    return found
