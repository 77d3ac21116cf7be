"""Bytes that went through a pseudo-terminal: from who wrote or typed them to who read them."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from reenact.session.followed import Followed
from reenact.session.positions import Position
from reenact.streams.descriptions import Description, Terminal, Transfer
from reenact.streams.line_discipline import Given, Run, read_from, shown_from
from reenact.streams.transfers import Transfers

#: Majors of the sides that programs have (admin-guide/devices.txt), with 256 each; /dev/tty.
_FIRST_MAJOR, _MAJORS, _OF_EACH = 136, 8, 256
_CONTROLLING = (5, 0)
_SIDES, _TTY = b"/dev/pts/", b"/dev/tty"

#: Bytes of a transfer; None where they cannot be seen.
Content = Callable[[Transfer], "bytes | None"]


@dataclass(frozen=True)
class _Sides:
    """What was given to a terminal, what a side of it got, and what of that comes from where."""

    given: list[Transfer]
    got: list[Transfer]
    runs: list[Run]

    def shared(self) -> Iterator[tuple[Run, Transfer, int]]:
        """What each call got of each that gave: the bytes, that call, and the place there."""
        start = nearest = 0
        for one in self.got:
            end = start + one.length
            last: Run | None = None
            while nearest < len(self.runs) and self.runs[nearest].end <= start:
                nearest += 1
            for run in itertools.islice(self.runs, nearest, None):
                if run.begin >= end:
                    break
                part = run.part(start, end)
                if part is None:
                    continue
                if last is not None and part.follows(last):
                    part = replace(
                        part,
                        begin=last.begin,
                        length=last.length + part.length,
                        skipped=last.skipped,
                    )
                elif last is not None:
                    yield last, one, last.begin - start
                last = part
            if last is not None:
                yield last, one, last.begin - start
            start = end


class Terminals:
    """Follows bytes through the pseudo-terminals of a recording.

    Arguments:
        found: all transfers.
        path: gives the path by which a file was opened, b"" where it is not known.
        content: gives the bytes of a transfer.
    """

    def __init__(
        self, found: Transfers, path: Callable[[Description], bytes], content: Content
    ) -> None:
        self._found = found
        self._path = path
        self._content = content
        everything = {one.description for one in (*found.sent, *found.received)}
        self._all = {one.terminal for one in everything if one.terminal is not None}
        self._of: dict[Description, Terminal | None] = {}
        self._sides: dict[tuple[Terminal, bool], _Sides] = {}

    def of(self, description: Description) -> Terminal | None:
        """The pseudo-terminal that a description is a side of; None: none of this recording."""
        if description not in self._of:
            self._of[description] = self._looked_up(description)
        return self._of[description]

    def senders(self, received: Transfer) -> list[Followed]:
        """The calls that gave the bytes that a call got from a terminal, in order of the bytes."""
        sides = self._followed_to(
            self.of(received.description), is_master=received.description.is_master
        )
        found = []
        for run, one, begin in sides.shared():
            if one is received:
                other = sides.given[run.number]
                found.append(self._found_in(run, other, received, (run.skipped, begin)))
        return found

    def receivers(self, sent: Transfer) -> list[Followed]:
        """The calls that got the bytes that a call gave to a terminal, or their echo."""
        found = []
        for is_master in (False, True):
            sides = self._followed_to(self.of(sent.description), is_master=is_master)
            for run, one, begin in sides.shared():
                if sides.given[run.number] is sent:
                    found.append(self._found_in(run, one, sent, (begin, run.skipped)))
        return found

    def _found_in(
        self, run: Run, other: Transfer, one: Transfer, places: tuple[int, int]
    ) -> Followed:
        """What both sides of a run share; `places`: of its first byte in the other call, in one."""
        through = _named(self.of(one.description))
        return Followed(
            Position(other.process, other.event),
            skipped=places[0],
            begin=places[1],
            length=run.length,
            through=f"the echo of {through}" if run.is_echo else through,
            is_compared=True,
        )

    def _followed_to(self, terminal: Terminal | None, *, is_master: bool) -> _Sides:
        """What was given to a terminal, what one side of it got, and what comes from where."""
        if terminal is None:
            return _Sides([], [], [])
        key = (terminal, is_master)
        if key not in self._sides:
            typed = self._at(self._found.sent, terminal, is_master=True)
            written = self._at(self._found.sent, terminal, is_master=False) if is_master else []
            got = self._at(self._found.received, terminal, is_master=is_master)
            given = [*written, *typed]
            contents = self._contents(given)
            text = b"".join(_until_unknown(self._contents(got)))
            units = [
                Given(number, one.seconds, content or b"")
                for number, (one, content) in enumerate(zip(given, contents))
            ]
            ours, theirs = units[: len(written)], units[len(written) :]
            if terminal.has_packets and is_master:
                runs = []
            elif is_master:
                makers = sorted({one.process for one in written})
                queues = [
                    [one for one in ours if given[one.number].process == maker] for maker in makers
                ]
                runs = shown_from(queues, theirs, text)
            else:
                runs = read_from(theirs, text)
            self._sides[key] = _Sides(given, got, runs)
        return self._sides[key]

    def _contents(self, transfers: Sequence[Transfer]) -> list[bytes | None]:
        """Process by process: each is replayed once."""
        order = sorted(
            range(len(transfers)), key=lambda at: (transfers[at].process, transfers[at].event)
        )
        found: dict[int, bytes | None] = {at: self._content(transfers[at]) for at in order}
        return [found[at] for at in range(len(transfers))]

    def _at(
        self, transfers: Iterable[Transfer], terminal: Terminal, *, is_master: bool
    ) -> list[Transfer]:
        return [
            one
            for one in transfers
            if one.description.is_master == is_master and self.of(one.description) is terminal
        ]

    def _looked_up(self, description: Description) -> Terminal | None:
        if description.terminal is not None or description.kind != "opened" or not self._all:
            return description.terminal
        if description.device is not None:
            major, minor = os.major(description.device), os.minor(description.device)
            if (major, minor) == _CONTROLLING:
                return self._controlling(description)
            if not _FIRST_MAJOR <= major < _FIRST_MAJOR + _MAJORS:
                return None
            return self._numbered((major - _FIRST_MAJOR) * _OF_EACH + minor, description)
        path = self._path(description)
        if path == _TTY:
            return self._controlling(description)
        number = path.removeprefix(_SIDES)
        is_side = path.startswith(_SIDES) and number.isdigit()
        return self._numbered(int(number), description) if is_side else None

    def _controlling(self, description: Description) -> Terminal | None:
        controlling = description.controlling
        return None if controlling is None else self.of(controlling)

    def _numbered(self, number: int, description: Description) -> Terminal | None:
        """The terminal with a number; as those are used again, the one in use at that time."""
        candidates = [one for one in self._all if one.number == number]
        if len(candidates) < 2:
            return next(iter(candidates), None)
        used = self._span(one for one in self._transfers() if one.description is description)
        masters = {
            one: self._span(each for each in self._transfers() if each.description.terminal is one)
            for one in candidates
        }
        return min(candidates, key=lambda one: _distance(masters[one], used))

    def _transfers(self) -> list[Transfer]:
        return [*self._found.sent, *self._found.received]

    def _span(self, transfers: Iterable[Transfer]) -> tuple[float, float]:
        seconds = [one.seconds for one in transfers]
        return min(seconds, default=0.0), max(seconds, default=0.0)


def _distance(one: tuple[float, float], other: tuple[float, float]) -> float:
    return max(one[0] - other[1], other[0] - one[1], 0.0)


def _until_unknown(contents: Iterable[bytes | None]) -> Iterable[bytes]:
    for content in contents:
        if content is None:
            return
        yield content


def _named(terminal: Terminal | None) -> str:
    made = None if terminal is None else terminal.made
    return "a pseudo-terminal" + ("" if made is None else f" made at {made[0]}:{made[1]}")
