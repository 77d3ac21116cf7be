"""Threads and processes as packets name them. Pure.

Source: "Packets", on thread-id, in gdb's manual (appendix E.2): `TID`, or `pPID.TID` for clients
that know of several processes; -1 means all, 0 any.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ThreadName:
    """What a packet names.

    Arguments:
        process: its pid; None: the one that is debugged, or all.
        thread: its number; None: all, or any.
    """

    process: int | None
    thread: int | None


def parse(text: str) -> ThreadName:
    """What `TID`, `pPID` or `pPID.TID` names. Errors: `ValueError` for anything else."""
    if not text.startswith("p"):
        return ThreadName(None, _number(text))
    process, _, thread = text[1:].partition(".")
    return ThreadName(_number(process), _number(thread) if thread else None)


def _number(text: str) -> int | None:
    number = int(text, 16)
    return number if number > 0 else None


@dataclass
class Names:
    """How threads of a process are written for a client.

    Arguments:
        process: pid of the process that is debugged.
        is_multiprocess: the client wants the process, too.
    """

    process: int
    is_multiprocess: bool = False

    def of(self, thread: int, process: int | None = None) -> str:
        """The text for a thread (of another process, with `process`)."""
        if not self.is_multiprocess:
            return f"{thread:x}"
        return f"p{self.process if process is None else process:x}.{thread:x}"
