"""The collector stays up whatever comes, and loses nothing that it has acknowledged."""

from __future__ import annotations

import base64
import concurrent.futures
import contextlib
import hashlib
import json
import os
import signal
import socket
import struct
import subprocess
import tarfile
import time
from pathlib import Path

import pytest
import skips
from collector_server import MANIFEST, CollectorServer, good_pack, member, pack_of
from recorded_run import Reenact

from reenact import _native
from reenact.collector import reports
from reenact.collector.storage import Limits, Storage
from reenact.packs import layout


@pytest.fixture
def collector(reenact: Reenact, tmp_path: Path):
    with CollectorServer(reenact.command, tmp_path / "collected", "--max-size", "64M") as running:
        yield running
        assert running.ask("GET", "/health", None)[0] == 200
    assert "Traceback" not in running.errors()


def send(collector: CollectorServer, pack: bytes, said: str = "") -> tuple[int, bytes]:
    status, place = collector.begin(len(pack), said=said)
    assert status == 201, place
    status, _, content = collector.patch(place, 0, pack)
    return status, content


def test_a_report(collector: CollectorServer) -> None:
    pack = good_pack()
    assert send(collector, pack)[0] == 204
    (report,) = collector.reports()
    assert report["facts"]["command"] == ["x"]
    assert collector.ask("GET", report["pack"])[2] == pack
    status, headers, content = collector.ask("GET", report["pack"], Range="bytes=-10")
    assert (status, content) == (206, pack[-10:])
    assert headers["ETag"]
    assert b"x: exit status" in collector.ask("GET", "/")[2]


def test_tokens(collector: CollectorServer) -> None:
    """Who reports can add, and nothing else; what another one has begun is not there for them."""
    pack = good_pack()
    assert send(collector, pack)[0] == 204
    (report,) = collector.reports()
    for path in ("/", "/reports.json", report["pack"]):
        assert collector.ask("GET", path, None)[0] == 401
        assert collector.ask("GET", path, "wrong")[0] == 401
        assert collector.ask("GET", path, "report:one")[0] == 403
        assert collector.ask("DELETE", path, "read:me")[0] == 405
    assert collector.begin(10, "read:me")[0] == 403
    assert collector.begin(10, "wrong")[0] == 401
    place = collector.begin(len(pack))[1]
    for method in ("HEAD", "PATCH"):
        assert collector.ask(method, place, "report:two")[0] == 404
        assert collector.ask(method, place, "read:me")[0] == 403
    for path in ("/reports/../index.sqlite", "/reports/x/..%2f..%2findex.sqlite", "/index.sqlite"):
        assert collector.ask("GET", path)[0] == 404
    tokens = (collector.directory / "index.sqlite").read_bytes()
    assert not any(token.encode() in tokens for token in collector.tokens.values())
    assert b"wrong" not in collector.ask("GET", "/")[2]


def _cut(collector: CollectorServer, place: str, pack: bytes, sent: int) -> None:
    """Send a part of what is announced, and hang up."""
    host, port = collector.url.removeprefix("http://").split(":")
    head = (
        f"PATCH {place} HTTP/1.1\r\nHost: x\r\nUpload-Offset: 0\r\n"
        f"Content-Length: {len(pack)}\r\nContent-Type: application/offset+octet-stream\r\n"
        f"Authorization: Bearer {collector.tokens['report:one']}\r\n\r\n"
    )
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(head.encode() + pack[:sent])
        time.sleep(0.2)


def test_cuts(collector: CollectorServer) -> None:
    pack = good_pack(5 << 20)
    place = collector.begin(len(pack))[1]
    _cut(collector, place, pack, 3 << 20)
    end = time.monotonic() + 60
    while not (offset := collector.offset(place)) and time.monotonic() < end:
        time.sleep(0.05)
    assert 0 < offset <= 3 << 20
    # From another place than it is: refused, and nothing is lost.
    assert collector.patch(place, offset + 1, pack)[0] == 409
    assert collector.patch(place, offset, pack[offset : offset + 1000])[0] == 204
    assert collector.offset(place) == offset + 1000
    assert collector.patch(place, offset + 1000, pack[offset + 1000 :])[0] == 204
    # The answer may have been lost: to ask again is to hear it again.
    assert collector.ask("HEAD", place, "report:one")[1]["Content-Location"]
    assert collector.patch(place, len(pack), b"")[0] == 204
    (report,) = collector.reports()
    assert collector.ask("GET", report["pack"])[2] == pack


def test_killed(collector: CollectorServer) -> None:
    """What was acknowledged is there after a SIGKILL, and goes on."""
    pack = good_pack(5 << 20)
    assert send(collector, pack)[0] == 204
    place = collector.begin(len(pack))[1]
    for number in range(3):
        at = number << 20
        assert collector.patch(place, at, pack[at : at + (1 << 20)])[0] == 204
        collector.stop(signal.SIGKILL)
        collector.start()
        assert collector.offset(place) == at + (1 << 20)
    assert collector.patch(place, 3 << 20, pack[3 << 20 :])[0] == 204
    collector.stop(signal.SIGKILL)
    collector.start()
    assert [collector.ask("GET", one["pack"])[2] for one in collector.reports()] == [pack, pack]


