"""Reports from the field: what is inside is shown, and what was not sent is still there."""

from __future__ import annotations

import os
import pty
import shutil
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import skips
from collector_server import CollectorServer, good_pack
from range_server import RangeServer
from recorded_run import Reenact, run

from reenact import packs
from reenact.errors import ReenactError
from reenact.stores import sending

CRASH = """
#include <stdlib.h>
void inner(int *place) { *place = 1; }
void outer(int *place) { inner(place); }
int main(int argc, char **argv) { outer(argc > 1 ? malloc(4) : 0); return 3; }
"""


@pytest.fixture
def there(reenact: Reenact, tmp_path: Path) -> Reenact:
    places = {"REENACT_TRACE_DIR": str(tmp_path / "t"), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    return Reenact(reenact.command, {**reenact.variables, **places})


@pytest.fixture
def collector(reenact: Reenact, tmp_path: Path):
    with CollectorServer(reenact.command, tmp_path / "collected") as running:
        yield running


def told(reenact: Reenact, collector: CollectorServer, token: str) -> Reenact:
    token = {"REENACT_STORE_TOKEN": collector.tokens[token]}
    return Reenact(reenact.command, {**reenact.variables, **token})


@pytest.fixture
def crash(tmp_path: Path) -> str:
    skips.need_program("cc")
    (tmp_path / "crash.c").write_text(CRASH)
    words = ["cc", "-g", "-O0", "-o", str(tmp_path / "crash"), str(tmp_path / "crash.c")]
    assert run(words).status == 0
    return str(tmp_path / "crash")


def test_from_the_crash_to_who_reads(
    there: Reenact, collector: CollectorServer, crash: str, tmp_path: Path
) -> None:
    """Two commands: the one who has the bug runs one, the one who reads it the other."""
    sender = told(there, collector, "report:one")
    for words in ([], [], ["one"]):
        pack = tmp_path / f"{len(list(tmp_path.glob('*.reenact')))}.reenact"
        ending = sender.run(
            "report", "-o", str(pack), "--to", collector.url, "--yes", "--", crash, *words
        )
        assert ending.status == 0, ending.describe()
        assert "open it: reenact replay http" in ending.stderr.decode()
        assert not pack.with_name(pack.name + ".upload").exists()
    frequent, other = collector.crashes()
    assert frequent["title"].startswith("crash: SIGSEGV in inner < outer < main")
    assert (frequent["count"], other["title"]) == (2, "crash: exit status 3")
    reader = told(there, collector, "read:me")
    shutil.rmtree(tmp_path / "t")
    url = collector.url + frequent["reports"][0]["pack"]
    assert not reader.verify(url)["divergences"]
    assert b"REENACT_STORE_TOKEN" in sender.run("info", url).stderr
    # One's own token is in nothing that was sent.
    packs.unpack(str(tmp_path / "0.reenact"), str(tmp_path / "out"))
    token = collector.tokens["report:one"].encode()
    assert not [p for p in (tmp_path / "out").rglob("*") if p.is_file() and token in p.read_bytes()]
    assert token not in reader.run("dump", "--data", str(tmp_path / "out")).stdout


def test_what_is_inside(there: Reenact, tmp_path: Path) -> None:
    (tmp_path / "private").write_text("mine")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        script = (
            f"import socket; open({str(tmp_path / 'private')!r}).read();"
            f"socket.create_connection(('127.0.0.1', {port}))"
        )
        given = Reenact(there.command, {**there.variables, "MY_PASSWORD": "x" * 30})
        command = [
            "report",
            "-o",
            str(tmp_path / "one.reenact"),
            "--",
            sys.executable,
            "-c",
            script,
        ]
        ending = given.run(*command)
    said = ending.stderr.decode()
    assert ending.status == 0, said
    for part in (str(tmp_path / "private"), f"127.0.0.1:{port}", "MY_PASSWORD", "MiB", "process"):
        assert part in said
    assert "x" * 30 not in said
    assert (tmp_path / "one.reenact").exists()
    # It is one screen.
    assert len(said.splitlines()) < 20


@pytest.mark.parametrize(("answer", "is_sent"), [("y", True), ("n", False), ("", False)])
def test_asked(there: Reenact, tmp_path: Path, answer: str, is_sent: bool) -> None:
    (tmp_path / "sent").mkdir()
    words = ["report", "-o", str(tmp_path / "one.reenact"), "--to", str(tmp_path / "sent")]
    master, slave = pty.openpty()
    command = [*there.command, *words, "--", "true"]
    variables = {**os.environ, **there.variables, "NO_COLOR": "1"}
    running = subprocess.Popen(
        command, stdin=slave, stdout=slave, stderr=subprocess.PIPE, env=variables
    )
    os.close(slave)
    said = b""
    while b"[y/N]" not in said:
        part = os.read(running.stderr.fileno(), 4096)
        assert part, said
        said += part
    os.write(master, answer.encode() + b"\n")
    said += running.stderr.read()
    assert running.wait(60) == 0
    running.stderr.close()
    os.close(master)
    assert (tmp_path / "sent" / "one.reenact").exists() == is_sent, said
    assert (tmp_path / "one.reenact").exists()


def test_nobody_to_ask(there: Reenact, tmp_path: Path) -> None:
    (tmp_path / "sent").mkdir()
    pack = tmp_path / "one.reenact"
    ending = there.run("report", "-o", str(pack), "--to", str(tmp_path / "sent"), "--", "true")
    assert (ending.status, b"--yes" in ending.stderr) == (0, True)
    assert not list((tmp_path / "sent").iterdir())
    assert str(pack) in ending.stderr.decode()


def test_not_sent(there: Reenact, collector: CollectorServer, tmp_path: Path) -> None:
    """The file stays, the message says where it is and how to go on, and that works."""
    pack = tmp_path / "one.reenact"
    sender = told(there, collector, "report:one")
    collector.stop()
    ending = sender.run("report", "-o", str(pack), "--to", collector.url, "--yes", "--", "true")
    said = ending.stderr.decode()
    assert ending.status == 125
    assert "not sent" in said
    again = f"report --send {pack} --to {collector.url}"
    assert f"reenact {again}" in said
    assert packs.is_pack(str(pack))
    collector.start()
    ending = there.run(*again.split())
    assert b"REENACT_STORE_TOKEN" in ending.stderr
    assert sender.run(*again.split()).status == 0
    (report,) = collector.reports()
    assert collector.ask("GET", report["pack"])[2] == pack.read_bytes()


def test_goes_on(collector: CollectorServer, tmp_path: Path, monkeypatch) -> None:
    """An upload that was interrupted, or whose collector was killed, begins where it was."""
    monkeypatch.setenv("REENACT_STORE_TOKEN", collector.tokens["report:one"])
    monkeypatch.setattr(sending, "_PART", 1 << 20)
    pack = tmp_path / "one.reenact"
    pack.write_bytes(good_pack(8 << 20))
    seen: list[int] = []

    def interrupted(done: int, total: int) -> None:
        seen.append(done)
        if len(seen) == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sending.send(str(pack), collector.url, {}, interrupted)
    assert seen == [number << 20 for number in range(4)]
    killer: list[threading.Thread] = []

    def killing(done: int, total: int) -> None:
        seen.append(done)
        if done >= 5 << 20 and not killer:
            collector.stop(9)
            killer.append(threading.Timer(1, collector.start))
            killer[0].start()

    del seen[:]
    link = sending.send(str(pack), collector.url, {}, killing)
    assert seen[0] == 3 << 20
    killer[0].join()
    assert seen == sorted(seen)
    assert link.endswith(collector.reports()[0]["pack"])
    assert collector.ask("GET", collector.reports()[0]["pack"])[2] == pack.read_bytes()
    assert [path.name for path in tmp_path.glob("*.upload")] == []


def test_another_pack_is_not_gone_on_with(collector, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("REENACT_STORE_TOKEN", collector.tokens["report:one"])
    pack, state = tmp_path / "one.reenact", tmp_path / "one.reenact.upload"
    pack.write_bytes(good_pack(100))
    for content in ("", "{", "[]", "{}", '{"to": 1, "pack": 2, "url": 3}'):
        state.write_text(content)
        assert sending.send(str(pack), collector.url, {}, lambda *_: None)
    pack.write_bytes(b"x" * 1000)
    with pytest.raises(ReenactError, match="does not take it"):
        sending.send(str(pack), collector.url, {}, lambda *_: None)


def test_other_places(there: Reenact, tmp_path: Path) -> None:
    """A web server, an object store, a directory; what is there is replayed from there."""
    folder = tmp_path / "server"
    folder.mkdir()
    with RangeServer(folder) as server:
        variables = {
            "AWS_ENDPOINT_URL": server.url,
            "AWS_ALLOW_HTTP": "true",
            "AWS_ACCESS_KEY_ID": "one",
            "AWS_SECRET_ACCESS_KEY": "two",
            "AWS_REGION": "here-1",
        }
        cloud = Reenact(there.command, {**there.variables, **variables})
        pack = tmp_path / "one.reenact"
        assert cloud.run("report", "-o", str(pack), "--", "true").status == 0
        for to, url in {
            f"{server.url}/two.reenact": f"{server.url}/two.reenact",
            "s3://bucket/reports/": "s3://bucket/reports/one.reenact",
            f"file://{tmp_path}/three.reenact": f"file://{tmp_path}/three.reenact",
        }.items():
            ending = cloud.run("report", "--send", str(pack), "--to", to)
            assert ending.status == 0, ending.describe()
            assert not cloud.verify(url)["divergences"]
        server.statuses = [403]
        ending = cloud.run("report", "--send", str(pack), "--to", f"{server.url}/x.reenact")
        assert (ending.status, b"403" in ending.stderr) == (125, True)
        ending = cloud.run("report", "--send", str(pack), "--to", server.url)
        assert b"no collector" in ending.stderr
    for to in ("http://[", "/nothing/here/x", str(tmp_path / "three.reenact"), "http:///"):
        ending = cloud.run("report", "--send", str(pack), "--to", to)
        assert ending.status == 125, to
        assert b"not sent" in ending.stderr
        assert b"a bug" not in ending.stderr


def test_large_objects(tmp_path: Path, monkeypatch) -> None:
    """What is sent in parts is one object."""
    content = good_pack(30 << 20)
    (tmp_path / "one.reenact").write_bytes(content)
    (tmp_path / "server").mkdir()
    with RangeServer(tmp_path / "server") as server:
        for name, value in {
            "AWS_ENDPOINT_URL": server.url,
            "AWS_ALLOW_HTTP": "true",
            "AWS_ACCESS_KEY_ID": "one",
            "AWS_SECRET_ACCESS_KEY": "two",
        }.items():
            monkeypatch.setenv(name, value)
        pack, seen = str(tmp_path / "one.reenact"), []
        sending.send(pack, "s3://b/one.reenact", {}, lambda done, _: seen.append(done))
        assert (tmp_path / "server" / "b" / "one.reenact").read_bytes() == content
        assert seen[-1] == len(content)
        assert len(server.requests) > 4


PROGRAM = """
from reenact import report
report.enable(to={to!r}, ask=False)
import sys
print("runs with", sys.argv[1:])
"""


def test_an_option_of_a_program(there: Reenact, tmp_path: Path) -> None:
    (tmp_path / "sent").mkdir()
    (tmp_path / "program.py").write_text(PROGRAM.format(to=str(tmp_path / "sent")))
    variables = {**os.environ, **there.variables}
    command = [sys.executable, "-I", str(tmp_path / "program.py"), "one"]
    plain = run(command, directory=tmp_path, variables=variables)
    assert plain.stdout == b"runs with ['one']\n"
    assert not list((tmp_path / "sent").iterdir())
    reported = run([*command, "--bug-report", "two"], directory=tmp_path, variables=variables)
    assert reported.status == 0, reported.describe()
    assert reported.stdout == b"runs with ['one', 'two']\n"
    (pack,) = (tmp_path / "sent").iterdir()
    assert there.run("verify", "--output", str(pack)).stdout == reported.stdout


def test_usage(there: Reenact, tmp_path: Path) -> None:
    for words in ([], ["--send", "x"], ["--send", "x", "--to", "y"], ["--send", "x", "--", "true"],
                  ["--", "nothing-of-that-name"], ["--ring", "1", "--", "true"]):  # fmt: skip
        ending = there.run("report", *words)
        assert ending.status == 125, words
        assert b"reenact: " in ending.stderr
        assert b"a bug" not in ending.stderr
