"""What can go wrong between a debugger and a recording: it is told, nothing remains, it goes on."""

from __future__ import annotations

import contextlib
import os
import random
import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from debugger_session import built, debug, record
from gdb_machine import Machine
from remote_client import (
    LONGEST,
    Client,
    Replayers,
    child_of,
    connected,
    served,
    until,
)

#: Packets of the protocol that are not as it has them.
MALFORMED = """
m m, m10 mffffffffffffffffffff,8 m0,ffffffffffff p pffff P= P1=zz G00 Mx X1,2 X
Z Z0 Z0,x,1 Z9,10,1 Z2,0,0 z0 vCont; vCont;q vCont;r1 vCont;s:zz Hgzz Hg Hc T Tzz
qXfer: qXfer:features:read::0 qXfer:auxv:read::zz,1 qXfer:auxv:write::0,1
vFile: vFile:open:zz vFile:pread:9,9,9 vFile:close:77 vFile:readlink:
qRcmd, qRcmd,zz QCatchSyscalls: QPassSignals:zz D;zz qSupported
"""

SUPPORTED = "qSupported:multiprocess+;fork-events+;exec-events+;swbreak+"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where all of it is."""
    return tmp_path_factory.mktemp("trouble")


@pytest.fixture(scope="module")
def trace(reenact, folder: Path) -> Path:
    """A run that computes without system calls for a while."""
    return record(reenact, folder / "trace", built("ticking.c", folder))


@pytest.fixture
def server(reenact, trace: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A server on it."""
    with served(reenact, trace) as found:
        yield found


def check_usable(port: int) -> None:
    """A new client gets what it asks for."""
    with Client(port) as client:
        assert "ReverseContinue+" in client.ask(SUPPORTED)
        assert re.match(r"T05thread:p[0-9a-f]+\.[0-9a-f]+;", client.ask("?"))
        assert len(client.ask("g")) > 1000
        assert client.ask("qRcmd," + b"goto start".hex()) == b"0:2\n".hex()
        assert client.ask("vCont;s").startswith("T05thread:")
        assert bytes.fromhex(client.ask("qRcmd," + b"when".hex())) == b"0:2+1\n"


def test_without_symbols(reenact, folder: Path) -> None:
    """Names are unknown, and all that needs none works."""
    program = built("walk.c", folder, "-g0", "-s")
    bare = record(reenact, folder / "bare", program)
    said = debug(
        reenact, bare, "break main", "info sharedlibrary", "catch syscall write", "continue",
        "x/2i $pc", "backtrace 1", "when", "stepi 5", "reverse-stepi 5", "when", "last nothing",
        "reverse-continue", "when",
    )  # fmt: skip
    assert 'Function "main" not defined' in said[0] or "No symbol" in said[0]
    assert "syscall" in said[3]
    assert "=>" in said[4]
    assert said.position(6) == said.position(9)
    assert "No symbol" in said[10]
    assert said.position(12) == "0:2"
    assert "Traceback" not in said.everything


def test_clients_that_vanish(server: tuple[subprocess.Popen[str], int]) -> None:
    """In the middle of a packet, without a word, and in the middle of a long movement."""
    _, port = server
    for last_words in (b"", b"$vCont;c", b"$g#67", b"\x03\x03", b"$qSupported#37$bc#c5"):
        is_heard = False
        while not is_heard:
            raw = until(lambda: connected(port), "nobody listens")
            # Reset where the server has just taken the client before it.
            with raw, contextlib.suppress(ConnectionError):
                raw.sendall(last_words)
                is_heard = True
    with Client(port) as client:
        client.ask(SUPPORTED)
        client.ask("Z2,10,8")
        client.send_packet("vCont;c")
    check_usable(port)


def test_two_clients_at_once(server: tuple[subprocess.Popen[str], int]) -> None:
    """The second is refused at once, and the first does not notice; then it may come."""
    _, port = server
    with Client(port) as client:
        client.ask("?")
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port))
        assert client.ask("qRcmd," + b"when".hex()) == b"0:2\n".hex()
    check_usable(port)


def test_garbage(server: tuple[subprocess.Popen[str], int]) -> None:
    """Whatever comes, the next good packet is answered."""
    _, port = server
    generator = random.Random(7)
    with Client(port) as client:
        client.send(b"$g#00")  # a wrong checksum
        client.send(b"no packet at all \xff\x00+-+-")
        assert len(client.ask("g")) > 1000
        assert client.ask("vNothingOfThatName") == ""
        for packet in MALFORMED.split():
            try:
                answer = client.ask(packet)
            except AssertionError:
                raise AssertionError(packet) from None
            assert not answer.startswith("T"), (packet, answer)
        for _ in range(200):
            length = generator.choice((1, 2, 3, 10, 100, 5000))
            content = bytes(
                generator.choice(b"gmMXZzvHpPqQ:;,0123456789abcdef") for _ in range(length)
            )
            if not re.match(rb"v(Kill|Run|Cont)|[DkscR]", content):
                client.ask(content.decode())
        assert client.ask("qRcmd," + b"when".hex()) == b"0:2\n".hex()
    check_usable(port)


