"""The program's memory as bytes."""

from __future__ import annotations

from collections.abc import Callable

from reenact.errors import Hint, ReplayError
from reenact.session.interface import StoppedProcess


class ProcessMemory:
    """Memory of the process at the session's position.

    Arguments:
        stopped: gives the process that stands there.
    """

    def __init__(self, stopped: Callable[[], StoppedProcess]) -> None:
        self._stopped = stopped

    def __repr__(self) -> str:
        return "<memory of the process: memory[start:end] is bytes>"

    def __getitem__(self, addresses: slice) -> bytes:
        """`memory[start:end]`. Errors: `ReplayError` where not all of it can be read."""
        if not isinstance(addresses, slice):
            raise ReplayError("memory is read as memory[start:end]", "give both addresses")
        start, end = addresses.start, addresses.stop
        if addresses.step is not None or start is None or end is None or end < start:
            raise ReplayError("memory is read as memory[start:end]", "give both addresses")
        found = self.read(start, end - start)
        if len(found) < end - start:
            raise ReplayError(
                f"the program has no memory at {start + len(found):#x} here",
                Hint("see Session.mappings", gdb="see info proc mappings", line=""),
            )
        return found

    def read(self, address: int, length: int) -> bytes:
        """The bytes from `address` on, up to `length`: fewer where a byte cannot be read."""
        return self._stopped().read(address, length)

    def checksum(self, address: int, length: int) -> tuple[int, int]:
        """How many bytes can be read from `address` on, up to `length`, and their checksum.

        Much cheaper than to read them, where only differences matter. The checksum has 64 bits,
        is not cryptographic, and may be another one in another version.

        Example:
            >>> mapping = session.mappings[0]
            >>> size = mapping.end - mapping.start
            >>> before = session.memory.checksum(mapping.start, size)
            >>> before == session.memory.checksum(mapping.start, size), before[0] == size
            (True, True)
        """
        return self._stopped().checksum(address, length)
