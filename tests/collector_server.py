"""A collector that runs beside a test, and packs to send to it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tarfile
import tempfile
import urllib.error
import urllib.request
from pathlib import Path

from reenact import _native
from reenact.packs import layout


class CollectorServer:
    """`reenact collect` on a port of its own.

    Arguments:
        command: the reenact command.
        directory: of the collector.
        options: of the command.
    """

    def __init__(self, command: list[str], directory: Path, *options: str) -> None:
        self._command, self.directory, self._options = command, directory, options
        self._port = "0"
        descriptor, path = tempfile.mkstemp(prefix="collector-errors-")
        os.close(descriptor)
        self._log, self._said = Path(path), ""
        self.tokens = {
            name: self._run("--add-token", name).strip()
            for name in ("report:one", "report:two", "read:me")
        }
        self.start()

    def _run(self, *options: str) -> str:
        words = [*self._command, "collect", str(self.directory), *options]
        return subprocess.run(words, check=True, capture_output=True, text=True).stdout

    def start(self) -> None:
        words = [*self._command, "collect", str(self.directory)]
        words += ["--listen", f"127.0.0.1:{self._port}", *self._options]
        self._errors = self._log.open("ab")
        self._process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=self._errors)
        said = self._process.stdout.readline().decode()
        self.url = said.split()[-1].rstrip("/")
        self._port = self.url.rpartition(":")[2]

    def stop(self, number: int = signal.SIGTERM) -> None:
        self._process.send_signal(number)
        self._process.wait(30)
        self._process.stdout.close()
        self._errors.close()

    def errors(self) -> str:
        return self._said or self._log.read_text()

    def ask(self, method: str, path: str, token: str | None = "read:me", body=None, **headers):
        """Status, headers and content of an answer."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if token is not None:
            named["Authorization"] = f"Bearer {self.tokens.get(token, token)}"
        request = urllib.request.Request(self.url + path, body, named, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.headers, error.read()

    def crashes(self) -> list[dict]:
        status, _, content = self.ask("GET", "/reports.json")
        assert status == 200
        return json.loads(content)["crashes"]

    def reports(self) -> list[dict]:
        return [report for crash in self.crashes() for report in crash["reports"]]

    def begin(self, length: int, token: str = "report:one", said: str = "") -> tuple[int, str]:
        status, headers, content = self.ask(
            "POST", "/uploads", token, b"", Upload_Length=str(length), Upload_Metadata=said
        )
        return status, headers.get("Location") or content.decode()

    def patch(self, place: str, offset: int, content: bytes, token: str = "report:one"):
        return self.ask(
            "PATCH", place, token, content, Upload_Offset=str(offset),
            Content_Type="application/offset+octet-stream",
        )  # fmt: skip

    def offset(self, place: str) -> int:
        status, headers, _ = self.ask("HEAD", place, "report:one")
        assert status == 200
        return int(headers["Upload-Offset"])

    def __enter__(self) -> CollectorServer:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self.stop()
        self._said = self._log.read_text() or " "
        self._log.unlink()


MANIFEST = {"format_version": 1, "command": ["x"], "program": "/x", "reenact": "1", "hostname": "h"}


def member(name: str, content: bytes = b"{}", **changes) -> tuple[tarfile.TarInfo, bytes]:
    header = tarfile.TarInfo(name)
    header.size = len(content)
    for field, value in changes.items():
        setattr(header, field, value)
    return header, content


def pack_of(members, *, listed=None, frames_again: int = 0) -> bytes:
    """A pack of such headers and contents, each in a frame of its own."""
    made, entries, own = b"", [], []
    for header, content in members:
        archived = header.tobuf(tarfile.GNU_FORMAT) + content + bytes(-len(content) % 512)
        own.append((header.name, header.size, len(entries)))
        frame = _native.compress_frame(archived, 1)
        made += frame
        entries.append((len(frame), len(archived)))
        for _ in range(frames_again):
            made += frame
            entries.append((len(frame), len(archived)))
    frame = _native.compress_frame(bytes(1024), 1)
    entries.append((len(frame), 1024))
    return made + frame + layout.tables(entries, own if listed is None else listed)


def good_pack(size: int = 1000) -> bytes:
    """A whole pack, with so many bytes in it that cannot be compressed."""
    manifest = json.dumps(MANIFEST).encode()
    return pack_of([member("manifest.json", manifest), member("events", b""), *_random(size)])


def _random(size: int):
    for number in range(-(-size // (1 << 20))):
        yield member(f"files/{number}", os.urandom(min(1 << 20, size - (number << 20))))
