"""Every call of a recording that gave bytes to a descriptor or got some: one pass over its log."""

from __future__ import annotations

import functools
import heapq
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from reenact import _native
from reenact.events import Event
from reenact.session.recorded_trace import RecordedTrace
from reenact.streams.descriptions import Description, Place, Transfer
from reenact.streams.descriptors import Descriptors, descriptor_number
from reenact.streams.passed import RECVMSG, SENDMSG, Passing, received

#: Calls that get bytes, with the argument of their descriptor.
RECEIVING = {0: 0, 17: 0, 19: 0, 45: 0, 47: 0, 275: 0, 295: 0, 326: 0, 327: 0, 40: 1}
#: Of calls that have one, the argument with a position in the file; of the last two behind an
#: address that may be zero.
_POSITIONS = {17: 3, 18: 3, 295: 3, 296: 3, 327: 3, 328: 3}
#: Calls with a flag that leaves the bytes where they are, and the argument of flags.
_PEEKING = {45: 3, 47: 2}
_MSG_PEEK = 2
_LSEEK, _CONNECT = 8, 42
#: Calls that tell device and inode of a descriptor, and where in what they write: fstat, and
#: newfstatat with an empty path, which is not told from others and so does not count.
_FSTAT = 5
_NEWFSTATAT, _AT_EMPTY_PATH = 262, 0x1000
#: Device and inode, and at another place of a `struct stat` what a special file stands for.
_STATUS, _DEVICE = struct.Struct("<QQ"), struct.Struct("<40xQ")
#: connect, bind, getsockname, fcntl, close_range, ioctl, setsid; processes that are made; other
#: kinds of events.
_OTHERS = (
    _LSEEK,
    _CONNECT,
    _FSTAT,
    _NEWFSTATAT,
    49,
    51,
    72,
    436,
    16,
    112,
    56,
    57,
    58,
    435,
    0,
    1,
    2,
)
_MOST_CALLS = 512
_KINDS = ("syscall", "image-begin", "vfork-return", "process-start")


@dataclass
class Transfers:
    """What a recording's processes gave and got.

    Arguments:
        sent: calls that gave bytes, in order of time.
        received: calls that got some, in order of time.
        connected: sockets that were connected, in order of time.
        passed: calls that got descriptors with a message, and did not learn which they are.
    """

    sent: list[Transfer] = field(default_factory=list)
    received: list[Transfer] = field(default_factory=list)
    connected: list[Description] = field(default_factory=list)
    passed: list[Place] = field(default_factory=list)


def read_transfers(
    trace: RecordedTrace, passings: Mapping[Place, Passing | None] | None = None
) -> Transfers:
    """Read all transfers of a recording.

    Arguments:
        trace: the trace.
        passings: by calls that got descriptors with a message: how they were given, as far as that
            is known.

    Errors: `TraceError` for a damaged log.
    """
    reader = _Reader(trace, passings or {})
    reader.read()
    found = reader.found
    found.connected.sort(key=lambda one: one.connected or (0.0, (0, 0)))
    return found


