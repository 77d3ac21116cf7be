"""The descriptors of one process: which number stands for what. Pure."""

from __future__ import annotations

import os
import struct

from reenact import _native
from reenact.events import Event
from reenact.streams.descriptions import Description, Terminal

_PAIR = struct.Struct("<ii")
_CLOSE_RANGE, _FCNTL, _PIPES = 436, 72, (22, 293)
_DUP2, _DUP3 = 33, 292
_OPENS = {2: 1, 257: 2}
_SOCKET, _SOCKETPAIR, _CREAT = 41, 53, 85
_ACCEPTS, _CONNECT, _BIND, _GETSOCKNAME = (43, 288), 42, 49, 51
#: ioctl_tty(2): which side of a pseudo-terminal is asked tells what it is.
_IOCTL, _SETSID = 16, 112
_TIOCGPTN, _TIOCSPTLCK, _TIOCGPTPEER = 0x80045430, 0x40045431, 0x5441
_TIOCSCTTY, _TIOCPKT = 0x540E, 0x5420
_F_DUPFD, _F_SETFD, _F_DUPFD_CLOEXEC = 0, 2, 1030
_CLOSE_RANGE_CLOEXEC = 4
_FD_CLOEXEC = 1
_SOCK_STREAM, _SOCK_TYPE, _SOCK_CLOEXEC = 1, 0xF, os.O_CLOEXEC
_CREATED = os.O_CREAT | os.O_WRONLY | os.O_TRUNC
_EINPROGRESS = -115
#: Argument with the flags of calls whose result is a new descriptor.
_FLAGS = {2: 1, 257: 2, 288: 3, 292: 2, 41: 1}


