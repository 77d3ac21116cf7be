"""A bare client of the remote server, for what no debugger would send."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

#: A server that hangs fails its test instead of all of them; nothing depends on the time else.
LONGEST = 120


@contextlib.contextmanager
def served(reenact, trace: Path, *options: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """`reenact replay --server` on a trace: the process and its port."""
    words = [*reenact.command, "replay", str(trace), "--server", "127.0.0.1:0", *options]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        line = process.stdout.readline()
        assert line, process.stderr.read()
        yield process, int(line.rpartition(":")[2])
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        process.stderr.close()


class Client:
    """A connection; used with `with`."""

    def __init__(self, port: int) -> None:
        self._pending = b""
        self._socket = until(lambda: self._served(port), "nobody serves")
        self._socket.settimeout(LONGEST)

    def _served(self, port: int) -> socket.socket | None:
        """A connection that is served; one beside another client's is reset."""
        self._socket = until(lambda: connected(port), "nobody listens")
        with contextlib.suppress(ConnectionResetError, BrokenPipeError):
            self._socket.settimeout(LONGEST)
            self.ask("qC")
            return self._socket
        self._socket.close()
        return None

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def send(self, raw: bytes) -> None:
        """Send bytes as they are."""
        self._socket.sendall(raw)

    def ask(self, content: str) -> str:
        """Send a packet, and take the answer to it."""
        self.send_packet(content)
        return self.answer()

    def send_packet(self, content: str) -> None:
        """Send a packet."""
        raw = content.encode("latin-1")
        self.send(b"$" + raw + b"#%02x" % (sum(raw) & 0xFF))

    def answer(self) -> str:
        """The next packet that comes, apart from what is to be shown to a person."""
        while True:
            found = re.search(rb"\$([^#]*)#..", self._pending)
            if found is None:
                part = self._socket.recv(1 << 16)
                assert part, "the server has gone away"
                self._pending += part
                continue
            self._pending = self._pending[found.end() :]
            self.send(b"+")
            if not re.fullmatch(rb"O([0-9a-f]{2})+", found[1]):
                return found[1].decode("latin-1")

    def has_answer(self, seconds: float) -> bool:
        """Whether a packet has come or comes within some time."""
        self._socket.settimeout(seconds)
        try:
            self._pending += self._socket.recv(1 << 16)
        except TimeoutError:
            pass
        finally:
            self._socket.settimeout(LONGEST)
        return re.search(rb"\$([^#]*)#..", self._pending) is not None


def until(found: Callable[[], object], complaint: str):
    """What a function returns once that is something; it is asked again and again."""
    end = time.monotonic() + LONGEST
    while True:
        result = found()
        if result:
            return result
        assert time.monotonic() < end, complaint
        time.sleep(0.05)


def connected(port: int) -> socket.socket | None:
    """A connection, if somebody listens; who has taken another one meanwhile resets it."""
    with contextlib.suppress(ConnectionRefusedError, ConnectionResetError):
        connection = socket.create_connection(("127.0.0.1", port))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection
    return None


class Replayers:
    """The processes that replay for a `reenact` process, also when that is gone.

    They have the recorded program's memory, and with it no command line of their own: they are
    known by their process groups.
    """

    def __init__(self, reenact: int) -> None:
        self._groups = {
            pid
            for pid, (parent, _) in _processes().items()
            if parent == reenact and _program(pid).endswith("replayer")
        }
        assert self._groups, "no replayer"

    def pids(self) -> list[int]:
        """All that live."""
        return [pid for pid, (_, group) in _processes().items() if group in self._groups]


def child_of(parent: int, name: str) -> int:
    """Pid of the child that runs a program; 0: there is none."""
    children = (pid for pid, (its_parent, _) in _processes().items() if its_parent == parent)
    return next((pid for pid in children if _program(pid).endswith(f"/{name}")), 0)


def _processes() -> dict[int, tuple[int, int]]:
    """Parent and group of each process that has not ended."""
    found = {}
    for name in filter(str.isdecimal, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            fields = Path("/proc", name, "stat").read_text().rpartition(")")[2].split()
            if fields[0] not in "ZX":
                found[int(name)] = (int(fields[1]), int(fields[2]))
    return found


def _program(pid: int) -> str:
    with contextlib.suppress(OSError):
        return os.readlink(f"/proc/{pid}/exe")
    return ""


def children(parent: int) -> list[int]:
    """Pids of the children that live."""
    return [pid for pid, (its_parent, _) in _processes().items() if its_parent == parent]
