"""Bytes through pseudo-terminals: what the line discipline changes is known, both ways."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from recorded_run import Reenact

import reenact as package
from reenact.errors import UsageError
from reenact.events import Event
from reenact.session.positions import Position
from reenact.streams.line_discipline import Given, read_from, shown_from
from reenact.trace import Trace

_PROGRAM = r"""
import os, pty, sys, termios, tty
kind = sys.argv[1]
master, slave = pty.openpty()
name = os.ttyname(slave)
if kind in ("raw", "silent"):
    tty.setraw(slave)
if kind == "silent":
    settings = termios.tcgetattr(slave)
    settings[1] |= termios.OPOST | termios.ONLCR
    termios.tcsetattr(slave, termios.TCSANOW, settings)
child = os.fork()
if child == 0:
    os.close(master)
    if kind in ("name", "controlling"):
        os.close(slave)
        os.setsid()
        slave = os.open(name, os.O_RDWR)
    if kind == "controlling":
        import fcntl
        fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
        slave = os.open("/dev/tty", os.O_RDWR)
    line = os.read(slave, 100)
    os.write(slave, b"got: " + line + b"and\nmore\n")
    os.write(slave, b"bye\n")
    os.read(slave, 100)
    os._exit(0)

def everything(end):
    shown = b""
    while not shown.endswith(end):
        shown += os.read(master, 1000)
    return shown
if kind == "edited":
    os.write(master, b"helx\x7fl")
    os.write(master, b"o\r")
else:
    os.write(master, b"hel")
    os.write(master, b"lo\n")
everything(b"bye\n" if kind == "raw" else b"bye\r\n")
os.write(master, b"end\n")
os.wait()
"""
_READ, _WRITE = 0, 1


@pytest.fixture
def recorded(reenact: Reenact, tmp_path: Path) -> Callable[..., Trace]:
    """Record a program."""

    def record(*words: str) -> Trace:
        trace = tmp_path / "trace"
        ending = reenact.record(words, trace)
        assert ending.status == 0, ending.describe()
        return package.open(trace)

    return record


def calls(trace: Trace, process: int, code: int, descriptor: int | None = None) -> list[Event]:
    """The reads or writes of a process, with what they got."""
    found = trace.events(process, kinds=["syscall"], codes=[code], with_attachments=True)
    return [
        event for event in found
        if event.result > 0 and (descriptor is None or event.args[0] == descriptor)
    ]  # fmt: skip


def content(event: Event) -> bytes:
    return b"".join(one.content for one in event.attachments if one.tag == "write")


def place(event: Event) -> Position:
    return Position(event.process, event.index)


@pytest.mark.parametrize("kind", ["edited", "plain", "raw", "silent", "name", "controlling"])
def test_both_ways(kind: str, recorded) -> None:
    trace = recorded(sys.executable, "-c", _PROGRAM, kind)
    line = next(one for one in calls(trace, 1, _READ) if content(one).startswith(b"hel"))
    found = trace.following.senders(place(line))
    typed = [one for one in calls(trace, 0, _WRITE) if one.result <= 6][:2]
    # Without lines a read may come between the two.
    if kind in ("raw", "silent") and len(found) == 1:
        typed = typed[:1]
    assert [one.position for one in found][:: len(found) - 1 or 1] == list(map(place, typed))
    if kind == "edited":
        assert [(one.begin, one.skipped, one.length) for one in found] == [
            (0, 0, 3), (3, 5, 1), (4, 0, 2),
        ]  # fmt: skip
    assert all(one.is_compared and "a pseudo-terminal" in one.through for one in found)
    # What the child wrote, with the newlines that were changed, wherever reads have cut it.
    written = [one for one in calls(trace, 1, _WRITE) if one.result > 3]
    master = typed[0].args[0]
    read = [one for one in calls(trace, 0, _READ, master) if one.index > typed[0].index]
    shown = b"".join(content(one) for one in read)
    whole = b"got: " + content(line) + b"and\nmore\n"
    whole = whole if kind == "raw" else whole.replace(b"\n", b"\r\n")
    assert whole in shown
    covered = 0
    for one in read:
        for sender in trace.following.senders(place(one)):
            if sender.position == place(written[0]):
                covered += sender.length
                assert "echo" not in sender.through
            is_echo = sender.position in map(place, typed)
            assert is_echo == ("echo" in sender.through)
            assert is_echo <= (kind not in ("raw", "silent"))
    assert covered == len(whole)
    back = trace.following.receivers(place(written[0]))
    assert {one.position for one in back} <= set(map(place, read))
    assert sum(one.length for one in back) == len(whole)
    assert place(line) in [one.position for one in trace.following.receivers(place(typed[0]))]


def test_a_program_in_a_terminal(reenact: Reenact, tmp_path: Path, recorded) -> None:
    """util-linux's script: another program, which runs a shell in the terminal that it makes."""
    trace = recorded(
        "script", "-qec", "printf 'one\\ntwo\\n'; echo three | tr a-z A-Z", "/dev/null"
    )
    read = next(
        one for process in trace.processes for one in calls(trace, process.number, _READ)
        if b"two\r\n" in content(one)
    )  # fmt: skip
    found = trace.following.senders(place(read))
    assert sum(one.length for one in found) == read.result
    assert {one.position.process for one in found} != {read.process}
    said = reenact.run("follow", str(place(read)), str(tmp_path / "trace")).stdout.decode()
    assert said.count("through a pseudo-terminal made at 0:") == len(found)
    with trace.replay(read.process) as session:
        session.goto(place(read))
        assert session.sender() == found[0]


