"""Real programs with threads: interpreters, compressors and servers under load."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
from pathlib import Path

import pytest
import skips
from guest_build import GuestBuild
from program_table import Program, python_with_tests
from recorded_run import Keeper, Reenact
from recorded_server import check_verified, recorded_server
from test_real_programs import check_program
from threaded_programs import HTTP_SERVER, TEST_MODULES, THREADED
from tiers import FULL


def _answers(path: str) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        return client.connect_ex(path) == 0


@pytest.mark.parametrize("program", THREADED, ids=lambda program: program.name)
def test_threaded_program(program: Program, reenact: Reenact, keeper: Keeper, tmp_path) -> None:
    """Each row of the table."""
    check_program(program, reenact, keeper, tmp_path)


def test_woken_threads_run_at_once(guests: GuestBuild, reenact: Reenact, keeper: Keeper) -> None:
    """A thread that is woken after a long sleep need not wait until the one that woke it, which
    computes, is interrupted; in one of three runs, because a busy machine can start it too late.
    A slow one always does: only where somebody looks at the result."""
    skips.unless_full()
    program = str(guests.build("thread_woken.c", "thread_woken", ("-O2", "-pthread")))
    interrupted = []
    for attempt in range(3):
        trace = keeper.trace(f"attempt-{attempt}")
        assert reenact.record([program], trace).status == 0
        dump = reenact.run("dump", "--json", "--kind", "preempted", str(trace))
        interrupted.append(len(dump.stdout.splitlines()))
    # Each of its 20 jobs otherwise.
    assert min(interrupted) < 10, interrupted


@pytest.mark.parametrize("how", ["hinted", "plain"])
def test_waiting_loops_are_left_where_they_wait(
    how: str, guests: GuestBuild, reenact: Reenact, keeper: Keeper
) -> None:
    """Two threads that wait for each other in loops hand over at places that the log counts, once
    they have been found there: with few descriptions of the whole state, each of which costs much.
    In one of three runs, because on a busy machine they may be found elsewhere."""
    program = str(guests.build("thread_handed.c", "thread_handed", ("-O2", "-pthread")))
    described = []
    for attempt in range(3):
        trace = keeper.trace(f"attempt-{attempt}")
        assert reenact.record([program, how, "200"], trace).status == 0
        check_verified(reenact, trace)
        dump = reenact.run("dump", "--json", "--kind", "preempted", str(trace))
        events = [json.loads(line) for line in dump.stdout.splitlines()]
        passes = [int(event["args"][0], 0) for event in events]
        described.append(sum(count == 0 for count in passes))
        if described[-1] < 50 and len(passes) > 300:
            return
    pytest.fail(f"of 400 hand-overs so many were landings: {described}")


@pytest.mark.parametrize("module", TEST_MODULES if FULL else ["test_queue", "test_thread"])
def test_python_thread_module(module: str, reenact: Reenact, keeper: Keeper, tmp_path) -> None:
    """The parts of CPython's own test suite that use threads and signals."""
    interpreter = python_with_tests()
    if interpreter is None:
        skips.skip(skips.Reason.NO_PROGRAM, "a CPython with its test suite")
    name, *part = module.split()
    chosen = ["-m", *part] if part else []
    command = [interpreter, "-m", "test", "-q", name, *chosen]
    check_program(Program(name, command, same=False, timeout=400), reenact, keeper, tmp_path)


def test_redis(reenact: Reenact, keeper: Keeper, tmp_path: Path) -> None:
    """redis-server under redis-benchmark."""
    server, benchmark, client = map(
        skips.need_program, ("redis-server", "redis-benchmark", "redis-cli")
    )
    place = str(tmp_path / "socket")
    command = [server, "--port", "0", "--unixsocket", place, "--save", "", "--appendonly", "no"]
    count = "100000" if FULL else "10000"
    with recorded_server(reenact, command, keeper.trace(), lambda: _answers(place), tmp_path):
        load = [benchmark, "-s", place, "-n", count, "-c", "20", "-q", "-t", "set,get,incr,lpush"]
        subprocess.run(load, check=True, timeout=300, capture_output=True)
        subprocess.run([client, "-s", place, "shutdown", "nosave"], check=False, timeout=60)
    check_verified(reenact, keeper.trace())


def test_memcached(reenact: Reenact, keeper: Keeper, tmp_path: Path) -> None:
    """memcached and its four threads, asked over several connections."""
    place = str(tmp_path / "socket")
    command = [skips.need_program("memcached"), "-u", "root", "-s", place, "-t", "4", "-m", "32"]
    with recorded_server(
        reenact, command, keeper.trace(), lambda: _answers(place), tmp_path
    ) as process:
        clients = [socket.socket(socket.AF_UNIX) for _ in range(6)]
        for client in clients:
            client.connect(place)
        for index in range(20000 if FULL else 2000):
            client = clients[index % len(clients)]
            value = b"%d" % (index * 7919)
            request = b"set key%d 0 0 %d\r\n%s\r\nget key%d\r\n"
            client.sendall(request % (index, len(value), value, index))
            answer = b""
            while not answer.endswith(b"END\r\n"):
                answer += client.recv(4096)
            assert value in answer
        for client in clients:
            client.close()
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        for child in children:
            os.kill(int(child), 15)
    check_verified(reenact, keeper.trace())


def test_node_server(reenact: Reenact, keeper: Keeper, tmp_path: Path) -> None:
    """An HTTP server of node, asked a thousand times."""
    place = str(tmp_path / "socket")
    (tmp_path / "server.js").write_text(HTTP_SERVER)
    command = [skips.need_program("node"), "server.js", place]
    with recorded_server(reenact, command, keeper.trace(), lambda: _answers(place), tmp_path):
        connection = http.client.HTTPConnection("localhost")
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.connect(place)
        for index in range(1000 if FULL else 200):
            connection.request("GET", f"/{index}")
            assert json.loads(connection.getresponse().read())["double"] == 2 * index
        connection.request("GET", "/end")
        connection.getresponse().read()
    check_verified(reenact, keeper.trace())
