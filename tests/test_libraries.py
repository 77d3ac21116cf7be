"""Libraries, also one that is opened later, and the thread-local variables of all of them."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from debugger_session import SOURCES, built, debug, record
from remote_client import Client, served

import reenact as package
from reenact.errors import UsageError


@pytest.fixture(scope="module")
def trace(reenact, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of thread_locals.c with its library."""
    return recorded(reenact, tmp_path_factory.mktemp("thread_locals"), "libopened.so")


def recorded(reenact, folder: Path, name: str) -> Path:
    """A run with a library of some name."""
    program = built("thread_locals.c", folder, "-ldl")
    library, source = folder / name, SOURCES / "thread_locals.c"
    options = ["-g", "-O0", "-fPIC", "-shared", "-DLIBRARY"]
    subprocess.run(["gcc", *options, "-o", library, source], check=True)
    return record(reenact, folder / "trace", program, library)


def test_in_gdb(reenact, trace: Path) -> None:
    said = debug(
        reenact, trace, "break shown", "continue", "print mine", "print (int)errno", "print opened",
        "continue", "print mine", "print (int)errno", "print opened", "print large",
        "thread 1", "print mine", "print (int)errno", "thread 2", "last opened",
        "print opened",
    )  # fmt: skip
    assert (said.number(2), said.number(3)) == (8, 9)
    # The thread has not used the library yet.
    assert "thread-local" in said[4]
    assert (said.number(6), said.number(7), said.number(8)) == (9, 4, 6)
    assert '= "Large"' in said[9]
    assert (said.number(11), said.number(12)) == (8, 9)
    assert said.position(14)
    assert said.number(15) == 5


def test_in_a_session(trace: Path) -> None:
    with package.open(trace).replay() as session:
        session.add_breakpoint("shown")
        session.continue_()
        assert session.evaluate("mine") == 8
        with pytest.raises(UsageError, match="thread-local"):
            session.evaluate("opened")
        first = session.thread
        session.continue_()
        assert session.thread != first
        assert (session.evaluate("mine"), session.evaluate("opened")) == (9, 6)
        assert session.evaluate("large[0]") == ord("L")
        assert session.evaluate("mine", thread=first) == 8
        session.last_write("opened")
        assert session.frame().function == "set"
        assert session.evaluate("opened") == 5


def test_before_there_are_any(trace: Path) -> None:
    """At the first instruction there is neither a C library nor a thread pointer."""
    with package.open(trace).replay() as session, pytest.raises(UsageError, match="thread-local"):
        session.evaluate("mine")


LIBRARIES = "qXfer:libraries-svr4:read::0,7000"


def test_list_of_libraries(reenact, trace: Path) -> None:
    """What the dynamic linker has loaded comes in one answer."""
    with served(reenact, trace) as (_, port), Client(port) as client:
        assert "qXfer:libraries-svr4:read+" in client.ask("qSupported")
        assert client.ask(LIBRARIES) == 'l<library-list-svr4 version="1.0"></library-list-svr4>'
        client.ask("qRcmd," + b"goto end".hex())
        listed = client.ask(LIBRARIES)
        assert re.match(r'l<library-list-svr4 version="1.0" main-lm="0x\w+"><library name=', listed)
        names = [Path(path).name for path in re.findall('name="([^"]*)"', listed)]
        assert names[-1] == "libopened.so"
        assert "libc.so.6" in names


def test_library_that_xml_cannot_name(reenact, tmp_path: Path) -> None:
    """gdb hears of it as it can be shown, and finds the file by that."""
    trace = recorded(reenact, tmp_path, "lib\x01.so")
    with served(reenact, trace) as (_, port), Client(port) as client:
        client.ask("qRcmd," + b"goto end".hex())
        assert "lib\\x01.so" in client.ask(LIBRARIES)
    pending = "set breakpoint pending on"
    said = debug(reenact, trace, pending, "break set", "continue", "print value")
    assert said.number(3) == 6