def test_what_cannot_be_followed_is_said(reenact: Reenact, tmp_path: Path, recorded) -> None:
    """Packet mode puts bytes of its own between; a terminal from outside has nobody behind it."""
    script = """
import fcntl, os, pty, struct, termios
master, slave = pty.openpty()
fcntl.ioctl(master, termios.TIOCPKT, struct.pack("i", 1))
os.write(slave, b"packet")
os.read(master, 100)
"""
    trace = recorded(sys.executable, "-c", script)
    read = next(one for one in calls(trace, 0, _READ) if content(one) == b"\0packet")
    with pytest.raises(UsageError, match="packet mode"):
        trace.following.senders(place(read))
    outside = tmp_path / "outside"
    words = f"{' '.join(map(str, reenact.command))} record -q -o {outside} -- head -n1"
    command = ["script", "-qec", words, "/dev/null"]
    subprocess.run(command, check=True, input=b"from outside\n", stdout=subprocess.DEVNULL)
    opened = package.open(outside)
    (read,) = (one for one in calls(opened, 0, _READ, 0) if b"from outside" in content(one))
    with pytest.raises(UsageError, match="what was open before the recording"):
        opened.following.senders(place(read))


def given(*parts: tuple[float, bytes]) -> list[Given]:
    return [Given(number, seconds, text) for number, (seconds, text) in enumerate(parts)]


def test_lines_that_are_edited() -> None:
    typed = given((1, b"abx\x7fc d\x17e\n"), (2, b"lost\x15kept\r"), (3, b"gone\x03\x16\x7f\x04"))
    runs = read_from(typed, b"abc e\nkept\n\x7f")
    assert b"".join(typed[run.number].content[run.skipped :][: run.length] for run in runs) == (
        b"abc e\nkept\r\x7f"
    )
    assert sum(run.length for run in runs) == len("abc e\nkept\nX")


def test_an_order_that_times_do_not_tell() -> None:
    """An echo that comes later than it was typed, and a writer that is late."""
    writers = [given((1.0, b"$ "), (5.0, b"hello\n"), (5.5, b"$ "))]
    typed = [Given(10, 0.5, b"echo "), Given(11, 0.6, b"hello\r")]
    runs = shown_from(writers, typed, b"$ echo hello\r\nhello\r\n$ ")
    assert [(run.number, run.is_echo) for run in runs if not run.skipped] == [
        (0, False), (10, True), (11, True), (1, False), (2, False),
    ]  # fmt: skip
    # Two processes at once.
    both = [given((1, b"aa\n"), (2, b"cc\n")), [Given(7, 1.5, b"bb\n")]]
    runs = shown_from(both, [], b"bb\r\naa\r\ncc\r\n")
    assert [run.number for run in runs if not run.skipped] == [7, 0, 1]
    # What is shown of a password, of what deletes, and of what interrupts.
    runs = shown_from([given((1, b"Password: "), (3, b"\nok\n"))], given((2, b"secret\n")),
                      b"Password: \r\nok\r\n")  # fmt: skip
    assert not any(run.is_echo for run in runs)
    runs = shown_from([[]], given((1, b"ab\x7f\x7fc\x03")), b"ab\b \b\b \bc^C")
    assert sum(run.length for run in runs) == len(b"ab\b \b\b \bc^C")


def test_what_nobody_gave_ends_it() -> None:
    runs = shown_from([given((1, b"known"))], [], b"known and not")
    assert [(run.begin, run.length) for run in runs] == [(0, 5)]
    assert read_from(given((1, b"abc")), b"abcd") == [*read_from(given((1, b"abc")), b"abc")]