class Descriptors:
    """Numbers and what they stand for, as the calls of a process change it.

    Arguments:
        process: its number.
        inherited: those it begins with; None: it has none that are known.
    """

    def __init__(self, process: int, inherited: Descriptors | None = None) -> None:
        self._process = process
        #: By number: the description, and whether it is closed by `execve`.
        self.known: dict[int, tuple[Description, bool]] = {}
        #: The terminal that /dev/tty stands for, where the program has said so.
        self.controlling: Description | None = None
        if inherited is not None:
            self.known = dict(inherited.known)
            self.controlling = inherited.controlling

    def copy(self) -> Descriptors:
        """Those of a process that is made here."""
        return Descriptors(self._process, self)

    def execute(self) -> None:
        """Another program is loaded."""
        self.known = {fd: entry for fd, entry in self.known.items() if not entry[1]}

    def description(self, descriptor: int) -> Description:
        """What a number stands for; what nothing is known of was there before."""
        if descriptor not in self.known:
            self.known[descriptor] = (Description("outside"), False)
        return self.known[descriptor][0]

    def apply(self, event: Event) -> None:
        """Let a system call take effect."""
        args, place = event.args, (event.process, event.index)
        if event.code == _CONNECT and event.result in (0, _EINPROGRESS):
            self.description(descriptor_number(args[0])).connected = (event.seconds, place)
        if event.result < 0:
            return
        if event.code == _SETSID:
            self.controlling = None
        elif event.code == _IOCTL:
            self._terminal_request(event)
        elif event.code == _BIND:
            self.description(descriptor_number(args[0])).bound = place
        elif event.code == _GETSOCKNAME:
            self.description(descriptor_number(args[0])).address = _content(event, args[1])
        elif event.code == _CLOSE_RANGE:
            self._close_range(args[0], args[1], args[2])
        elif event.code == _FCNTL:
            self._control(event)
        elif event.code in _PIPES or event.code == _SOCKETPAIR:
            self._pair(event)
        else:
            self._by_row(event)

    def _by_row(self, event: Event) -> None:
        word, about = _native.descriptors_of_call(event.code)
        args, result = event.args, event.result
        if word == "close":
            self.known.pop(descriptor_number(args[about[0]]), None)
        elif word == "duplicate":
            old = self.description(descriptor_number(args[about[0]]))
            if event.code == _DUP2 and result == descriptor_number(args[0]):
                return
            closes = event.code == _DUP3 and bool(args[2] & os.O_CLOEXEC)
            self.known[result] = (old, closes)
        elif word == "result" or (word == "command" and self._is_new(event)):
            flags = args[_FLAGS[event.code]] if event.code in _FLAGS else 0
            self.known[result] = (self._made(event), bool(flags & os.O_CLOEXEC))

    def _terminal_request(self, event: Event) -> None:
        request = event.args[1] & 0xFFFF_FFFF
        if request not in (_TIOCGPTN, _TIOCSPTLCK, _TIOCGPTPEER, _TIOCPKT, _TIOCSCTTY):
            self._by_row(event)
            return
        asked = self.description(descriptor_number(event.args[0]))
        if request == _TIOCSCTTY:
            self.controlling = asked
            return
        if asked.terminal is None:
            asked.kind, asked.is_master = "terminal", True
            asked.terminal = Terminal(asked.made)
        if request == _TIOCPKT:
            asked.terminal.has_packets = True
        elif request == _TIOCGPTN:
            asked.terminal.number = int.from_bytes(_content(event, event.args[2])[:4], "little")
        elif request == _TIOCGPTPEER:
            made = Description("terminal", (event.process, event.index), terminal=asked.terminal)
            self.known[event.result] = (made, bool(event.args[2] & os.O_CLOEXEC))

    def _is_new(self, event: Event) -> bool:
        return event.result > 2 and event.result not in self.known

    def _made(self, event: Event) -> Description:
        place = (event.process, event.index)
        if event.code in _OPENS or event.code == _CREAT:
            flags = _CREATED if event.code == _CREAT else event.args[_OPENS[event.code]]
            made = Description("opened", place)
            made.appends = bool(flags & os.O_APPEND)
            made.truncates = bool(flags & os.O_TRUNC)
            made.controlling = self.controlling
            return made
        if event.code == _SOCKET:
            is_stream = event.args[1] & _SOCK_TYPE == _SOCK_STREAM
            return Description("socket", place, is_stream=is_stream)
        if event.code in _ACCEPTS:
            listener = self.description(descriptor_number(event.args[0]))
            made = Description("connection", place, listener=listener)
            listener.accepted.append((event.seconds, made))
            return made
        return Description("other", place)

    def _pair(self, event: Event) -> None:
        is_pipe = event.code in _PIPES
        address, flags = event.args[0 if is_pipe else 3], 0
        if event.code == _PIPES[1] or not is_pipe:
            flags = event.args[1]
        content = _content(event, address)
        if len(content) < _PAIR.size:
            return
        place = (event.process, event.index)
        is_stream = is_pipe or flags & _SOCK_TYPE == _SOCK_STREAM
        ends = [Description("pipe" if is_pipe else "pair", place) for _ in range(2)]
        ends[0].peer, ends[1].peer = ends[1], ends[0]
        for number, end in zip(_PAIR.unpack_from(content), ends):
            end.is_stream = is_stream
            self.known[number] = (end, bool(flags & os.O_CLOEXEC))

    def _control(self, event: Event) -> None:
        descriptor, command = descriptor_number(event.args[0]), event.args[1]
        if command in (_F_DUPFD, _F_DUPFD_CLOEXEC):
            closes = command == _F_DUPFD_CLOEXEC
            self.known[event.result] = (self.description(descriptor), closes)
        elif command == _F_SETFD:
            closes = bool(event.args[2] & _FD_CLOEXEC)
            self.known[descriptor] = (self.description(descriptor), closes)

    def _close_range(self, first: int, last: int, flags: int) -> None:
        for number in [number for number in self.known if first <= number <= last]:
            if flags & _CLOSE_RANGE_CLOEXEC:
                self.known[number] = (self.known[number][0], True)
            else:
                del self.known[number]


def descriptor_number(argument: int) -> int:
    """A descriptor as the kernel takes it: the low 32 bits, with a sign."""
    low = argument & 0xFFFF_FFFF
    return low - (1 << 32) if low >> 31 else low


def _content(event: Event, address: int) -> bytes:
    """What the kernel wrote at an address."""
    found = (one.content for one in event.attachments if one.address == address)
    return next((content for content in found if content), b"")