def test_killed_before_it_is_in_the_index(tmp_path: Path) -> None:
    """The pack is at its place, and nobody was told: the upload is finished anew."""
    storage, pack = Storage(str(tmp_path), Limits()), good_pack()
    number = storage.begin("one", len(pack), {})
    appending = storage.append(storage.index.upload(number))
    appending.write(pack)
    appending.close()
    os.rename(tmp_path / "uploads" / number, storage.pack(number))
    assert storage.finish(storage.index.upload(number)) is None
    assert storage.index.has_report(number)


def test_a_hundred_at_once(collector: CollectorServer) -> None:
    packs = [good_pack(100_000) for _ in range(100)]
    with concurrent.futures.ThreadPoolExecutor(100) as pool:
        answers = list(pool.map(lambda pack: send(collector, pack)[0], packs))
    assert answers == [204] * 100
    wanted = {hashlib.sha256(pack).hexdigest() for pack in packs}
    stored = (collector.directory / "packs").iterdir()
    assert {hashlib.sha256(path.read_bytes()).hexdigest() for path in stored} == wanted
    assert len(collector.reports()) == 100
    assert not list((collector.directory / "uploads").iterdir())


def test_full_disk(reenact: Reenact, tmp_path: Path) -> None:
    if os.geteuid() != 0:
        skips.skip(skips.Reason.NOT_ROOT)
    small, pack = tmp_path / "small", good_pack(8 << 20)
    small.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=100m", "tmpfs", str(small)]
    if subprocess.run(mount, capture_output=True).returncode:
        skips.skip(skips.Reason.NOT_ALLOWED, "mount")
    try:
        with CollectorServer(reenact.command, small / "collected") as collector:
            assert send(collector, pack)[0] == 204
            assert collector.begin(60 << 20) == (507, "there is no room for it here")
            place = collector.begin(len(pack))[1]
            assert collector.patch(place, 0, pack[:1000])[0] == 204
            with contextlib.suppress(OSError), (small / "filler").open("wb", 0) as filler:
                while True:
                    filler.write(bytes(1 << 20))
            filler.close()
            with (small / "filler").open("r+b") as filler:
                filler.truncate((small / "filler").stat().st_size - (2 << 20))
            assert collector.patch(place, 1000, pack[1000:])[0] in (503, 507)
            assert collector.ask("GET", "/health", None)[0] == 200
            (small / "filler").unlink()
            offset = collector.offset(place)
            assert offset >= 1000
            assert collector.patch(place, offset, pack[offset:])[0] == 204
            assert [collector.ask("GET", one["pack"])[2] for one in collector.reports()] == [
                pack
            ] * 2
            assert "Traceback" not in collector.errors()
    finally:
        subprocess.run(["umount", str(small)], check=True)


GOOD = [member("manifest.json", json.dumps(MANIFEST).encode()), member("events", b"")]


def _claims(count: int) -> bytes:
    """A list that says it has so many members."""
    whole = pack_of(GOOD)
    place = whole.index(b"rnp1") + 4
    return whole[:place] + struct.pack("<I", count) + whole[place + 4 :]


def _bomb() -> bytes:
    """A small file with 80 GB in it."""
    frame = _native.compress_frame(bytes(4 << 20), 19)
    end = _native.compress_frame(bytes(1024), 1)
    entries = [*[(len(frame), 4 << 20)] * 20_000, (len(end), 1024)]
    return (
        frame * 20_000 + end + layout.tables(entries, [("events", (20_000 * (4 << 20)) - 512, 0)])
    )


