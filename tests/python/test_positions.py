"""Positions: order, text, errors."""

from __future__ import annotations

import pytest

from reenact.errors import UsageError
from reenact.session.positions import Position


def test_text_and_back():
    for position in (Position(0, 0), Position(3, 17, 4), Position(1, 10**9, 10**13)):
        assert Position.parse(str(position)) == position
    assert str(Position(1, 523, 1042)) == "1:523+1042"


def test_order_is_by_event_then_by_instructions():
    moments = [Position(0, 9), Position(0, 10), Position(0, 10, 1), Position(0, 11)]
    shuffled = [moments[2], moments[0], moments[3], moments[1]]
    assert sorted(shuffled) == moments
    assert len({*moments, Position(0, 9, 0)}) == len(moments)


@pytest.mark.parametrize(
    "text", ["", "12", "1:", ":3", "1:2+", "1:2+x", "-1:2", "1:2+3+4", "05:00", "1:02"]
)
def test_other_text_is_refused(text):
    with pytest.raises(UsageError, match="is not a position"):
        Position.parse(text)
