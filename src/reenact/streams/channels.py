"""Which transfers meet: who may have given the bytes that somebody got. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from reenact.streams.descriptions import Description, Transfer
from reenact.streams.transfers import Transfers


@dataclass(frozen=True)
class Meeting:
    """A transfer on the other side, and where in it the bytes are.

    Arguments:
        transfer: the call on the other side.
        skipped: bytes of it before the first of those asked for.
        begin: bytes asked for that belong to others before.
        length: bytes that both have.
    """

    transfer: Transfer
    skipped: int
    begin: int
    length: int


def senders(found: Transfers, received: Transfer, source: Description) -> Iterator[Meeting]:
    """The calls that gave the bytes of a stream, or the message, in order of the bytes.

    Arguments:
        found: all transfers.
        received: the call that got bytes.
        source: what they were given to: the other end.
    """
    return _met(_of(found.received, received.description), _of(found.sent, source), received)


def receivers(found: Transfers, sent: Transfer, target: Description) -> Iterator[Meeting]:
    """The calls that got the bytes that a call gave to a stream, in order of the bytes."""
    return _met(_of(found.sent, sent.description), _of(found.received, target), sent)


def through_fifo(found: Transfers, one: Transfer, fifo: set[Description]) -> list[Meeting]:
    """The calls on the other side of a FIFO with a name, whoever has opened it."""
    given, got = _of(found.sent, *fifo), _of(found.received, *fifo)
    own, others = (got, given) if one in got else (given, got)
    return list(_met(own, others, one))


def writers_of_file(found: Transfers, received: Transfer, files: set[Description]) -> list[Meeting]:
    """The calls that wrote the bytes of a file that a call has read, in order of the bytes.

    Arguments:
        found: all transfers.
        received: the call that read, at a known offset.
        files: all descriptions of the same file.
    """
    met = []
    begin = received.offset or 0
    open_parts = [(begin, begin + received.length)]
    for sent in reversed(_of(found.sent, *files)):
        if sent.seconds > received.seconds or sent.offset is None:
            continue
        left = []
        for first, last in open_parts:
            shared = max(first, sent.offset), min(last, sent.offset + sent.length)
            if shared[0] >= shared[1]:
                left.append((first, last))
                continue
            skipped, length = shared[0] - sent.offset, shared[1] - shared[0]
            met.append(Meeting(sent, skipped, shared[0] - begin, length))
            # What an earlier call wrote there is gone.
            left += [(a, b) for a, b in ((first, shared[0]), (shared[1], last)) if a < b]
        open_parts = left
    return sorted(met, key=lambda one: one.begin)


def readers_of_file(found: Transfers, sent: Transfer, files: set[Description]) -> list[Meeting]:
    """The calls that read the bytes of a file that a call wrote, the earliest first."""
    met = []
    begin = sent.offset or 0
    for received in _of(found.received, *files):
        if received.seconds < sent.seconds or received.offset is None:
            continue
        first = max(begin, received.offset)
        last = min(begin + sent.length, received.offset + received.length)
        if first < last:
            met.append(Meeting(received, first - received.offset, first - begin, last - first))
    return met


def _of(transfers: Sequence[Transfer], *descriptions: Description) -> list[Transfer]:
    return [one for one in transfers if one.description in descriptions]


def _met(own: list[Transfer], others: list[Transfer], wanted: Transfer) -> Iterator[Meeting]:
    position = own.index(wanted)
    if not wanted.description.is_stream:
        # Each message is got by one call, and what does not fit is lost.
        if position < len(others):
            length = min(wanted.length, others[position].length)
            yield Meeting(others[position], 0, 0, length)
        return
    start = sum(one.length for one in own[:position])
    end, at = start + wanted.length, 0
    for other in others:
        first, last = max(start, at), min(end, at + other.length)
        if first < last:
            yield Meeting(other, first - at, first - start, last - first)
        at += other.length
