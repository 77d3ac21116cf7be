"""Which copies of a replay are kept: within a budget of memory, and looked at seldom."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from reenact.session import checkpoints

MIB = 1 << 20


class Copy:
    """What stands for a process that waits."""

    def __init__(self, work: int) -> None:
        self.state = SimpleNamespace(key=(work, 0), work=work)
        self.pid = work
        self.is_closed = False

    def close(self) -> None:
        """It ends."""
        self.is_closed = True


@pytest.fixture
def memory(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """What each copy takes, and those whose memory was asked for."""
    found = SimpleNamespace(size=10 * MIB, asked=[])

    def own(pid: int) -> int:
        found.asked.append(pid)
        return int(found.size)

    monkeypatch.setattr(checkpoints, "own_memory", own)
    return found


@pytest.mark.usefixtures("memory")
def test_copies_go_when_they_take_too_much() -> None:
    """Down to the budget, and never the first of all."""
    kept = checkpoints.Checkpoints(50 * MIB)
    copies = [Copy(1000 * number) for number in range(30)]
    for copy in copies:
        kept.add(copy, copies[-1].state.work)
    assert 2 <= len(kept) <= 5 + 8
    # They end when a movement is over.
    assert not any(copy.is_closed for copy in copies)
    kept.let_go()
    assert not copies[0].is_closed
    assert sum(not copy.is_closed for copy in copies) == len(kept)
    kept.close()
    assert all(copy.is_closed for copy in copies)


def test_no_movement_pays_for_all_copies(memory: SimpleNamespace) -> None:
    """To look at one takes a millisecond: there is one in turn after some new ones."""
    kept = checkpoints.Checkpoints(1000 * MIB)
    for number in range(300):
        before = len(memory.asked)
        kept.add(Copy(1000 * number), 1000 * number)
        assert len(memory.asked) <= before + 1
    assert len(memory.asked) <= 300 // 8
    assert len(set(memory.asked)) == len(memory.asked), "others have their turn first"
    assert len(kept) == checkpoints.MOST


def test_copies_that_grow_are_found_out(memory: SimpleNamespace) -> None:
    """One that has been looked at long ago is looked at again."""
    kept = checkpoints.Checkpoints(300 * MIB)
    for number in range(20):
        kept.add(Copy(1000 * number), 20_000)
    assert len(kept) == 20
    memory.size = 100 * MIB
    for number in range(200):
        kept.add(Copy(20_000 + number), 20_000)
    assert len(kept) <= 3 + 8
    kept.close()


@pytest.mark.usefixtures("memory")
def test_short_stretches_are_looked_through_as_one() -> None:
    """The copy before a place, or one so far before that one; at the latest the first."""
    kept = checkpoints.Checkpoints(1000 * MIB)
    for work in (0, 100, 110, 120, 130):
        kept.add(Copy(work), 130)
    end = (130, 0)
    assert kept.earlier(end, 0).state.work == 120
    assert kept.earlier(end, 1).state.work == 110
    assert kept.earlier(end, 15).state.work == 100
    assert kept.earlier(end, 1000).state.work == 0
    assert kept.earlier((0, 0), 5).state.work == 0