def test_interrupts(server: tuple[subprocess.Popen[str], int]) -> None:
    """A movement ends soon when its client wants that, forwards and backwards."""
    process, port = server
    with Client(port) as client:
        client.ask(SUPPORTED)
        client.ask("qRcmd," + b"goto end".hex())
        replayers = Replayers(process.pid)
        assert client.ask("Z2,10,8") == "OK"
        for move, back in (("bc", "goto end"), ("vCont;c", "goto start")):
            client.ask("qRcmd," + back.encode().hex())
            # Nothing moves while they are stopped: the interrupt comes in the middle for sure.
            for pid in replayers.pids():
                os.kill(pid, signal.SIGSTOP)
            client.send_packet(move)
            for _ in range(10):
                time.sleep(0.05)
                client.send(b"\x03")
            for pid in replayers.pids():
                os.kill(pid, signal.SIGCONT)
            while not client.has_answer(0.1):
                client.send(b"\x03")
            assert client.answer().startswith("T02thread:")
        assert process.poll() is None
    check_usable(port)


def test_an_interrupted_gdb(reenact, trace: Path) -> None:
    """Ctrl-C ends a reverse-continue that would take hours, and the session goes on."""
    with Machine(reenact, trace) as machine:
        machine.tell("goto end")
        machine.tell("break ticking.c:25 if rounds < 0")
        number = machine.send('-interpreter-exec console "reverse-continue"')
        gdb = until(lambda: child_of(machine.process.pid, "gdb"), "no gdb")
        machine.until_running()
        time.sleep(0.5)
        os.kill(gdb, signal.SIGINT)
        answer = machine.wait(number)
        assert answer.reason == "signal-received", answer
        machine.tell("delete")
        machine.tell("tbreak main")
        assert machine.tell("run").reason == "breakpoint-hit"


def test_a_killed_gdb_leaves_nothing(reenact, trace: Path) -> None:
    """In the middle of a movement: no replayer stays behind, and the command ends."""
    machine = Machine(reenact, trace)
    machine.tell("goto end")
    machine.tell("break ticking.c:25 if rounds < 0")
    machine.send('-interpreter-exec console "reverse-continue"')
    replayers = Replayers(machine.process.pid)
    assert replayers.pids()
    os.kill(child_of(machine.process.pid, "gdb"), signal.SIGKILL)
    assert machine.process.wait(60) != 0
    machine.close()
    until(lambda: not replayers.pids(), "replayers stay")


def test_a_killed_server_leaves_nothing(reenact, trace: Path) -> None:
    """The replayers end with the command that started them."""
    with served(reenact, trace) as (process, port), Client(port) as client:
        client.ask("qRcmd," + b"goto 50%".hex())
        replayers = Replayers(process.pid)
        assert len(replayers.pids()) > 1
        process.kill()
        until(lambda: not replayers.pids(), "replayers stay")


def test_a_killed_replayer_is_told(reenact, trace: Path) -> None:
    """As an error of the command that notices it, in gdb's words."""
    with Machine(reenact, trace) as machine:
        for pid in Replayers(machine.process.pid).pids():
            os.kill(pid, signal.SIGKILL)
        answer = machine.tell("stepi")
        assert "the replayer" in answer.text + answer.log + answer.error, answer
        answer = machine.tell("monitor when")
        assert "Traceback" not in answer.text


def test_damage_in_the_middle(reenact, folder: Path) -> None:
    """What precedes the damage can be walked through; where it begins a sentence says so."""
    damaged = record(
        reenact,
        folder / "damaged",
        "dd",
        "if=/dev/zero",
        "of=/dev/null",
        "count=30000",
        "status=none",
    )
    events = bytearray((damaged / "events").read_bytes())
    middle = len(events) // 2
    events[middle : middle + 64] = bytes(64)
    (damaged / "events").write_bytes(events)
    said = debug(
        reenact, damaged, "continue", "when", "reverse-stepi", "reverse-continue", "when",
        "goto end", "info threads",
    )  # fmt: skip
    assert "Traceback" not in said.everything
    assert "departs from the recording here" in said[0]
    assert "damaged" in said[0]
    assert said.position(4) == "0:2"
    assert said.position(1) == said.position(5)


def test_gdb_that_fails_to_start(reenact, trace: Path, folder: Path) -> None:
    """Its exit status is ours, and nothing stays behind."""
    broken = folder / "broken-gdb"
    broken.write_text("#!/bin/sh\nexit 7\n")
    broken.chmod(0o755)
    done = subprocess.run(
        [*reenact.command, "replay", str(trace), "--gdb", str(broken)],
        check=False, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 7


@pytest.mark.parametrize("name", ["t" * 120, "two words", "x\nshell touch HACKED", "\x1b[31m", "ü"])
def test_a_strange_temporary_directory(name: str, reenact, trace: Path, tmp_path: Path) -> None:
    """gdb connects, wherever temporary files are; nothing stays there."""
    place = tmp_path / name
    place.mkdir()
    words = [*reenact.command, "replay", str(trace), "--", "-nx", "-batch", "-ex", "when"]
    done = subprocess.run(
        words, check=False, capture_output=True, text=True, timeout=LONGEST, cwd=tmp_path,
        env={**os.environ, "TMPDIR": str(place)},
    )  # fmt: skip
    assert re.search(r"^0:2$", done.stdout, re.MULTILINE), done
    assert not list(place.iterdir())
    assert not (tmp_path / "HACKED").exists()
