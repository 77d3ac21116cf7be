"""When values changed: writes of the same value and other places do not count."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from debugger_session import built
from debugger_session import line_of as line_in
from recorded_run import Keeper, Reenact

import reenact as package
from reenact.errors import UsageError
from reenact.session.session import Session
from reenact.session.values import StopReason


def line_of(mark: str) -> int:
    return line_in("changes.c", f"/* {mark}")


@pytest.fixture
def session(reenact: Reenact, keeper: Keeper, tmp_path: Path) -> Iterator[Session]:
    """At the last line of changes.c."""
    reenact.record([str(built("changes.c", tmp_path))], keeper.trace())
    with package.open(keeper.trace()).replay() as opened:
        point = opened.add_breakpoint(f"changes.c:{line_of('end')}")
        assert opened.continue_().reason == StopReason.BREAKPOINT
        point.remove()
        yield opened


def test_back_through_a_pointer_to_each_change(session: Session) -> None:
    expression = "head->next->value"
    assert session.evaluate(expression) == 5
    seen = []
    while (stop := session.when_last(expression)).reason == StopReason.WATCHPOINT:
        assert session.position == stop.position
        seen.append(session.frame().line)
        if len(seen) > 5:
            break
        if len(seen) == 1:
            assert session.evaluate(expression) == 2
    # third became 5; that head->next became third, of the same value, is no change; and before
    # head->next was set there was no value.
    assert seen == [line_of("changes"), line_of("links")]
    assert stop.reason == StopReason.START


def test_on_to_each_change(session: Session) -> None:
    session.goto("start")
    point = session.add_breakpoint("main")
    session.continue_()
    point.remove()
    values = []
    while session.when_next("name[0]").reason == StopReason.WATCHPOINT:
        values.append(int(session.evaluate("name[0]")))
    assert values == [ord("a")]
    assert session.position == session.end


def test_a_local_variable_is_that_of_its_call(session: Session) -> None:
    line = line_of("sums")
    session.goto("start")
    point = session.add_breakpoint(f"changes.c:{line}", lambda at: at.evaluate("i") == 30)
    assert session.continue_().reason == StopReason.BREAKPOINT
    point.remove()
    call = session.frame().frame_address
    values = []
    while (stop := session.when_last("sum")).reason == StopReason.WATCHPOINT:
        assert session.frame().frame_address == call
        if session.frame().line == line:
            values.append(int(session.evaluate("sum")))
    assert values == list(range(14, -1, -1))
    # Before it was born: back to the call, and not into what used the memory before.
    assert stop.reason == StopReason.POSITION
    assert session.frame().function == "main"


def test_thread_local_variables_of_the_program(session: Session) -> None:
    assert session.evaluate("local_to_thread") == 27
    assert session.when_last("local_to_thread").reason == StopReason.WATCHPOINT
    assert (session.frame().line, session.evaluate("local_to_thread")) == (line_of("last"), 7)


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("$rsp", "is a register"),
        ("1 + 2", "does not depend on memory"),
        ("missing", "no variable missing"),
        ("head->", "is not an expression"),
        ("(void)head", "converted to void"),
    ],
)
def test_what_cannot_change(session: Session, expression: str, message: str) -> None:
    here = session.position
    for ask in (session.when_last, session.when_next):
        with pytest.raises(UsageError, match=message):
            ask(expression)
    assert session.position == here
    assert session.when_last("head->next").reason == StopReason.WATCHPOINT
