"""From bytes that a process got to the call of another one that gave them, and back."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from debugger_session import debug, record
from recorded_run import Reenact

import reenact as package
from reenact.errors import UsageError
from reenact.events import Event
from reenact.session.positions import Position
from reenact.trace import Trace

_PROGRAM = """
import os, socket, sys
kind, folder = sys.argv[1:]
def child(act):
    number = os.fork()
    if number == 0:
        act()
        os._exit(0)
    return number
if kind == "pair":
    ours, theirs = socket.socketpair()
    def act():
        theirs.sendall(b"first")
        theirs.sendall(b"second")
    child(act)
    os.wait()
    print(ours.recv(8), ours.recv(100))
elif kind == "message":
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    def act():
        theirs.send(b"one")
        theirs.send(b"another")
    child(act)
    os.wait()
    print(ours.recv(2), ours.recv(100))
elif kind == "file":
    path = folder + "/shared"
    def act():
        with open(path, "wb", buffering=0) as file:
            file.write(b"x" * 100)
            file.write(b"Y" * 100)
            file.seek(96)
            file.write(b"zz")
    child(act)
    os.wait()
    with open(path, "rb", buffering=0) as file:
        file.seek(94)
        print(file.read(10))
elif kind == "duplicate":
    ends = os.pipe()
    def act():
        os.dup2(ends[1], 77)
        os.close(ends[1])
        os.writev(77, [b"scat", b"tered"])
    child(act)
    os.wait()
    print(os.read(ends[0], 100))
elif kind == "fifo":
    path = folder + "/fifo"
    os.mkfifo(path)
    def act():
        file = os.open(path, os.O_WRONLY)
        os.write(file, b"through ")
        os.write(file, b"a fifo")
        os.close(file)
    child(act)
    file = os.open(path, os.O_RDONLY)
    os.wait()
    print(os.read(file, 100))
elif kind == "passed":
    # The writing end goes to a child, which passes it on to another one; both send and close.
    import array
    one, other = socket.socketpair(), socket.socketpair()
    ends = os.pipe()
    def give(to, number):
        rights = array.array("i", [number])
        to.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)])
        os.close(number)
    def get(source):
        (_, rights, _, _) = source.recvmsg(10, 1000)
        return array.array("i", rights[0][2])[0]
    child(lambda: give(other[0], get(one[1])))
    def write():
        number = get(other[1])
        os.write(number, b"through a passed pipe")
    child(write)
    give(one[0], ends[1])
    print(os.read(ends[0], 100))
    os.wait(), os.wait()
else:
    if kind == "tcp":
        listener = socket.create_server(("127.0.0.1", 0))
        address = listener.getsockname()
    else:
        listener = socket.socket(socket.AF_UNIX)
        address = folder + "/socket"
        listener.bind(address)
        listener.listen(5)
    for number in range(3):
        def act():
            client = socket.socket(listener.family)
            client.connect(address)
            client.sendall(b"hello %d" % number)
            client.recv(100)
        child(act)
    for _ in range(3):
        connection, _ = listener.accept()
        connection.sendall(connection.recv(100).upper())
    for _ in range(3):
        os.wait()
