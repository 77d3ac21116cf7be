"""System calls of a function that is called in a branch: what a copy may do.

It may print, allocate, look at the clock, and take locks that nobody holds. Whatever would touch
the world outside is refused by name.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass

from reenact import _native
from reenact.session.interface import StoppedProcess

_PAGE = 4096
_MASK = 0xFFFF_FFFF_FFFF_FFFF
_ENOMEM, _EINVAL, _ENOTTY, _EAGAIN = -12, -22, -25, -11
_OUTPUTS = (1, 2)
_WRITEV = 20
_TIME = struct.Struct("<qq")
_MAP_PRIVATE, _MAP_FIXED, _MAP_ANONYMOUS = 2, 0x10, 0x20
_FUTEX_COMMAND, _FUTEX_WAIT, _FUTEX_WAKE, _FUTEX_WAIT_BITSET, _FUTEX_WAKE_BITSET = 0x7F, 0, 1, 9, 10
_AT_EMPTY_PATH = 0x1000
#: `struct stat` of a pipe: what the standard library writes to in pieces (stat(2), x86-64).
_STATUS_LENGTH, _MODE_AT, _BLOCK_AT, _PIPE = 144, 24, 56, 0o010600
_CLOCK_REALTIME = (0, 5)
#: Most bytes that one call may print or map.
_MOST_PRINTED, _MOST_MAPPED = 16 << 20, 4 << 30


class Refused(Exception):  # noqa: N818 (it is told as a sentence by whoever asked)
    """The function does what a copy cannot do; the text says what."""


@dataclass(frozen=True)
class Clock:
    """What clocks show in a branch.

    Arguments:
        real: nanoseconds since the epoch, at the branch's position.
        elapsed: nanoseconds since the recording began, for all other clocks.
    """

    real: int
    elapsed: int


class CopyCalls:
    """Carries out the system calls of a copy.

    Arguments:
        copy: the branch.
        clock: the time there.
        pid: the process, as it sees itself.
        output: called with a descriptor, 1 or 2, and what is printed there.
    """

    def __init__(
        self,
        copy: StoppedProcess,
        clock: Clock,
        pid: int,
        output: Callable[[int, bytes], object],
    ) -> None:
        self._copy = copy
        self._clock = clock
        self._pid = pid
        self._output = output
        self._printed = 0
        self._mapped = 0
        self._handlers: dict[int, Callable[[list[int]], int]] = {
            1: self._write,
            _WRITEV: self._write_vector,
            5: lambda args: self._status(args[0], args[1]),
            262: self._status_at,
            9: self._map,
            10: lambda _: 0,  # Memory of a copy need not be protected,
            11: lambda _: 0,  # nor given back.
            12: lambda _: 0,
            28: lambda _: 0,
            13: self._signal_action,
            14: self._signal_mask,
            16: lambda args: self._of_output(args[0], _ENOTTY),
            24: lambda _: 0,
            39: lambda _: pid,
            186: lambda _: self._copy.state.tid,
            96: self._time_of_day,
            201: self._seconds,
            202: self._futex,
            228: self._time,
            318: self._random,
        }

    @property
    def time_stamp(self) -> int:
        """What the time-stamp counter shows."""
        return self._clock.elapsed

    def answer(self, number: int, args: list[int]) -> int:
        """The result of a system call. Errors: `Refused` for one that a copy may not make."""
        handler = self._handlers.get(number)
        if handler is None:
            raise Refused(f"it makes the system call {_native.call_name(number & 0xFFFF)}")
        return handler(args)

    # Output

    def _of_output(self, descriptor: int, result: int) -> int:
        if descriptor & 0xFFFF_FFFF not in _OUTPUTS:
            raise Refused(f"it uses descriptor {descriptor & 0xFFFF_FFFF}")
        return result

    def _write(self, args: list[int]) -> int:
        return self._print(args[0], [(args[1], args[2])])

    def _write_vector(self, args: list[int]) -> int:
        ranges = _native.content_ranges(_WRITEV, args, _MASK, self._copy.read)
        return self._print(args[0], ranges or [])

    def _print(self, descriptor: int, ranges: list[tuple[int, int]]) -> int:
        self._of_output(descriptor, 0)
        total = sum(length for _, length in ranges)
        self._printed += total
        if self._printed > _MOST_PRINTED:
            raise Refused("it prints without end")
        for address, length in ranges:
            self._output(descriptor & 0xFFFF_FFFF, self._copy.read(address, length))
        return total

    def _status(self, descriptor: int, address: int) -> int:
        self._of_output(descriptor, 0)
        status = bytearray(_STATUS_LENGTH)
        struct.pack_into("<I", status, _MODE_AT, _PIPE)
        struct.pack_into("<q", status, _BLOCK_AT, _PAGE)
        self._copy.write(address, bytes(status))
        return 0

    def _status_at(self, args: list[int]) -> int:
        if not args[3] & _AT_EMPTY_PATH:
            raise Refused("it makes the system call newfstatat")
        return self._status(args[0], args[2])

    # Memory

    def _map(self, args: list[int]) -> int:
        address, length, protection, flags = args[:4]
        if not flags & _MAP_ANONYMOUS or not flags & _MAP_PRIVATE:
            raise Refused("it maps a file, or memory that processes share")
        length = -(-length // _PAGE) * _PAGE
        if not 0 < length <= _MOST_MAPPED - self._mapped:
            return _ENOMEM
        self._mapped += length
        if not flags & _MAP_FIXED:
            address = self._gap(length)
        elif address % _PAGE:
            return _EINVAL
        self._copy.map(address, length, protection & 7 | 3)
        return address

    def _gap(self, length: int) -> int:
        """The highest place below the program's mappings where there is room."""
        end = 0
        for mapping in reversed(self._copy.mappings()):
            if end and end - mapping.end >= length + 2 * _PAGE:
                return end - _PAGE - length
            end = mapping.start
        raise Refused("it wants more memory than there is")

    # Signals, locks, time

    def _signal_action(self, args: list[int]) -> int:
        if args[2]:
            self._copy.write(args[2], bytes(32))
        return 0

    def _signal_mask(self, args: list[int]) -> int:
        if args[2]:
            self._copy.write(args[2], bytes(min(args[3], 8)))
        return 0

    def _futex(self, args: list[int]) -> int:
        command = args[1] & _FUTEX_COMMAND
        if command in (_FUTEX_WAKE, _FUTEX_WAKE_BITSET):
            return 0
        if command in (_FUTEX_WAIT, _FUTEX_WAIT_BITSET):
            there = int.from_bytes(self._copy.read(args[0], 4), "little")
            if there != args[2] & 0xFFFF_FFFF:
                return _EAGAIN
        raise Refused("it waits for a lock that another thread holds")

    def _time(self, args: list[int]) -> int:
        clock = self._clock.real if args[0] in _CLOCK_REALTIME else self._clock.elapsed
        self._copy.write(args[1], _TIME.pack(*divmod(clock, 1_000_000_000)))
        return 0

    def _time_of_day(self, args: list[int]) -> int:
        seconds, rest = divmod(self._clock.real, 1_000_000_000)
        if args[0]:
            self._copy.write(args[0], _TIME.pack(seconds, rest // 1000))
        return 0

    def _seconds(self, args: list[int]) -> int:
        seconds = self._clock.real // 1_000_000_000
        if args[0]:
            self._copy.write(args[0], seconds.to_bytes(8, "little"))
        return seconds

    def _random(self, args: list[int]) -> int:
        # The same each time: what a person tries twice is to be the same twice.
        self._copy.write(
            args[0], bytes(index * 167 + 13 & 0xFF for index in range(args[1] & 0xFFFF))
        )
        return args[1] & 0xFFFF
