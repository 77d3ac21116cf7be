"""Packs by their URLs: only what is needed is fetched, and what is fetched is what was recorded."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest
import skips
import tiers
from debugger_session import need_gdb
from range_server import RangeServer
from recorded_run import Reenact

import reenact as package
from reenact.errors import ReenactError, TraceError
from reenact.packs import layout
from reenact.stores import remote

#: A child maps a large file, which its parent never sees.
LARGE = (1 << 30) if tiers.FULL else (64 << 20)
CHILD = "import mmap; f = open({!r}, 'rb'); print(len(mmap.mmap(f.fileno(), 0, prot=1)))"


@pytest.fixture(scope="module")
def sent(reenact: Reenact, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a pack of a shell whose child has mapped a large file, and the trace."""
    folder = tmp_path_factory.mktemp("sent")
    block = os.urandom(4 << 20)
    with (folder / "data").open("wb") as file:
        for _ in range(LARGE // len(block)):
            file.write(block)
    script = f'true; {sys.executable} -c "{CHILD.format(str(folder / "data"))}"; exit 3'
    reenact.record(["sh", "-c", script], folder / "trace", timeout=120)
    (folder / "data").unlink()
    ending = reenact.run("pack", str(folder / "trace"), "-o", str(folder / "one.reenact"))
    assert ending.status == 0, ending.describe()
    assert (folder / "one.reenact").stat().st_size > LARGE
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def server(sent: Path):
    with RangeServer(sent) as running:
        yield running


@pytest.fixture
def there(reenact: Reenact, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Reenact:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return Reenact(
        reenact.command, {**reenact.variables, "XDG_CACHE_HOME": str(tmp_path / "cache")}
    )


def members(pack: Path) -> dict[str, layout.Member]:
    with pack.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        found = layout.read("it", size, lambda at, n: os.pread(file.fileno(), n, at))
    return found.members


def test_first_stop(sent: Path, there: Reenact, server: RangeServer) -> None:
    """The bytes and requests of the first stop, over a link of 50 MB/s and 20 ms."""
    need_gdb()
    server.rate, server.delay = 50e6, 0.02
    url = f"{server.url}/one.reenact"
    ending = there.run("replay", url, "--", "-nx", "-batch", "-ex", "when")
    assert ending.status == 0, ending.describe()
    known = members(sent / "one.reenact")
    large = max(known.values(), key=lambda one: one.size)
    # The end, the log, is it still the same, files in a few runs.
    assert len(server.requests) <= 6, server.requests
    assert server.sent < large.begin + (8 << 20)
    first = server.sent
    # All that is left is fetched when all of it is replayed.
    assert not there.verify(url)["divergences"]
    assert server.sent >= first + large.end - large.begin
    server.forget()
    assert not there.verify(url)["divergences"]
    assert (len(server.requests), server.sent <= 256 << 10) == (1, True)


def test_every_command(sent: Path, there: Reenact, server: RangeServer, tmp_path: Path) -> None:
    url, trace = f"{server.url}/one.reenact", str(sent / "trace")
    for words in (["ps"], ["dump"], ["verify", "--output"], ["ps", "--threads"]):
        here, elsewhere = there.run(*words, trace), there.run(*words, url)
        assert (elsewhere.status, elsewhere.stdout) == (here.status, here.stdout)
    assert there.run("info", url).status == 0
    ending = there.run("unpack", url, "-o", str(tmp_path / "out"))
    assert ending.status == 0, ending.describe()
    assert not there.verify(tmp_path / "out")["divergences"]
    assert there.run("ps", f"file://{sent}/one.reenact").stdout == there.run("ps", trace).stdout
    said = there.run("cache").stdout
    assert b"by a URL" in said
    with package.open(url).replay("sh") as session:
        session.goto("end")
        assert session.position.event == package.open(trace).processes[0].events - 1


def test_each_process_alone(sent: Path, there: Reenact, server: RangeServer) -> None:
    """What is said to be needed is all that a replay needs, by both engines."""
    url = f"{server.url}/one.reenact"
    for process in package.open(url).processes:
        for way in ([], ["--translated"]):
            shutil.rmtree(os.environ["XDG_CACHE_HOME"])
            assert not there.verify(url, "-p", str(process.number), *way)["divergences"]


def test_without_ranges(sent: Path, there: Reenact, server: RangeServer) -> None:
    server.sends_ranges = False
    assert not there.verify(f"{server.url}/one.reenact")["divergences"]


def test_cuts(sent: Path, there: Reenact, server: RangeServer) -> None:
    """Connections that break, and a server that is out of order for a moment."""
    server.cuts = 3
    trace = package.open(f"{server.url}/one.reenact")
    server.cuts, server.statuses = 2, [503]
    with pytest.raises(ReenactError, match="503"):
        package.open(f"{server.url}/one.reenact?other")
    server.statuses = []
    remote.have(trace.path, None)
    assert trace.verify().is_exact


def test_cut_for_ever(sent: Path, there: Reenact, server: RangeServer, monkeypatch) -> None:
    monkeypatch.setattr("reenact.stores.sources._PAUSE", 0.001)
    server.cuts = 1000
    with pytest.raises(ReenactError, match="cannot be"):
        package.open(f"{server.url}/one.reenact")
    assert not list(Path(os.environ["XDG_CACHE_HOME"]).glob("reenact/remote/*"))


def test_refusals(sent: Path, there: Reenact, server: RangeServer, tmp_path: Path) -> None:
    (sent / "text").write_text("no pack\n" * 100)
    (sent / "empty").write_text("")
    addresses = {
        f"{server.url}/nothing": "there is no",
        f"{server.url}/text": "not a whole pack",
        f"{server.url}/empty": "",
        "http://127.0.0.1:1/x": "cannot be reached",
        "http:///x": "is no URL",
        "https://": "is no URL",
        "http://[": "is no URL",
        "http://a b/": "is no URL",
        "file://elsewhere/x": "another machine",
        "file:/nothing/here": "there is no trace",
    }
    for url, said in addresses.items():
        ending = there.run("info", url)
        assert ending.status == 125, (url, ending.describe())
        assert said in ending.stderr.decode(), url
        assert b"Traceback" not in ending.stderr
        assert b"a bug" not in ending.stderr
    server.token = "abc"
    assert b"REENACT_STORE_TOKEN" in there.run("info", f"{server.url}/one.reenact").stderr
    allowed = Reenact(there.command, {**there.variables, "REENACT_STORE_TOKEN": "abc"})
    assert allowed.run("info", f"{server.url}/one.reenact").status == 0


def test_changed_meanwhile(sent: Path, there: Reenact, server: RangeServer, tmp_path) -> None:
    shutil.copyfile(sent / "one.reenact", sent / "other.reenact")
    trace = package.open(f"{server.url}/other.reenact")
    os.utime(sent / "other.reenact", (1, 1))
    with pytest.raises(TraceError, match="was changed"):
        remote.have(trace.path, None)


def test_planted_origin(sent: Path, there: Reenact, server: RangeServer, tmp_path: Path) -> None:
    """A trace that somebody gives us does not make us ask servers for anything."""
    trace = package.open(f"{server.url}/one.reenact")
    planted = tmp_path / "planted"
    shutil.copytree(trace.path, planted)
    server.forget()
    ending = there.run("verify", str(planted))
    assert ending.status == 125
    assert not server.requests


def test_the_cache_is_bounded(sent: Path, there: Reenact, server: RangeServer, tmp_path) -> None:
    small = {**there.variables, "REENACT_REMOTE_CACHE": str((LARGE >> 20) * 5 // 2)}
    bounded = Reenact(there.command, small)
    kept = tmp_path / "cache" / "reenact" / "remote"
    for number in range(4):
        assert not bounded.verify(f"{server.url}/one.reenact?{number}")["divergences"]
        taken = sum(path.stat().st_size for path in kept.rglob("*") if path.is_file())
        assert taken < 4 * LARGE
    assert len(list(kept.iterdir())) in (2, 3)


def test_objects(sent: Path, there: Reenact, server: RangeServer, monkeypatch) -> None:
    """By the protocol of S3."""
    try:
        import obstore
    except ImportError:
        skips.skip(skips.Reason.NO_PROGRAM, "obstore")
    variables = {
        "AWS_ENDPOINT_URL": server.url,
        "AWS_ALLOW_HTTP": "true",
        "AWS_ACCESS_KEY_ID": "one",
        "AWS_SECRET_ACCESS_KEY": "two",
        "AWS_REGION": "here-1",
    }
    (sent / "bucket").mkdir(exist_ok=True)
    if not (sent / "bucket" / "one.reenact").exists():
        os.link(sent / "one.reenact", sent / "bucket" / "one.reenact")
    cloud = Reenact(there.command, {**there.variables, **variables})
    assert not cloud.verify("s3://bucket/one.reenact")["divergences"]
    assert all(said.startswith("AWS4-HMAC-SHA256") for said in server.authorizations)
    for url, said in {
        "s3://bucket/nothing": "there is no",
        "s3://bucket": "names no object",
        "gs://bucket/x": "cannot be used",
    }.items():
        ending = cloud.run("info", url)
        assert ending.status == 125, ending.describe()
        assert said in ending.stderr.decode()
        assert b"Traceback" not in ending.stderr
    assert obstore.__version__
