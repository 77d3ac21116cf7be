"""Which copies of a replay are kept: within a budget of memory, and looked at seldom."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from reenact.session import checkpoints

MIB = 1 << 20


class Copy:
    """What stands for a process that waits."""

    def __init__(self, total: int) -> None:
        self.place = SimpleNamespace(key=(total, 0), total=total)
        self.pid = total
        self.is_closed = False

    def close(self) -> None:
        """It ends."""
        self.is_closed = True


@pytest.fixture
def memory(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """What is available, and how often the memory of single copies was asked for."""
    found = SimpleNamespace(available=1000 * MIB, asked=0)

    def own(_pid: int) -> int:
        found.asked += 1
        return 10 * MIB

    monkeypatch.setattr(checkpoints, "own_memory", own)
    monkeypatch.setattr(checkpoints, "available_memory", lambda: found.available)
    return found


def test_copies_go_when_they_take_too_much(memory: SimpleNamespace) -> None:
    """Down to the budget, and never the first of all."""
    kept = checkpoints.Checkpoints(50 * MIB)
    copies = [Copy(1000 * number) for number in range(30)]
    for copy in copies:
        memory.available -= 10 * MIB
        kept.add(copy, copies[-1].place.total)
    assert 2 <= len(kept) <= 5 + 8
    assert not copies[0].is_closed
    assert sum(not copy.is_closed for copy in copies) == len(kept)
    kept.close()
    assert all(copy.is_closed for copy in copies)


def test_nothing_is_added_up_while_memory_is_there(memory: SimpleNamespace) -> None:
    """It takes a millisecond for each copy, and would be felt at every eighth step."""
    kept = checkpoints.Checkpoints(50 * MIB)
    for number in range(checkpoints.MOST):
        kept.add(Copy(1000 * number), 0)
    assert memory.asked == 0
    assert len(kept) == checkpoints.MOST


def test_what_others_set_free_does_not_hide_copies_for_good(memory: SimpleNamespace) -> None:
    """After many copies their memory is added up whatever is available."""
    kept = checkpoints.Checkpoints(50 * MIB)
    for number in range(300):
        memory.available += MIB
        kept.add(Copy(1000 * number), 1000 * number)
    assert memory.asked > 0
    kept.close()
