"""From a call that got bytes to the call that gave them, in whichever process, and back."""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Iterable, Iterator
from typing import NoReturn

from reenact.errors import UsageError
from reenact.events import Event
from reenact.session.followed import Followed
from reenact.session.positions import Position
from reenact.session.recorded_trace import RecordedTrace
from reenact.streams import channels
from reenact.streams.channels import Meeting
from reenact.streams.descriptions import Description, Place, Transfer
from reenact.streams.memory_of_calls import CallMemory
from reenact.streams.passed import Passing, given
from reenact.streams.shared_memory import SharedWrites
from reenact.streams.terminals import Terminals
from reenact.streams.transfers import RECEIVING, Transfers, read_transfers

#: Bytes that are compared between what was given and what was got.
_COMPARED = 1 << 16
_CONNECTION_TRIES = 64
#: Descriptors are followed through so many descriptors that were passed themselves.
_PASSING_ROUNDS = 4
_AF_UNIX, _AF_INET, _AF_INET6 = 1, 2, 10
_PORT = struct.Struct(">H")
#: Calls that write the bytes they get into one place, and which argument names it.
_BUFFERS = {0: 1, 17: 1, 45: 1}


class Following:
    """Finds the other side of transfers. The first question reads the whole log.

    Arguments:
        trace: the trace.
    """

    def __init__(self, trace: RecordedTrace) -> None:
        self._trace = trace
        self._memory = CallMemory(trace)
        self._read: Transfers | None = None
        self._of_terminals: Terminals | None = None
        self._addresses: dict[tuple[int, int], tuple[int, bytes] | None] = {}

    def senders(self, position: Position) -> list[Followed]:
        """The calls that gave the bytes that a call got, in order of the bytes.

        Arguments:
            position: where the call has taken effect, or later before the next event.

        Errors: `UsageError` where the event got no bytes, or from outside of the recording.
        """
        received = self._transfer(self._found.received, position, "got no bytes")
        with self._memory.reading():
            if self._terminals.of(received.description) is not None:
                return self._terminals.senders(received) or self._refuse_terminal(received)
        found = self._first_agreeing(received, self._candidates(received))
        return found or self._refuse(
            received, "came from", "what gave them was not recorded, or is not followed"
        )

    def receivers(self, position: Position) -> list[Followed]:
        """The calls that got the bytes that a call gave, in order of the bytes.

        Arguments and errors: as `senders`.
        """
        sent = self._transfer(self._found.sent, position, "gave no bytes")
        with self._memory.reading():
            if self._terminals.of(sent.description) is not None:
                return self._terminals.receivers(sent) or self._refuse_terminal(sent)
        found = self._first_agreeing(sent, self._candidates_back(sent))
        why = "what got them was not recorded or is not followed, or nothing did"
        return found or self._refuse(sent, "went to", why)

    def writer(self, position: Position, address: int, size: int) -> Followed:
        """The store, in whichever process, that gave shared memory its value at a position.

        Its position is right before the store, as that of `Session.last_write`.

        Arguments:
            position: a process and a moment.
            address: of the memory, in that process.
            size: bytes, at most 65,536.

        Errors: `UsageError` for memory that is not shared, and that nobody recorded has written.
        """
        return SharedWrites(self._trace).writer(position, address, size)

    def _first_agreeing(self, one: Transfer, candidates: Iterator[list[Meeting]]) -> list[Followed]:
        """Those of the first candidates that have the same bytes."""
        with self._memory.reading():
            found = (list(self._compared(one, met)) for met in candidates)
            return next(filter(None, found), [])

    @property
    def _found(self) -> Transfers:
        if self._read is None:
            self._read = self._read_all()
        return self._read

    def _read_all(self) -> Transfers:
        """All transfers; where descriptors were passed, read again with what they are."""
        passings: dict[Place, Passing | None] = {}
        found = read_transfers(self._trace)
        # A descriptor may come through one that was passed itself.
        for _ in range(_PASSING_ROUNDS):
            if not found.passed:
                break
            self._read = found
            with self._memory.reading():
                passings.update({place: self._passing(found, place) for place in found.passed})
            found = read_transfers(self._trace, passings)
        return found

    def _passing(self, found: Transfers, place: Place) -> Passing | None:
        """How the descriptors were given that a call has got; None: that is not known."""
        here = (one for one in found.received if (one.process, one.event) == place)
        for got in here:
            for peer in self._peers(got.description):
                for meeting in channels.senders(found, got, peer):
                    sent = meeting.transfer
                    event = next(self._trace.events(sent.process, sent.event, sent.event))
                    numbers = given(self._memory, event)
                    if numbers:
                        return Passing((sent.process, sent.event), numbers)
        return None

    def _transfer(self, among: list[Transfer], position: Position, not_so: str) -> Transfer:
        for one in among:
            if (one.process, one.event) == (position.process, position.event):
                return one
        event = next(self._trace.events(position.process, position.event, position.event), None)
        what = "there is no such event" if event is None else f"{_shown(event)} {not_so}"
        raise UsageError(
            f"{position}: {what}",
            "go to a call such as read, recv, write or send: reenact dump TRACE --kind syscall",
        )

    def _refuse(self, one: Transfer, way: str, why: str) -> NoReturn:
        raise UsageError(
            f"the bytes of {one.process}:{one.event} {way} {one.description}: {why}",
            "see what descriptors were: reenact dump TRACE --kind syscall --paths",
        )

    def _refuse_terminal(self, one: Transfer) -> NoReturn:
        terminal = self._terminals.of(one.description)
        if terminal is not None and terminal.has_packets:
            why = "packet mode (TIOCPKT) is not followed"
        else:
            why = (
                "nobody recorded is on its other side, or its line discipline has changed or "
                "forgotten more than can be followed"
            )
        raise UsageError(
            f"the bytes of {one.process}:{one.event} went through a pseudo-terminal: {why}",
            "see what was read and written: reenact dump TRACE --kind syscall --data",
        )

    @property
    def _terminals(self) -> Terminals:
        if self._of_terminals is None:
            self._of_terminals = Terminals(self._found, self._path, self._whole)
        return self._of_terminals

    # Whom it may be

    def _candidates(self, received: Transfer) -> Iterator[list[Meeting]]:
        description = received.description
        if description.kind == "opened":
            files = self._same_file(description)
            yield channels.writers_of_file(self._found, received, files)
            yield self._through_fifo(received, files)
        for peer in self._peers(description):
            yield list(channels.senders(self._found, received, peer))

    def _candidates_back(self, sent: Transfer) -> Iterator[list[Meeting]]:
        description = sent.description
        if description.kind == "opened":
            files = self._same_file(description)
            yield channels.readers_of_file(self._found, sent, files)
            yield self._through_fifo(sent, files)
        for peer in self._peers(description):
            yield list(channels.receivers(self._found, sent, peer))

    def _through_fifo(self, one: Transfer, files: set[Description]) -> list[Meeting]:
        """As if what was opened were a FIFO, which the log does not say: the bytes have to tell."""
        met = channels.through_fifo(self._found, one, files)
        return met if all(self._agree(one, meeting) for meeting in met) else []

    def _peers(self, description: Description) -> Iterator[Description]:
        if description.peer is not None:
            yield description.peer
        elif description.kind == "connection" and description.listener is not None:
            yield from self._connected_to(description.listener, description)
        elif description.kind == "socket" and description.connected is not None:
            yield from self._accepted_by(description)

    def _connected_to(self, listener: Description, one: Description) -> Iterator[Description]:
        """Sockets that may be the other end of a connection, the likeliest first."""
        wanted = self._bound(listener)
        sockets = [
            socket
            for socket in self._found.connected
            if socket.connected is not None
            and wanted is not None
            and self._address(socket.connected[1]) == wanted
        ]
        accepted = [each for _, each in sorted(listener.accepted, key=lambda pair: pair[0])]
        yield from _nearest(sockets, accepted.index(one))

    def _accepted_by(self, socket: Description) -> Iterator[Description]:
        if socket.connected is None:
            return
        wanted = self._address(socket.connected[1])
        listeners = {
            one.description.listener
            for one in (*self._found.sent, *self._found.received)
            if one.description.listener is not None
        }
        for listener in listeners:
            if wanted is None or self._bound(listener) != wanted:
                continue
            before = [
                other
                for other in self._found.connected
                if other.connected is not None and self._address(other.connected[1]) == wanted
            ]
            accepted = [each for _, each in sorted(listener.accepted, key=lambda pair: pair[0])]
            yield from _nearest(accepted, before.index(socket))

    def _bound(self, listener: Description) -> tuple[int, bytes] | None:
        if listener.address:
            return _place(listener.address)
        return None if listener.bound is None else self._address(listener.bound)

    def _address(self, place: tuple[int, int]) -> tuple[int, bytes] | None:
        """The address that `bind` or `connect` was given."""
        if place not in self._addresses:
            event = next(self._trace.events(*place, place[1]))
            length = min(event.args[2] & 0xFFFF_FFFF, 128)
            self._addresses[place] = _place(self._memory.read(*place, event.args[1], length))
        return self._addresses[place]

    def _same_file(self, description: Description) -> set[Description]:
        everyone = {one.description for one in (*self._found.sent, *self._found.received)}
        opened = {one for one in everyone if one.kind == "opened"}
        same = {description}
        path = None
        for other in opened - same:
            if description.identity is not None and other.identity is not None:
                if other.identity == description.identity:
                    same.add(other)
                continue
            path = path or self._path(description)
            if path and self._path(other) == path:
                same.add(other)
        return same

    def _path(self, description: Description) -> bytes:
        """The path that a file was opened by; empty where it is not known."""
        if description.made is None:
            return b""
        process, event = description.made
        found = next(self._trace.events(process, event, event))
        argument = found.args[0 if found.code in (2, 85) else 1]
        return self._memory.read(process, event, argument, 4096).partition(b"\0")[0]

    # Whether it is so

    def _compared(self, one: Transfer, met: list[Meeting]) -> Iterator[Followed]:
        """Those of the candidates that have the same bytes, or whose bytes nobody can see."""
        for meeting in met:
            agreed = self._agree(one, meeting)
            if agreed is False:
                return
            other = meeting.transfer
            yield Followed(
                Position(other.process, other.event),
                meeting.skipped,
                meeting.begin,
                meeting.length,
                str(one.description),
                bool(agreed),
            )

    def _agree(self, one: Transfer, meeting: Meeting) -> bool | None:
        other = meeting.transfer
        length = min(meeting.length, _COMPARED)
        mine = self._content(one, meeting.begin, length)
        theirs = self._content(other, meeting.skipped, length)
        return None if mine is None or theirs is None else mine == theirs

    def _whole(self, one: Transfer) -> bytes | None:
        return self._content(one, 0, one.length)

    def _content(self, one: Transfer, skipped: int, length: int) -> bytes | None:
        """Bytes of a transfer; None where they cannot be seen."""
        event = next(self._trace.events(one.process, one.event, one.event, with_attachments=True))
        if one.call in RECEIVING:
            got = _received(event)
            return None if got is None else got[skipped : skipped + length]
        given = self._memory.given(one.process, one.event, skipped + length)
        return None if given is None else given[skipped:]


