"""What is in a trace that somebody may not want to send: files, environment, hosts, sizes.

The names of files and hosts that the program asked for are in its memory, not in the log: they are
found by a replay.
"""

from __future__ import annotations

import contextlib
import os
import re
import socket
import struct
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from reenact.errors import ReenactError
from reenact.events import Event
from reenact.printable import printable
from reenact.session.call_arguments import ArgumentReader
from reenact.terminal import counted, size
from reenact.trace import Trace

#: Calls that open a file, and the argument with its path; the one that connects a socket.
_OPENING = {2: 0, 85: 0, 257: 1, 437: 1, 59: 0, 322: 1}
_CONNECT = 42
_SENDING = {44: 4}
_WANTED = (*_OPENING, _CONNECT, *_SENDING)
#: Where nothing of a person's is.
_OF_SYSTEM = ("/usr/", "/lib", "/bin/", "/sbin/", "/proc/", "/sys/", "/dev/", "/etc/ld.so")
#: Names of variables that often hold what is nobody's business.
_SECRET = re.compile(r"TOKEN|SECRET|PASS|KEY|CREDENTIAL|AUTH|COOKIE|SESSION|DSN", re.IGNORECASE)
#: Names that are shown of each kind, and seconds that the replay may take.
_MOST_SHOWN = 8
_PATIENCE = 30.0


@dataclass
class Contents:
    """What is in a trace.

    Arguments:
        command: what was run, and where.
        files: paths that were opened, outside of the system's own directories.
        of_system: how many others.
        variables: names of the environment's variables.
        hosts: addresses that sockets were connected to.
        sizes: bytes of the log, of mapped files, of sources.
        counts: processes, mapped files, sources.
        unseen: why paths and hosts may be missing; "" when they are all there.
    """

    command: str
    hostname: str
    files: list[str] = field(default_factory=list)
    of_system: int = 0
    variables: list[str] = field(default_factory=list)
    hosts: list[str] = field(default_factory=list)
    sizes: tuple[int, int, int] = (0, 0, 0)
    counts: tuple[int, int, int] = (0, 0, 0)
    unseen: str = ""

    def lines(self) -> list[str]:
        """All of it on one screen."""
        secret = [name for name in self.variables if _SECRET.search(name)]
        log, mapped, sources = self.sizes
        rows = [
            ("command", self.command),
            ("machine", self.hostname),
            ("log", f"{size(log)}, {counted(self.counts[0], 'process')}: all that it read"),
            ("programs", f"{counted(self.counts[1], 'file')}, {size(mapped)}"),
            ("sources", f"{counted(self.counts[2], 'file')}, {size(sources)}"),
            ("files", _some(self.files) + f", and {self.of_system:,} of the system"),
            ("hosts", _some(self.hosts)),
            ("variables", f"{len(self.variables)} of the environment, with their values"),
        ]
        if secret:
            rows.append(("", f"perhaps secret: {_some(secret)}"))
        if self.unseen:
            rows.append(("", f"files and hosts may be missing here: {self.unseen}"))
        return [printable(f"  {name:<10} {text}") for name, text in rows]


def contents_of(trace: Trace) -> Contents:
    """What is in a trace; replays its processes one after the other, for half a minute at most."""
    import shlex

    given = trace.manifest.fields.get("environment")
    names = [str(one).partition("=")[0] for one in given] if isinstance(given, list) else []
    processes = trace.processes
    found = Contents(shlex.join(trace.manifest.command), trace.manifest.hostname, variables=names)
    found.sizes, found.counts = _sizes(trace.path, len(processes))
    files: dict[str, None] = {}
    hosts: dict[str, None] = {}
    end = time.monotonic() + _PATIENCE
    for process in processes:
        events = trace.events(process.number, kinds=("syscall",), codes=_WANTED)
        try:
            with contextlib.closing(ArgumentReader(trace, process.number)) as reader:
                _read(events, reader, (files, hosts), end)
        except ReenactError as error:
            found.unseen = error.message
        if time.monotonic() > end:
            found.unseen = "the recording is long"
            break
    found.files = [path for path in files if not path.startswith(_OF_SYSTEM)]
    found.of_system = len(files) - len(found.files)
    found.hosts = list(hosts)
    return found


def _read(
    events: Iterable[Event],
    reader: ArgumentReader,
    found: tuple[dict[str, None], dict[str, None]],
    end: float,
) -> None:
    files, hosts = found
    for event in events:
        if event.code in _OPENING and event.result >= 0:
            path = reader.paths(event).get(_OPENING[event.code], b"")
            if path:
                files[os.fsdecode(path)] = None
        elif event.code not in _OPENING:
            place = 1 if event.code == _CONNECT else _SENDING[event.code]
            address = reader.content(event, place, min(event.args[place + 1], 128))
            if host := _host(address):
                hosts[host] = None
        if time.monotonic() > end:
            return


def _host(address: bytes) -> str:
    """A `struct sockaddr` as people write it."""
    with contextlib.suppress(struct.error, ValueError, OSError):
        (family,) = struct.unpack_from("<H", address)
        if family == socket.AF_INET:
            port, host = struct.unpack_from(">H4s", address, 2)
            return f"{socket.inet_ntop(family, host)}:{port}" if port else ""
        if family == socket.AF_INET6:
            port, _, host = struct.unpack_from(">HI16s", address, 2)
            return f"[{socket.inet_ntop(family, host)}]:{port}" if port else ""
        if family == socket.AF_UNIX:
            name = address[2:].lstrip(b"\0").partition(b"\0")[0]
            return os.fsdecode(name)
    return ""


def _sizes(trace: str, processes: int) -> tuple[tuple[int, int, int], tuple[int, int, int]]:
    sizes, counts = [0, 0], [0, 0]
    for number, folder in enumerate(("files", "sources")):
        with contextlib.suppress(OSError), os.scandir(os.path.join(trace, folder)) as entries:
            for entry in entries:
                sizes[number] += entry.stat(follow_symlinks=False).st_size
                counts[number] += 1
    log = os.path.getsize(os.path.join(trace, "events"))
    return (log, *sizes), (processes, *counts)  # type: ignore[return-value]


def _some(names: list[str]) -> str:
    if not names:
        return "none"
    shown = ", ".join(names[:_MOST_SHOWN])
    more = len(names) - _MOST_SHOWN
    return f"{shown}, and {more:,} more" if more > 0 else shown