"""
_RECEIVING = (0, 45)


@pytest.fixture
def recorded(reenact: Reenact, tmp_path: Path):
    """Record the program with one kind of connection."""

    def record(kind: str) -> Trace:
        trace = tmp_path / "trace"
        words = (sys.executable, "-c", _PROGRAM, kind, str(tmp_path))
        subprocess.run([*reenact.command, "record", "-q", "-o", trace, "--", *words], check=True)
        return package.open(trace)

    return record


def _content(event: Event) -> bytes:
    return b"".join(one.content for one in event.attachments if one.tag == "write")


def _reads(trace: Trace, process: int, content: bytes) -> list[Position]:
    """Where a process gets these bytes."""
    events = trace.events(process, kinds=["syscall"], codes=_RECEIVING, with_attachments=True)
    return [Position(process, event.index) for event in events if _content(event) == content]


def _text(trace: Trace, position: Position) -> str:
    return next(trace.events(position.process, position.event, position.event)).text


def test_pairs_of_sockets(recorded) -> None:
    trace = recorded("pair")
    (position,) = _reads(trace, 0, b"firstsec")
    first, second = trace.following.senders(position)
    assert (first.begin, first.skipped, first.length, first.is_compared) == (0, 0, 5, True)
    assert (second.begin, second.skipped, second.length, second.is_compared) == (5, 0, 3, True)
    assert first.position.process == second.position.process == 1
    (rest,) = trace.following.senders(_reads(trace, 0, b"ond")[0])
    assert (rest.position, rest.skipped) == (second.position, 3)
    back = trace.following.receivers(second.position)
    assert [(one.position, one.length) for one in back] == [
        (position, 3),
        (_reads(trace, 0, b"ond")[0], 3),
    ]


def test_messages(recorded) -> None:
    trace = recorded("message")
    (position,) = _reads(trace, 0, b"an" + b"other")
    (found,) = trace.following.senders(position)
    assert _text(trace, found.position).endswith("= 7")
    (cut,) = trace.following.senders(_reads(trace, 0, b"on")[0])
    assert (cut.length, cut.position < found.position) == (2, True)


def test_files_and_what_was_overwritten(recorded) -> None:
    trace = recorded("file")
    (position,) = _reads(trace, 0, b"xxzzYYYYYY"[:2] + b"zz" + b"xx" + b"YYYY")
    found = trace.following.senders(position)
    assert [(one.begin, one.length, one.skipped) for one in found] == [
        (0, 2, 94),
        (2, 2, 0),
        (4, 2, 98),
        (6, 4, 0),
    ]
    assert all(one.is_compared for one in found)
    assert found[0].position == found[2].position < found[3].position < found[1].position


def test_a_duplicate_and_bytes_from_several_places(recorded) -> None:
    trace = recorded("duplicate")
    (position,) = _reads(trace, 0, b"scattered")
    with trace.replay() as session:
        session.goto(position)
        found = session.sender()
    assert found.is_compared
    assert "writev(77" in _text(trace, found.position)
    with trace.replay(1) as session:
        session.goto(found.position)
        assert session.receiver().position == position


def test_a_fifo_with_a_name(recorded) -> None:
    trace = recorded("fifo")
    (position,) = _reads(trace, 0, b"through a fifo")
    first, second = trace.following.senders(position)
    assert (first.begin, first.length, second.begin, second.length) == (0, 8, 8, 6)
    assert first.position.process == second.position.process == 1
    assert first.is_compared
    (back,) = trace.following.receivers(second.position)
    assert (back.position, back.skipped) == (position, 8)


def test_descriptors_that_went_with_messages(recorded) -> None:
    trace = recorded("passed")
    (position,) = _reads(trace, 0, b"through a passed pipe")
    (found,) = trace.following.senders(position)
    assert (found.position.process, found.length, found.is_compared) == (2, 21, True)
    (back,) = trace.following.receivers(found.position)
    assert back.position == position


@pytest.mark.parametrize("kind", ["tcp", "unix"])
def test_connections(kind: str, recorded) -> None:
    trace = recorded(kind)
    for number in range(3):
        (position,) = _reads(trace, 0, b"hello %d" % number)
        (sent,) = trace.following.senders(position)
        assert (sent.position.process, sent.is_compared) == (number + 1, True)
        (answer,) = _reads(trace, number + 1, b"HELLO %d" % number)
        (answered,) = trace.following.senders(answer)
        assert (answered.position.process, answered.is_compared) == (0, True)


def test_on_the_command_line(reenact: Reenact, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    pipeline = "printf 'a b' | tr a-z A-Z | cat"
    subprocess.run(
        [*reenact.command, "record", "-q", "-o", trace, "--", "sh", "-c", pipeline],
        check=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    opened = package.open(trace)
    (cat,) = (one.number for one in opened.processes if one.arguments[:1] == ("cat",))
    (position,) = _reads(opened, cat, b"A B")

    def ask(*words: object) -> subprocess.CompletedProcess[str]:
        options = [word for word in words if str(word).startswith("--")]
        others = [str(word) for word in words if word not in options]
        command = [*reenact.command, "follow", *map(str, options), *others, str(trace)]
        return subprocess.run(command, check=False, capture_output=True, text=True)

    said = ask(position)
    assert said.returncode == 0
    assert "write(1," in said.stdout
    assert "(tr), through a pipe" in said.stdout
    assert f"reenact replay {trace} -p " in said.stdout
    (found,) = json.loads(ask(position, "--json").stdout)["found"]
    assert (found["length"], found["compared"]) == (3, True)
    assert str(position) in ask(found["position"], "--back").stdout
    for where, why in (
        (f"{cat}:1", "got no bytes"),
        (f"{cat}:9999999", "no such event"),
        ("x", "no position"),
    ):
        failed = ask(where)
        assert (failed.returncode, failed.stdout) == (125, "")
        assert "hint" in failed.stderr
        assert "Traceback" not in failed.stderr
        assert why in failed.stderr or where == "x"


def test_bytes_from_outside_are_told(reenact: Reenact, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    subprocess.run(
        [*reenact.command, "record", "-q", "-o", trace, "--", "cat"],
        check=True, input=b"from outside", stdout=subprocess.DEVNULL,
    )  # fmt: skip
    opened = package.open(trace)
    (position,) = _reads(opened, 0, b"from outside")
    with pytest.raises(UsageError, match="what was open before the recording"):
        opened.following.senders(position)


_SENDER = """
#include <string.h>
#include <unistd.h>
int main(void)
{
    const char *words[] = {"one", "two", "three"};
    for (int i = 0; i < 3; i++) {
        unsigned length = strlen(words[i]);
        write(1, &length, sizeof length);
        write(1, words[i], length);
    }
    return 0;
}
"""
_RECEIVER = """
#include <stdio.h>
#include <unistd.h>
unsigned length;
char text[64];
static void shown(void) { printf("%s\\n", text); fflush(stdout); }
int main(void)
{
    while (read(0, &length, sizeof length) == sizeof length) {
        text[read(0, text, length)] = 0;
        shown();
    }
    return 0;
}
"""


def test_from_a_value_to_the_call_that_wrote_it_to_the_sender(
    reenact: Reenact, tmp_path: Path
) -> None:
    """`last` stands right before the call: that one is meant, not the one before it."""
    for name, text in (("sender", _SENDER), ("receiver", _RECEIVER)):
        (tmp_path / f"{name}.c").write_text(text)
        words = ["gcc", "-w", "-g", "-o", tmp_path / name, tmp_path / f"{name}.c"]
        subprocess.run(words, check=True)
    trace = record(
        reenact, tmp_path / "trace", "sh", "-c", f"{tmp_path}/sender | {tmp_path}/receiver"
    )
    opened = package.open(trace)
    with opened.replay("sender") as session:
        sender = session.process
    writes = [one.index for one in opened.events(sender, kinds=["syscall"]) if one.code == 1]
    with opened.replay("receiver") as session:
        session.goto("end")
        assert session.last_write("length").reason.name == "WATCHPOINT"
        # The last write to it is that of the read before the end of the file.
        found = session.sender()
        assert found.position.process == sender
        assert writes.index(found.position.event) == 4
        # Where its last event got bytes, and none comes next, that is meant.
        session.goto(session.position.event + 1)
        assert session.sender() == found
        receiver = session.position.process
    with opened.replay(sender) as session:
        session.goto(found.position)
        assert session.receiver().position.process == receiver
        # Right before the call.
        session.reverse_stepi()
        assert session.receiver().position.process == receiver
    said = debug(
        reenact, trace, "goto end", "last length", "follow", "stepi", "follow",
        options=("-p", "receiver"),
    )  # fmt: skip
    place = f"goto {found.position}: 4 bytes through a pipe"
    assert place in said[2], said.everything
    assert place in said[4], said.everything