def _received(event: Event) -> bytes | None:
    """The bytes that a call wrote to the program's memory, in order."""
    if event.code not in _BUFFERS:
        return None
    start = event.args[_BUFFERS[event.code]]
    pieces = sorted(
        (attachment.address - start, attachment.content)
        for attachment in event.attachments
        if start <= attachment.address < start + event.result
    )
    content = b"".join(piece for _, piece in pieces)
    return content[: event.result] if len(content) >= event.result else None


def _nearest(candidates: list[Description], index: int) -> Iterable[Description]:
    """Those at or near a place, nearest first: connections are taken in order, but for failures."""
    order = sorted(range(len(candidates)), key=lambda place: abs(place - index))
    return [candidates[place] for place in order[:_CONNECTION_TRIES]]


def _place(address: bytes) -> tuple[int, bytes] | None:
    """What an address of a socket means to this machine alone: a path, or a port."""
    family = int.from_bytes(address[:2], "little")
    if family == _AF_UNIX:
        path = address[2:]
        return (family, path if path[:1] == b"\0" else path.partition(b"\0")[0])
    with contextlib.suppress(struct.error):
        if family in (_AF_INET, _AF_INET6):
            (port,) = _PORT.unpack_from(address, 2)
            return (_AF_INET, str(port).encode())
    return None


def _shown(event: Event) -> str:
    return event.text if event.kind in ("syscall", "exit") else f"[{event.kind}] {event.text}"
