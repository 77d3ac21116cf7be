"""What descriptors stand for: open file descriptions, as open(2) calls them. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

#: An event of a process: numbers of both.
Place = tuple[int, int]


@dataclass(eq=False)
class Terminal:
    """A pseudo-terminal, which both of its sides share.

    Arguments:
        made: the event that made its master side.
        number: of its other side in /dev/pts, where the program has asked for it.
        has_packets: whether the program may have asked for a control byte before each answer
            (TIOCPKT).
    """

    made: Place | None
    number: int | None = None
    has_packets: bool = False


@dataclass(eq=False)
class Description:
    """What one or more descriptors of one or more processes stand for.

    Arguments:
        kind: "outside" (from before the recording), "pipe", "pair", "socket", "connection" (of a
            socket that listens), "opened", "terminal" (either side of one), "passed" (got with a
            message, and not known what it is), or "other".
        made: the event that made it; None: it was there before.
        peer: the other end of a pipe or of a pair of sockets.
        listener: of a connection, the socket that listened.
        connected: when a socket was connected: seconds, and the event.
        bound: the event that gave a socket its address.
        address: of a socket, where the kernel has told it; bytes of a `struct sockaddr`.
        is_stream: whether bytes follow each other without bounds between messages.
        appends: whether each write goes to the end of the file.
        truncates: whether opening it has emptied the file.
        offset: of an opened file, as far as it is known.
        identity: of a file, device and inode, where the program has asked for them.
        device: what a special file stands for (`st_rdev`), where the program has asked for it.
        terminal: the pseudo-terminal that it is a side of, where that is known.
        is_master: it is the side that a terminal emulator has.
        controlling: of what was opened, the terminal that /dev/tty was for the process.
    """

    kind: str
    made: Place | None = None
    peer: Description | None = None
    listener: Description | None = None
    connected: tuple[float, Place] | None = None
    bound: Place | None = None
    address: bytes = b""
    is_stream: bool = True
    appends: bool = False
    truncates: bool = False
    offset: int | None = 0
    identity: tuple[int, int] | None = None
    device: int | None = None
    terminal: Terminal | None = None
    is_master: bool = False
    controlling: Description | None = None
    accepted: list[tuple[float, Description]] = field(default_factory=list)

    def __str__(self) -> str:
        noun = {
            "outside": "what was open before the recording",
            "pipe": "a pipe",
            "pair": "a pair of sockets",
            "socket": "a socket",
            "connection": "a socket",
            "opened": "a file",
            "terminal": "a pseudo-terminal",
            "passed": "a descriptor from another process,",
        }.get(self.kind, "what is followed by nobody")
        return noun if self.made is None else f"{noun} made at {self.made[0]}:{self.made[1]}"


@dataclass(frozen=True)
class Transfer:
    """A call that gave bytes to what a descriptor stands for, or got some from it.

    Arguments:
        process, event: the call.
        seconds: since the recording began.
        description: what the descriptor stood for.
        length: bytes.
        offset: of the first byte in a file, where that is known; None for streams.
        call: number of the system call.
        descriptor: its number in the process.
    """

    process: int
    event: int
    seconds: float
    description: Description
    length: int
    offset: int | None
    call: int
    descriptor: int
