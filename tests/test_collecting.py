"""Values that the replayer collects at hits are those that are found by stopping at each."""

from __future__ import annotations

import random
import struct
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from debugger_session import built, record
from recorded_run import Reenact

import reenact as package
from reenact import _native
from reenact.compiling.collecting import CollectedMemory, NotCollectedError, Plan, plan
from reenact.compiling.instructions import NotCompilableError
from reenact.compiling.probing import ProbedFrame
from reenact.errors import ReplayError, UsageError
from reenact.session.connection import ReplayerConnection
from reenact.session.hit_collection import taken_apart
from reenact.session.positions import Position
from reenact.session.session import Session
from reenact.session.tracing import Hit, Tracing
from reenact.session.values import StopReason
from reenact.symbols.rendering import render
from reenact.symbols.values import Plain, Value

#: Text, as Python's own, truth; or a problem.
Answered = tuple[str, Plain, bool, str]

NUMBERS = (
    "number", "small", "index", "truth", "global", "counter", "node->value", "node->small",
    "node->low", "node->high", "node->below", "node->wide_part", "node->color", "node->label[1]",
    "node->next->value", "node->pair[1][2]", "values[index]", "values[number]", "*values",
    "node->either.whole", "0", "1", "7", "0x80000000", "-1", "3u", "'a'", "GREEN", "$rdi", "$esi",
    "$dx", "$dl", "$dh", "$rip", "sizeof(*node)", "sizeof node->label", "(values + 2)[-1]",
    "node->next - node", "(int)text", "&node->next->value - &node->value", "*&number", "text[0]",
)  # fmt: skip
WHOLES = (
    "node", "*node", "node->next", "node->name", "text", "ratio", "node->ratio", "node->pair",
    "node->pair[1]", "node->label", "*node->next", "values", "*values@", "node->either", "names",
    "&node->ratio", "values + index", "(char *)node->label", "(unsigned char)number", "(long)small",
    "(struct node *)values", "&node->pair[1][0]", "node->next ? 1 : 2", "(bool)number", "truth",
    "node->color", "(enum color)5", "*(node->name)", "&*text", "node->wide_part", "node->below",
)  # fmt: skip
OPERATORS = (
    "+", "-", "*", "/", "%", "<<", ">>", "&", "|", "^", "==", "!=", "<", ">", "<=", ">=", "&&", "||"
)  # fmt: skip
CASTS = ("char", "unsigned char", "short", "unsigned", "int", "long", "unsigned long", "bool")


def expression(choice: random.Random, depth: int) -> str:
    """A random one; many have no value at some hits, or at none."""
    kind = choice.randrange(10) if depth else 0
    if kind <= 2:
        return choice.choice(NUMBERS)
    if kind == 3:
        return f"{choice.choice('-~!')}({expression(choice, depth - 1)})"
    if kind == 4:
        return f"({choice.choice(CASTS)})({expression(choice, depth - 1)})"
    if kind == 5:
        parts = (expression(choice, depth - 1) for _ in range(3))
        return "({}) ? ({}) : ({})".format(*parts)
    if kind == 6:
        return f"values[({expression(choice, depth - 1)}) & 3]"
    one, other = (expression(choice, depth - 1) for _ in range(2))
    return f"({one}) {choice.choice(OPERATORS)} ({other})"


def expressions(seed: int, count: int) -> list[str]:
    """All simple ones, and random ones."""
    choice = random.Random(seed)
    found = [*NUMBERS, *WHOLES, *(expression(choice, 3) for _ in range(count))]
    return list(dict.fromkeys(found))


def asked(session: Session, text: str) -> Answered:
    """What `Tracing` says of an expression where the session stands."""
    try:
        found = session.evaluate(text)
        if isinstance(found, Value):
            return render(found), found.plain(), bool(found), ""
        return str(found), found, bool(found), ""
    except UsageError as error:
        return "", None, False, error.message
    except (ArithmeticError, TypeError, ValueError, _native.SymbolError) as error:
        return "", None, False, f"cannot be computed: {error}"


def slowly(session: Session, texts: Sequence[str]) -> dict[Position, tuple[int, list[Answered]]]:
    """Thread and values at every hit, by stopping there."""
    found = {}
    session.goto("start")
    point = session.add_breakpoint("seen")
    while session.continue_().reason == StopReason.BREAKPOINT:
        answers = [asked(session, text) for text in texts]
        found[session.position] = (session.thread, answers)
    point.remove()
    return found


class Counting(Tracing):
    """Counts how often it has stopped."""

    stops = 0

    def _hit(self, thread: int) -> Hit:
        self.stops += 1
        return super()._hit(thread)


def collected(session: Session, texts: Sequence[str], condition: str | None = None) -> Counting:
    """A pass from the start, over what check of the names refuses as well."""
    session.goto("start")
    for point in session.points:
        point.remove()
    tracing = Counting(session, "seen", (), condition)
    tracing._expressions = tuple(texts)
    return tracing


def answers(hit: Hit) -> list[Answered]:
    """The values of a hit as `asked` has them."""
    return [(one.text, one.value, one.is_true, one.problem) for one in hit.answers]


