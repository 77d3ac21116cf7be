"""What is in a trace: processes and events, as values."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from reenact.errors import UsageError

#: Kinds of events (`EventKind::name` in crates/trace).
KINDS = (
    "syscall",
    "data",
    "process-start",
    "image-begin",
    "image-ready",
    "signal",
    "signal-return",
    "fault",
    "instruction",
    "vfork-return",
    "exit",
    "note",
    "recording-end",
    "blocked",
    "preempted",
    "turn",
    "traced",
    "snapshot",
)

#: Names of the bits of `Event.flags` (`flags` in crates/trace/src/event.rs).
FLAGS = {
    1: "immediate",
    2: "vdso",
    4: "stdout",
    8: "stderr",
    16: "vfork",
    32: "patched",
    64: "at-syscall-entry",
    128: "filtered",
}


@dataclass(frozen=True)
class Process:
    """A recorded process; it keeps its number through `execve`.

    Arguments:
        number: counts the processes of a trace from 0.
        parent: number of the process that made it; None for the first.
        pid, ppid: as the program saw them.
        start: "root", "fork", "vfork-exec" or "attached".
        program: the file it ran last; empty when its log does not reach that far.
        arguments: arguments of that program.
        events: number of events in its log, and before it (`begins_behind`).
        exit_status: when it exited, else None.
        signal: number of the signal it died by, else None.
        is_complete: whether the log reaches the end of the process.
        dumped_core: whether the kernel is known to have written a core dump.
        begins_behind: the event behind which its log begins; None: with the process.
    """

    number: int
    parent: int | None
    pid: int
    ppid: int
    start: str
    program: str
    arguments: tuple[str, ...]
    events: int
    exit_status: int | None
    signal: int | None
    is_complete: bool
    dumped_core: bool = False
    begins_behind: int | None = None

    @property
    def logged(self) -> int:
        """Number of events in its log."""
        return self.events if self.begins_behind is None else self.events - self.begins_behind - 1


@dataclass(frozen=True)
class Attachment:
    """Data that belongs to an event: `tag` says which, `address` where it is in the program."""

    tag: str
    address: int
    content: bytes


@dataclass(frozen=True)
class Event:
    """Something the program learned from outside, or that changed its course.

    Arguments:
        process: number of the process.
        index: counts the events of a process from 0.
        kind: one of `KINDS`.
        code: system call, signal or instruction number, by kind.
        flags: names from `FLAGS`.
        tid: thread, as the program saw it.
        seconds: since the start of the recording.
        ip: instruction pointer (for a system call: after the instruction).
        register_checksum: checksum of the registers before it took effect.
        result: result of a system call, status of an exit.
        args: arguments of a system call; other kinds use them as their format says.
        text: one line for people, as strace would write it.
    """

    process: int
    index: int
    kind: str
    code: int
    flags: tuple[str, ...]
    tid: int
    seconds: float
    ip: int
    register_checksum: int
    result: int
    args: tuple[int, ...]
    text: str
    attachments: tuple[Attachment, ...] = ()


def check_kinds(kinds: Collection[str]) -> None:
    """See that all are kinds of events. Errors: `UsageError` for any other word."""
    unknown = [kind for kind in kinds if kind not in KINDS]
    if unknown:
        raise UsageError(
            f"there is no kind of events {unknown[0]!r}", f"there are {', '.join(KINDS)}"
        )


def flag_names(flags: int) -> tuple[str, ...]:
    """Names of the bits that are set."""
    return tuple(name for bit, name in FLAGS.items() if flags & bit)
