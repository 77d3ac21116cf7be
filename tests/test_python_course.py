"""Bugs of Python programs, each from its failure to the line to blame by what `pdb` has."""

from __future__ import annotations

from pathlib import Path

import pytest
from debugger_session import record
from python_interpreters import need_interpreter
from recorded_run import Reenact

import reenact as package
from reenact.session.session import Session
from reenact.session.values import StopReason

_LOST_UPDATE = """\
import threading, time
total = 0

def work(count):
    global total
    for _ in range(count):
        seen = total
        time.sleep(0)
        total = seen + 1

def main():
    threads = [threading.Thread(target=work, args=(40,)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert total == 120, total

main()
"""

_THROUGH_C = """\
class Node:
    def __init__(self, value, children=()):
        self.value, self.children = value, children

    def __lt__(self, other):
        return smallest(self) < smallest(other)

def smallest(node):
    if not node.children:
        return node.value
    return min(map(smallest, node.children))

def broken():
    bad = Node(None)
    return Node(3, [Node(1), Node(2, [bad])])

sorted([Node(1), broken()])
"""

_TIMEOUT = """\
import asyncio

delays = {"fast": 0.001}

async def fetch(name):
    await asyncio.sleep(delays[name])
    return name

def configure():
    delays["fast"] = 5

async def main():
    configure()
    try:
        return await asyncio.wait_for(fetch("fast"), 0.02)
    except asyncio.TimeoutError:
        raise RuntimeError("no answer")

asyncio.run(main())
"""

_HASH_ORDER = """\
def register(names):
    order = {}
    for name in {"ann", "bob", "cid", "dora"}:
        order[name] = len(order)
    return order

order = register(None)
first = min(order, key=order.get)
assert first == "nobody", first
"""


@pytest.fixture(params=("3.11", "3.13"))
def series(request: pytest.FixtureRequest) -> str:
    """A release series."""
    return request.param


def _failed(reenact: Reenact, folder: Path, series: str, source: str) -> Session:
    """A session where the exception that ended the program was raised."""
    program = folder / "app.py"
    program.write_text(source)
    trace = record(reenact, folder / "trace", need_interpreter(series), program)
    session = package.open(trace).replay()
    session.goto("end")
    assert session.python.goto_raise().reason == StopReason.WATCHPOINT
    return session


def _text(session: Session, source: str) -> str:
    """The line of the program where the session stands."""
    own = [frame for frame in session.python.frames() if frame.file.endswith("app.py")]
    return source.splitlines()[(own[0].line or 0) - 1].strip()


def test_a_lost_update_between_threads(reenact: Reenact, tmp_path: Path, series: str) -> None:
    with _failed(reenact, tmp_path, series, _LOST_UPDATE) as session:
        python = session.python
        final = python.evaluate("total").plain
        assert final < 120
        lost = False
        for _ in range(final):
            # Who stored it, and from what: another thread has stored since that was read.
            python.last("total")
            assert _text(session, _LOST_UPDATE) == "total = seen + 1"
            stored, thread = session.position, session.thread
            python.last("seen")
            assert session.thread == thread
            read = session.position
            session.goto(stored)
            python.last("total")
            if session.thread != thread and session.position > read:
                lost = True
                break
            session.goto(stored)
        assert lost


def test_recursion_through_c(reenact: Reenact, tmp_path: Path, series: str) -> None:
    with _failed(reenact, tmp_path, series, _THROUGH_C) as session:
        python = session.python
        assert _text(session, _THROUGH_C) == "return min(map(smallest, node.children))"
        names = [frame.function for frame in python.frames()]
        assert names == ["smallest", "smallest", "__lt__", "<module>"] or names[-1] == "<module>"
        python.last("node.children[0].value")
        assert _text(session, _THROUGH_C) == "self.value, self.children = value, children"
        python.finish()
        assert _text(session, _THROUGH_C) in (
            "bad = Node(None)",
            "return Node(3, [Node(1), Node(2, [bad])])",
        )


def test_a_timeout_of_asyncio(reenact: Reenact, tmp_path: Path, series: str) -> None:
    with _failed(reenact, tmp_path, series, _TIMEOUT) as session:
        assert _text(session, _TIMEOUT) == 'raise RuntimeError("no answer")'
        session.python.last("delays['fast']")
        assert _text(session, _TIMEOUT) == 'delays["fast"] = 5'


def test_the_order_of_hashes(reenact: Reenact, tmp_path: Path, series: str) -> None:
    with _failed(reenact, tmp_path, series, _HASH_ORDER) as session:
        first = session.python.evaluate("first").plain
        session.python.last(f"order[{first!r}]")
        assert _text(session, _HASH_ORDER) == "order[name] = len(order)"
        assert session.python.evaluate("name").plain == first
        assert session.python.evaluate("len(order)") == 0