@pytest.fixture(scope="module", params=["-O0", "-O2"])
def trace(
    request: pytest.FixtureRequest, reenact: Reenact, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    folder = tmp_path_factory.mktemp("collected")
    program = built("collected.c", folder, request.param, "-pthread")
    return record(reenact, folder / "trace", program)


@pytest.fixture
def session(trace: Path) -> Iterator[Session]:
    with package.open(trace).replay() as session:
        yield session


def test_collected_values_are_those_that_are_found_by_stopping(session: Session) -> None:
    texts = expressions(7, 80)
    known = slowly(session, texts)
    assert len({thread for thread, _ in known.values()}) == 2
    always = [
        number for number in range(len(texts)) if not any(at[number][3] for _, at in known.values())
    ]
    session.goto(min(known))
    frame = ProbedFrame(session.symbols, session.registers.rip, session._view.program)
    compilable = [number for number in always if is_compilable(texts[number], frame)]
    # Enough of them have a value everywhere, and can be collected.
    assert len(compilable) > 40
    for begin in range(0, len(compilable), 12):
        chosen = compilable[begin : begin + 12]
        tracing = collected(session, [texts[number] for number in chosen])
        found = {hit.position: hit for hit in tracing.hits()}
        assert found.keys() == known.keys()
        for position, hit in found.items():
            thread, values = known[position]
            assert hit.thread == thread
            for number, answer in zip(chosen, answers(hit), strict=True):
                # Not a number is not equal to itself.
                assert repr(answer) == repr(values[number]), (texts[number], position)
        # The first time nothing is known yet.
        assert tracing.stops == 1


def is_compilable(text: str, frame: ProbedFrame) -> bool:
    try:
        plan(text, frame)
    except NotCompilableError:
        return False
    return True


def test_what_has_no_value_at_some_hits_is_asked_there(session: Session) -> None:
    texts = expressions(11, 20)
    known = slowly(session, texts)
    some = [
        number
        for number in range(len(texts))
        if 0 < sum(bool(at[number][3]) for _, at in known.values()) < len(known)
    ]
    assert len(some) > 10
    choice = random.Random(3)
    for number in choice.sample(some, 6):
        tracing = collected(session, [texts[number]])
        for hit in tracing.hits():
            (answer,) = answers(hit)
            assert repr(answer) == repr(known[hit.position][1][number]), texts[number]


@pytest.mark.parametrize(
    "condition", ["number > 2", "node->value > 0", "small / number", "text && *text == 'o'"]
)
def test_a_condition_is_asked_where_the_program_is_replayed(
    condition: str, session: Session
) -> None:
    known = slowly(session, [condition, "number"])
    wanted = {position: at[1] for position, (_, at) in known.items() if at[0][2] and not at[0][3]}
    undecided = sum(bool(at[0][3]) for _, at in known.values())
    tracing = collected(session, ["number"], condition)
    found = {hit.position: answers(hit)[0] for hit in tracing.hits()}
    assert found == wanted
    assert tracing.undecided == undecided
    assert 0 < len(wanted) < len(known)


def test_an_interrupt_cuts_a_batch_and_loses_none_before_it(
    reenact: Reenact, tmp_path: Path
) -> None:
    trace = record(reenact, tmp_path / "trace", built("conditions.c", tmp_path))
    with package.open(trace).replay() as session:
        whole = [(hit.position, answers(hit)) for hit in Tracing(session, "hot", ["i"]).hits()]
        numbers = [values[0][1] for _, values in whole]
        assert numbers == list(range(len(numbers)))
        cut = []
        for delay in (0.0, 0.02, 0.1):
            tracing = collected_at(session, "hot", ["i"])
            timer = threading.Timer(delay, session.interrupt)
            found = []
            for hit in tracing.hits():
                if not found:
                    timer.start()
                found.append((hit.position, answers(hit)))
            timer.join()
            assert found == whole[: len(found)]
            # It stands where it was interrupted, which may be at the last of them.
            here = session.position
            rest = collected_at(session, "hot", ["i"], here).hits()
            begin = len(found) - (found[-1][0] == here)
            assert [(hit.position, answers(hit)) for hit in rest] == whole[begin:]
            cut.append(len(found))
        assert any(0 < count < len(whole) for count in cut) or len(set(cut)) == 1


def collected_at(
    session: Session, place: str, texts: Sequence[str], where: Position | str = "start"
) -> Tracing:
    """A pass from a position on; points of others are gone."""
    session.goto(where)
    for point in session.points:
        point.remove()
    return Tracing(session, place, texts)


HIT = struct.Struct("<QQQII")
VALUE = struct.Struct("<QI")


@pytest.mark.parametrize(
    "records",
    [
        b"\1",
        HIT.pack(1, 2, 0x1000, 3, 1),
        HIT.pack(1, 2, 0x1000, 3, 2**32 - 1) + VALUE.pack(4, 0),
        HIT.pack(1, 2, 0x1000, 3, 1) + VALUE.pack(4, 2**32 - 1) + b"cut",
        HIT.pack(1, 2, 0x9999, 3, 1) + VALUE.pack(4, 0),
    ],
)
def test_records_that_are_no_records_are_refused(records: bytes) -> None:
    plans = {0x1000: (Plan(b"", lambda value, _pieces: (str(value), value, True)),)}
    with pytest.raises(ReplayError, match="something else"):
        list(taken_apart(records, plans))


def test_a_replayer_that_sends_without_end_is_refused(session: Session) -> None:
    present = session._replayed.present
    assert isinstance(present, ReplayerConnection)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(present, "_ask", lambda *_: bytes(60_000))
        with pytest.raises(ReplayError, match="cannot be understood"):
            present.collected()


def test_pieces_that_are_cut_are_not_taken_for_memory() -> None:
    read = CollectedMemory(struct.pack("<QI", 0x1000, 8) + b"12345678").read
    assert read(0x1002, 4) == b"3456"
    for address, length in ((0xFFF, 2), (0x1007, 2), (0x1000, 9), (0x2000, 1)):
        with pytest.raises(NotCollectedError):
            read(address, length)
    with pytest.raises(NotCollectedError):
        CollectedMemory(struct.pack("<QI", 0x1000, 80) + b"12345678").read(0x1000, 80)
    with pytest.raises(NotCollectedError):
        CollectedMemory(b"123")
