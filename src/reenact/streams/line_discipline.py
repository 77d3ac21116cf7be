"""What the line discipline of a terminal makes of bytes (termios(3)), undone. Pure.

The settings of a terminal change with time, and the log does not have them all. So what may have
become of the bytes is compared with what the other side has got: what agrees is what happened.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

_ERASE, _KILL, _WORD, _END, _LITERAL = 0x7F, 0x15, 0x17, 0x04, 0x16
#: What sends signals (^C, ^\, ^Z): input that is not read yet is forgotten, and output may be.
_SIGNALS = (0x03, 0x1C, 0x1A)
_NEWLINES = b"\r\n"
#: States that a search looks at before it gives up.
_MOST_STATES = 400_000


@dataclass(frozen=True)
class Given:
    """Bytes that a call gave to a side of a terminal.

    Arguments:
        number: of the call, as who asks counts them.
        seconds: when.
        content: the bytes.
    """

    number: int
    seconds: float
    content: bytes


@dataclass(frozen=True)
class Run:
    """Bytes that somebody got, and where they come from.

    Arguments:
        begin: of the first, among all bytes that the side got.
        length: how many.
        number: the call that gave them.
        skipped: bytes of that call before the first.
        until: bytes of that call up to the last; a newline may have become two bytes.
        is_echo: they were shown because somebody typed them.
    """

    begin: int
    length: int
    number: int
    skipped: int
    until: int
    is_echo: bool

    @property
    def end(self) -> int:
        """Behind the last, among all bytes that the side got."""
        return self.begin + self.length

    def follows(self, other: Run) -> bool:
        """Whether it goes on where another one ends, on both sides."""
        is_same = (self.number, self.is_echo) == (other.number, other.is_echo)
        return is_same and self.skipped == other.until and self.begin == other.end

    def part(self, begin: int, end: int) -> Run | None:
        """What of it somebody got from one place to another; None: nothing."""
        first, last = max(self.begin, begin), min(self.end, end)
        if first >= last:
            return None
        skipped = min(self.skipped + first - self.begin, self.until - 1)
        until = min(skipped + last - first, self.until)
        return Run(first, last - first, self.number, skipped, until, self.is_echo)


#: How many calls of each queue have been gone through, and bytes that explains.
_State = tuple[tuple[int, ...], int]
#: Bytes of a call by their place in it, each with what becomes of it.
_Shown = list[tuple[int, bytes]]


def read_from(typed: Sequence[Given], got: bytes) -> list[Run]:
    """Which bytes that were typed (given to the master side) the other side has got.

    Arguments:
        typed: in order of time.
        got: all bytes that were read, in order; the runs end with the first of unknown origin.
    """
    places = [(one.number, index) for one in typed for index in range(len(one.content))]
    content = b"".join(one.content for one in typed)
    edited = _edited(content)
    if all(byte == wanted for (_, byte), wanted in zip(edited, got)) and len(edited) >= len(got):
        chosen = [index for index, _ in edited[: len(got)]]
    else:
        chosen = _found_in_order(content, got)
    return _runs((at, *places[index], False, 1) for at, index in enumerate(chosen))


def shown_from(written: Sequence[Sequence[Given]], typed: Sequence[Given], got: bytes) -> list[Run]:
    """Which bytes that were written to a terminal, or typed and echoed, its master side has got.

    Arguments:
        written: what each process gave to the terminal, each in order of time.
        typed: what was given to the master side, in order of time.
        got: all bytes that were read, in order; the runs end with the first of unknown origin.
    """
    queues = [[_written_forms(one) for one in queue] for queue in written]
    queues.append(list(_typed_forms(typed)))
    units = [*written, typed]
    return _runs(_path(queues, units, got))


def _edited(content: bytes) -> list[tuple[int, int]]:
    """What is left of input when lines have been edited: the places of the bytes, and the bytes."""
    ready: list[tuple[int, int]] = []
    line: list[tuple[int, int]] = []
    is_literal = False
    for index, byte in enumerate(content):
        if is_literal:
            line.append((index, byte))
            is_literal = False
        elif byte in _NEWLINES:
            ready += [*line, (index, 0x0A)]
            line = []
        elif byte == _ERASE:
            del line[-1:]
        elif byte == _WORD:
            while line and line[-1][1] == 0x20:
                line.pop()
            while line and line[-1][1] != 0x20:
                line.pop()
        elif byte == _KILL or byte in _SIGNALS:
            line = []
        elif byte == _END:
            ready += line
            line = []
        elif byte == _LITERAL:
            is_literal = True
        else:
            line.append((index, byte))
    return ready + line


def _found_in_order(content: bytes, got: bytes) -> list[int]:
    """Places of the bytes in input that is not edited, or only at times."""
    found, at = [], 0
    for wanted in got:
        while at < len(content) and not _may_be(content[at], wanted):
            at += 1
        if at == len(content):
            break
        found.append(at)
        at += 1
    return found


def _may_be(typed: int, read: int) -> bool:
    return typed == read or (typed in _NEWLINES and read in _NEWLINES)


def _written_forms(one: Given) -> list[_Shown]:
    """What may become of what a program writes: with OPOST and ONLCR, and without."""
    plain = [(index, bytes([byte])) for index, byte in enumerate(one.content)]
    if b"\n" not in one.content:
        return [plain]
    return [[(index, b"\r\n" if byte == b"\n" else byte) for index, byte in plain], plain]


def _typed_forms(typed: Sequence[Given]) -> Iterator[list[_Shown]]:
    """What may be shown of what is typed: its echo (ECHO, ECHOE, ECHOK, ECHOCTL), or nothing."""
    pending: list[int] = []
    for one in typed:
        echo = [(index, _echo(byte, pending)) for index, byte in enumerate(one.content)]
        yield [echo, []]


def _echo(byte: int, pending: list[int]) -> bytes:
    """The echo of a byte; `pending`: how wide what stands before it in its line is shown."""
    if byte in _NEWLINES:
        pending.clear()
        return b"\r\n"
    if byte == _END:
        return b""
    if byte in (_ERASE, _KILL):
        count = len(pending) if byte == _KILL else 1
        erased, pending[-count:] = sum(pending[-count:]), []
        return b"\b \b" * erased
    shown = bytes([byte])
    if byte < 0x20 and byte != 0x09:
        shown = bytes([0x5E, byte ^ 0x40])
    if byte in _SIGNALS:
        pending.clear()
    else:
        pending.append(len(shown))
    return shown


def _path(
    queues: list[list[list[_Shown]]], units: Sequence[Sequence[Given]], got: bytes
) -> Iterator[tuple[int, int, int, bool, int]]:
    """The order in which calls took effect that explains what was got, the earlier ones first."""
    echo = len(queues) - 1
    may_lose = any(byte in one.content for one in units[echo] for byte in _SIGNALS)
    start = ((0,) * len(queues), 0)
    came_from: dict[_State, tuple[_State | None, int, int]] = {start: (None, 0, 0)}
    waiting, best = [start], start
    while waiting and best[1] < len(got) and len(came_from) < _MOST_STATES:
        state = waiting.pop()
        heads, at = state
        if at > best[1]:
            best = state
        options = sorted(
            (units[queue][head].seconds, queue)
            for queue, head in enumerate(heads)
            if head < len(queues[queue])
        )
        found = []
        for _, queue in options:
            forms = queues[queue][heads[queue]]
            for number, form in enumerate([*forms, []] if may_lose else forms):
                shown = b"".join(part for _, part in form)
                if got[at : at + len(shown)] != shown[: len(got) - at]:
                    continue
                following = (
                    (*heads[:queue], heads[queue] + 1, *heads[queue + 1 :]),
                    min(at + len(shown), len(got)),
                )
                if following not in came_from:
                    came_from[following] = (state, queue, number)
                    found.append(following)
        waiting += reversed(found)
        best = max([best, *found], key=lambda one: one[1])
    steps = []
    before, queue, number = came_from[best]
    while before is not None:
        steps.append((before, queue, number))
        before, queue, number = came_from[before]
    for (heads, begin), queue, number in reversed(steps):
        one, forms, at = units[queue][heads[queue]], queues[queue][heads[queue]], begin
        for index, part in forms[number] if number < len(forms) else []:
            if at < len(got) and part:
                yield at, one.number, index, queue == echo, min(len(part), len(got) - at)
            at += len(part)


def _runs(parts: Iterator[tuple[int, int, int, bool, int]]) -> list[Run]:
    """Stretches of bytes that follow one another on both sides, one for one.

    Each part: where it begins, the call, its place there, whether it is an echo, its length.
    """
    runs: list[Run] = []
    for at, number, index, is_echo, length in parts:
        one = Run(at, length, number, index, index + 1, is_echo)
        before = runs[-1] if runs else None
        # Behind what has become longer the places are others.
        is_even = before is not None and before.until - before.skipped == before.length
        if before is not None and is_even and one.follows(before):
            runs[-1] = replace(before, length=before.length + length, until=one.until)
        else:
            runs.append(one)
    return runs