def _flipped() -> bytes:
    content = bytearray(good_pack(1 << 20))
    content[len(content) // 2] ^= 1
    return bytes(content)


HOSTILE = {
    "above": lambda: pack_of([member("../x"), *GOOD]),
    "absolute": lambda: pack_of([member("/x"), *GOOD]),
    "inside": lambda: pack_of([*GOOD, member("files/../../x")]),
    "link": lambda: pack_of([*GOOD, member("files/1", b"", type=tarfile.SYMTYPE, linkname="/x")]),
    "hard-link": lambda: pack_of([*GOOD, member("files/1", b"", type=tarfile.LNKTYPE)]),
    "device": lambda: pack_of([*GOOD, member("files/1", b"", type=tarfile.CHRTYPE)]),
    "twice": lambda: pack_of([*GOOD, member("events", b"")]),
    "other-name": lambda: pack_of(GOOD, listed=[("manifest.json", 2, 0), ("files/1", 0, 1)]),
    "other-size": lambda: pack_of([(member("manifest.json")[0], b"{}" * 1000), GOOD[1]]),
    "billion": lambda: _claims(10**9),
    "none": lambda: _claims(0),
    "bomb": _bomb,
    "flipped": _flipped,
    "cut": lambda: good_pack()[:-1],
    "text": lambda: b"no pack at all\n" * 1000,
    "one-byte": lambda: b"x",
    "no-events": lambda: pack_of(GOOD[:1]),
    "no-json": lambda: pack_of([member("manifest.json", b"{"), GOOD[1]]),
    "deep-json": lambda: pack_of([member("manifest.json", b"[" * 10**6), GOOD[1]]),
    "no-object": lambda: pack_of([member("manifest.json", b"[]"), GOOD[1]]),
    "end": lambda: pack_of(GOOD)[:-9] + struct.pack("<IBI", 2**32 - 1, 0, 0x8F92EAB1),
}


def test_hostile_packs(collector: CollectorServer) -> None:
    for name, made in HOSTILE.items():
        pack = made()
        status, said = send(collector, pack)
        assert status == 422, name
        assert said.startswith(b"it "), name
    assert send(collector, pack_of(GOOD))[0] == 204
    assert len(collector.reports()) == 1
    assert not list((collector.directory / "uploads").iterdir())
    assert len(list((collector.directory / "packs").iterdir())) == 1


def _said(**values: object) -> str:
    return ",".join(
        f"{name} {base64.b64encode(str(value).encode()).decode()}" for name, value in values.items()
    )


def test_hostile_requests(collector: CollectorServer) -> None:
    pack = good_pack()
    assert send(collector, pack, _said(sha256="0" * 64)) == (422, b"its checksum is wrong")
    digest = hashlib.sha256(pack).hexdigest()
    facts = {"program": "<script>", "frames": ["<b>", 3, "x" * 10**4], "signal": "SIGSEGV", "a": []}
    assert send(collector, pack, _said(sha256=digest, facts=json.dumps(facts)))[0] == 204
    page = collector.ask("GET", "/")
    assert b"&lt;script&gt;" in page[2]
    assert b"<script>" not in page[2]
    assert "default-src 'none'" in page[1]["Content-Security-Policy"]
    for length in ("", "x", "-1", "0", "9" * 30, "1.5"):
        assert collector.ask("POST", "/uploads", "report:one", b"", Upload_Length=length)[0] == 400
    assert collector.begin(65 << 20)[0] == 413
    for said in ("facts ???", _said(facts="["), _said(facts="[" * 5000), _said(sha256="x")):
        assert collector.begin(10, said=said)[0] == 400, said
    assert collector.begin(10, said=_said(facts="x" * 40_000))[0] in (413, 431)
    place = collector.begin(10)[1]
    assert collector.patch(place, 0, b"x" * 11)[0] == 413
    assert collector.offset(place) == 0
    assert collector.ask("PATCH", place, "report:one", b"x", Upload_Offset="0")[0] == 415
    assert collector.patch("/uploads/nothing", 0, b"x")[0] == 404


def test_quota(reenact: Reenact, tmp_path: Path) -> None:
    """What has begun counts, too; what was refused does not."""
    with CollectorServer(reenact.command, tmp_path / "collected", "--quota", "3M") as collector:
        pack = good_pack(2 << 20)
        assert send(collector, b"x" * len(pack))[0] == 422
        place = collector.begin(len(pack))[1]
        assert collector.begin(len(pack)) == (507, "there is no room for it here")
        assert collector.patch(place, 0, pack)[0] == 204
        assert collector.begin(len(pack))[0] == 507
        assert collector.begin(1000)[0] == 201


def test_retention(tmp_path: Path) -> None:
    storage, pack = Storage(str(tmp_path), Limits(keep=0, unfinished=0)), good_pack()
    number = storage.begin("one", len(pack), {})
    appending = storage.append(storage.index.upload(number))
    appending.write(pack)
    appending.close()
    assert storage.finish(storage.index.upload(number)) is None
    left = storage.begin("one", len(pack), {})
    time.sleep(0.01)
    storage.forget_old()
    assert not storage.index.reports()
    assert storage.index.upload(left) is None
    assert not [path for folder in ("packs", "uploads") for path in (tmp_path / folder).iterdir()]


def test_groups() -> None:
    def about(**facts: object) -> str:
        return reports.group(reports.facts(json.dumps({"program": "/a/x", **facts})))

    crash = about(signal="SIGSEGV", frames=["f", "main"], build_id="1")
    assert crash == about(signal="SIGSEGV", frames=["f", "main"], build_id="2")
    assert crash != about(signal="SIGABRT", frames=["f", "main"], build_id="1")
    assert crash != about(signal="SIGSEGV", frames=["g", "main"], build_id="1")
    assert about(signal="SIGSEGV", build_id="1") != about(signal="SIGSEGV", build_id="2")
    assert about(exit_status=1) != about(exit_status=2)


def test_tokens_by_the_command(reenact: Reenact, tmp_path: Path) -> None:
    place = str(tmp_path / "collected")
    assert len(reenact.run("collect", place, "--add-token", "read:x").stdout) > 40
    for words in (["--add-token", "read:x"], ["--add-token", "x"], ["--remove-token", "y"],
                  ["--listen", "nowhere"], ["--listen", "192.0.2.1:1"]):  # fmt: skip
        ending = reenact.run("collect", place, *words)
        assert ending.status == 125, words
        assert b"hint" in ending.stderr
    assert reenact.run("collect", place, "--remove-token", "x").status == 0
    assert reenact.run("collect", place, "--tokens").stdout == b""
