"""What comes to the debugger's port and is not what its protocol has."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from debugger_session import built, record
from recorded_run import Reenact
from remote_client import LONGEST, Client, connected, served, until

from reenact.gdb.packets import told_error


@pytest.fixture(scope="module")
def trace(reenact: Reenact, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that computes without system calls for a while."""
    folder = tmp_path_factory.mktemp("protocol")
    return record(reenact, folder / "trace", built("ticking.c", folder))


@pytest.fixture
def server(reenact: Reenact, trace: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A server on it."""
    with served(reenact, trace) as found:
        yield found


def ask_as_browser(port: int, text: str) -> bytes:
    """Send something that is no packet, and take all that comes until the server closes."""
    raw = until(lambda: connected(port), "nobody listens")
    with raw, contextlib.suppress(ConnectionError):
        raw.settimeout(LONGEST)
        raw.sendall(text.encode())
        return raw.recv(1 << 16)
    return b""


def test_clients_of_another_protocol(server: tuple[subprocess.Popen[str], int]) -> None:
    """They are told nothing, and what they send is not obeyed: a page can post to any port."""
    _, port = server
    with Client(port) as client:
        assert client.ask("qRcmd," + b"goto start".hex()) == b"0:2\n".hex()
        assert client.ask("vCont;s").startswith("T05thread:")
    move = "$bc#c5$vCont;c#a8"
    for text in (
        "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        f"POST / HTTP/1.1\r\nContent-Length: {len(move)}\r\n\r\n{move}",
        f"\r\n{move}",
        "SSH-2.0-OpenSSH_9.2\r\n",
        "\x16\x03\x01\x02\x00",
    ):
        assert ask_as_browser(port, text) == b"", text
    with Client(port) as client:
        assert client.ask("qRcmd," + b"when".hex()) == b"0:2+1\n".hex()


def test_a_packet_without_end(server: tuple[subprocess.Popen[str], int]) -> None:
    """It does not fill the memory."""
    _, port = server
    raw = until(lambda: connected(port), "nobody listens")
    with raw:
        raw.settimeout(LONGEST)
        raw.sendall(b"$")
        with pytest.raises(ConnectionError):
            raw.sendall(bytes(1 << 30))
    with Client(port) as client:
        assert client.ask("qRcmd," + b"when".hex()) == b"0:2\n".hex()


def test_errors_of_packets_are_whole(server: tuple[subprocess.Popen[str], int]) -> None:
    """A message with signs of the protocol in it ends neither the packet nor the line."""
    _, port = server
    with Client(port) as client:
        strange = "goto @a#b$c*d}e\x1b[31m"
        answer = bytes.fromhex(client.ask("qRcmd," + strange.encode().hex())).decode()
        assert "a#b$c*d}e\\x1b[31m" in answer, answer
        assert client.ask("qRcmd," + b"when".hex()) == b"0:2\n".hex()
    message = told_error("a#b$c*d}e\x1b\n")
    assert message == b"E.a\\x23b\\x24c\\x2ad\\x7de\\x1b\\n"