class _Reader:
    """Goes through the events of all processes in order of time, as far as one is told."""

    def __init__(self, trace: RecordedTrace, passings: Mapping[Place, Passing | None]) -> None:
        self._trace = trace
        self.found = Transfers()
        self._passings = passings
        #: What was given with messages, by the calls that gave it.
        self._under_way: dict[Place, tuple[Description, ...]] = {}
        self._giving = {one.sent: one.numbers for one in passings.values() if one is not None}
        #: Calls of those that have been gone through.
        self._settled: set[Place] = set()
        #: Processes whose next event has got what is yet to be given, by the call that gives it. An
        #: event has the time at which its call began, and who receives may have begun earlier.
        self._held: dict[Place, list[tuple[int, Event, Iterator[Event]]]] = {}
        self._known: dict[int, Descriptors] = {}
        #: What a child of vfork does until it executes a program, by process; and its number.
        self._borrowed: dict[int, tuple[Descriptors, int]] = {}
        self._waiting: list[tuple[float, int, Event, Iterator[Event]]] = []
        self._children: dict[tuple[int, int], list[int]] = {}
        self._roots: list[int] = []
        processes = _native.Trace(trace.path).processes()
        there = {process.number for process in processes}
        for process in processes:
            is_first = process.parent not in there or process.begins_behind is not None
            if process.parent is None or process.parent_event is None or is_first:
                self._roots.append(process.number)
            else:
                key = (process.parent, process.parent_event)
                self._children.setdefault(key, []).append(process.number)

    def read(self) -> None:
        """Read everything."""
        for number in self._roots:
            self._begin(number, None)
        while self._waiting or self._held:
            if not self._waiting:
                # What they wait for never comes: it has not taken effect.
                self._release(next(iter(self._held)), 0.0)
            _, number, event, rest = heapq.heappop(self._waiting)
            passing = self._passings.get((event.process, event.index))
            if passing is not None and passing.sent not in self._settled:
                self._held.setdefault(passing.sent, []).append((number, event, rest))
                continue
            self._take(event)
            self._release((event.process, event.index), event.seconds)
            following = next(rest, None)
            if following is not None:
                heapq.heappush(self._waiting, (following.seconds, number, following, rest))

    def _release(self, sent: Place, seconds: float) -> None:
        """Let those go on who wait for a message with descriptors."""
        if sent not in self._giving:
            return
        self._settled.add(sent)
        for number, event, rest in self._held.pop(sent, ()):
            heapq.heappush(self._waiting, (max(seconds, event.seconds), number, event, rest))

    def _begin(self, process: int, inherited: Descriptors | None) -> None:
        self._known[process] = Descriptors(process, inherited)
        events = self._trace.events(process, kinds=_KINDS, codes=_codes(), with_attachments=True)
        first = next(events, None)
        if first is not None:
            heapq.heappush(self._waiting, (first.seconds, process, first, events))

    def _take(self, event: Event) -> None:
        own = self._known[event.process]
        borrowed, borrower = self._borrowed.get(event.process, (None, 0))
        made_by = own
        if event.kind == "image-begin":
            own.execute()
        elif event.kind == "vfork-return":
            made_by = borrowed or own
            self._borrowed.pop(event.process, None)
        elif "vfork" in event.flags and event.result == 0 and borrowed is None:
            # From here on the child runs in the parent's log.
            self._borrowed[event.process] = (own.copy(), self._child_of_vfork(event))
        elif event.kind == "syscall":
            self._apply(event, borrowed if borrowed and event.tid == borrower else own)
        for child in self._children.get((event.process, event.index), ()):
            self._begin(child, made_by)

    def _child_of_vfork(self, event: Event) -> int:
        later = self._trace.events(event.process, event.index, kinds=("vfork-return",))
        return next((found.result for found in later), 0)

    def _apply(self, event: Event, descriptors: Descriptors) -> None:
        was_connected = event.code == _CONNECT
        descriptors.apply(event)
        if was_connected:
            self._note_connection(event, descriptors)
        if event.result < 0:
            return
        if event.code in (SENDMSG, RECVMSG):
            self._pass_descriptors(event, descriptors)
        if event.code == _LSEEK:
            descriptors.description(descriptor_number(event.args[0])).offset = event.result
        elif event.code == _FSTAT or (
            event.code == _NEWFSTATAT
            and event.args[3] & _AT_EMPTY_PATH
            and event.args[0] >> 31 == 0
        ):
            _identify(event, descriptors.description(descriptor_number(event.args[0])))
        elif event.result > 0:
            self._note_transfers(event, descriptors)

    def _pass_descriptors(self, event: Event, descriptors: Descriptors) -> None:
        place = (event.process, event.index)
        if place in self._giving:
            self._under_way[place] = tuple(map(descriptors.description, self._giving[place]))
        numbers = received(event)
        if not numbers:
            return
        passing = self._passings.get(place)
        what = () if passing is None else self._given(passing)
        if place not in self._passings:
            self.found.passed.append(place)
        unknown = [Description("passed", place) for _ in numbers[len(what) :]]
        for number, description in zip(numbers, [*what, *unknown]):
            # Whether it is closed by `execve` is in flags that hardly anybody sets.
            descriptors.known[number] = (description, False)

    def _given(self, passing: Passing) -> tuple[Description, ...]:
        """What the sender of a message has given with it."""
        return self._under_way.get(passing.sent, ())

    def _note_connection(self, event: Event, descriptors: Descriptors) -> None:
        socket = descriptors.description(descriptor_number(event.args[0]))
        if socket.connected is not None and socket.connected[1] == (event.process, event.index):
            self.found.connected.append(socket)

    def _note_transfers(self, event: Event, descriptors: Descriptors) -> None:
        where = RECEIVING.get(event.code)
        if where is not None and not _is_peek(event):
            descriptor = descriptor_number(event.args[where])
            self.found.received.append(_transfer(event, descriptors, descriptor, is_sent=False))
        target = _native.content_target(event.code)
        if target is not None:
            descriptor = descriptor_number(event.args[target])
            self.found.sent.append(_transfer(event, descriptors, descriptor, is_sent=True))


@functools.cache
def _codes() -> frozenset[int]:
    """Codes of the events that matter: calls by what their rows say, and all of other kinds."""
    wanted = {*RECEIVING, *_OTHERS}
    for number in range(_MOST_CALLS):
        moves = _native.content_target(number) is not None
        if moves or _native.descriptors_of_call(number)[0] != "none":
            wanted.add(number)
    return frozenset(wanted)


def _transfer(
    event: Event, descriptors: Descriptors, descriptor: int, *, is_sent: bool
) -> Transfer:
    description = descriptors.description(descriptor)
    offset = None
    if event.code in _POSITIONS:
        offset = event.args[_POSITIONS[event.code]]
    elif description.kind == "opened" and not (is_sent and description.appends):
        offset = description.offset
        if offset is not None:
            description.offset = offset + event.result
    return Transfer(
        event.process,
        event.index,
        event.seconds,
        description,
        event.result,
        offset,
        event.code,
        descriptor,
    )


def _identify(event: Event, description: Description) -> None:
    for attachment in event.attachments:
        if attachment.tag == "write" and len(attachment.content) >= _DEVICE.size:
            description.identity = _STATUS.unpack_from(attachment.content)
            (description.device,) = _DEVICE.unpack_from(attachment.content)
            return


def _is_by_descriptor(event: Event) -> bool:
    has_no_path = event.code == _NEWFSTATAT and bool(event.args[3] & _AT_EMPTY_PATH)
    return has_no_path and descriptor_number(event.args[0]) >= 0


def _is_peek(event: Event) -> bool:
    return event.code in _PEEKING and bool(event.args[_PEEKING[event.code]] & _MSG_PEEK)
