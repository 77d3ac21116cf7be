"""A web server on loopback that sends files by ranges, counts what it is asked, and can be slow.

With a store it also takes objects, as S3 does (path style): one at a time, or in parts.
"""

from __future__ import annotations

import hashlib
import re
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class RangeServer:
    """Serves the files of a folder.

    Arguments:
        folder: the files.
        rate: bytes a second; None: any.
        delay: seconds before each answer.
    """

    def __init__(self, folder: Path, rate: float | None = None, delay: float = 0) -> None:
        self.folder, self.rate, self.delay = folder, rate, delay
        #: Method, path and range of each request; bytes that were sent.
        self.requests: list[tuple[str, str, str]] = []
        self.authorizations: list[str] = []
        self.sent = 0
        #: What a test may ask for.
        self.sends_ranges, self.has_versions, self.cuts, self.statuses = True, True, 0, []
        self.token: str | None = None
        self.parts: dict[str, bytes] = {}
        server = self

        class Handler(_Handler):
            of = server

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def forget(self) -> None:
        self.requests.clear()
        self.sent = 0

    def __enter__(self) -> RangeServer:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    of: RangeServer

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        of = self.of
        asked = self.headers.get("Range", "")
        of.requests.append((self.command, self.path, asked))
        of.authorizations.append(self.headers.get("Authorization", ""))
        time.sleep(of.delay)
        path = of.folder / urllib.parse.unquote(self.path.partition("?")[0]).lstrip("/")
        if of.statuses:
            self._say(of.statuses.pop(0))
        elif of.token is not None and self.headers.get("Authorization") != f"Bearer {of.token}":
            self._say(401)
        elif not path.is_file():
            self._say(404)
        else:
            self._send(path, asked)

    do_HEAD = do_GET  # noqa: N815

    def _send(self, path: Path, asked: str) -> None:
        of, size = self.of, path.stat().st_size
        begin, end, status = 0, size, 200
        found = re.fullmatch(r"bytes=(\d*)-(\d*)", asked)
        if of.sends_ranges and found and found[1]:
            begin, status = int(found[1]), 206
            end = min(size, int(found[2]) + 1) if found[2] else size
        elif of.sends_ranges and found:
            begin, status = max(0, size - int(found[2])), 206
        self.send_response(status)
        if of.has_versions:
            moment = path.stat().st_mtime_ns
            tag = hashlib.md5(f"{size}-{moment}".encode()).hexdigest()
            wanted = self.headers.get("If-Match", f'"{tag}"')
            self.send_header("ETag", f'"{tag}"')
            assert wanted == f'"{tag}"'
        self.send_header("Last-Modified", "Mon, 02 Nov 2026 10:00:00 GMT") if of.has_versions else 0
        self.send_header("Content-Length", str(end - begin))
        if status == 206:
            self.send_header("Content-Range", f"bytes {begin}-{end - 1}/{size}")
        self.end_headers()
        if self.command == "HEAD":
            return
        is_cut = of.cuts > 0 and end - begin > 1
        if is_cut:
            of.cuts -= 1
            end = begin + (end - begin) // 2
        with path.open("rb") as file:
            file.seek(begin)
            while begin < end:
                part = file.read(min(1 << 20, end - begin))
                begin += len(part)
                of.sent += len(part)
                if of.rate is not None:
                    time.sleep(len(part) / of.rate)
                try:
                    self.wfile.write(part)
                except OSError:
                    break
        if is_cut:
            self.close_connection = True

    def do_PUT(self) -> None:
        of = self.of
        of.requests.append((self.command, self.path, ""))
        of.authorizations.append(self.headers.get("Authorization", ""))
        content = self.rfile.read(int(self.headers["Content-Length"]))
        path, _, query = self.path.partition("?")
        if of.statuses:
            self._say(of.statuses.pop(0))
            return
        number = dict(urllib.parse.parse_qsl(query)).get("partNumber")
        if number is not None:
            of.parts[f"{path}:{int(number):05}"] = content
        else:
            self._keep(path, content)
        self._say(200, {"ETag": f'"{hashlib.md5(content).hexdigest()}"'})

    def do_POST(self) -> None:
        """An object in parts: its beginning and its end."""
        self.of.requests.append((self.command, self.path, ""))
        self.rfile.read(int(self.headers.get("Content-Length", "0")))
        path, _, query = self.path.partition("?")
        name = "InitiateMultipartUploadResult" if query == "uploads" else "CompleteResult"
        if query != "uploads":
            parts = sorted(part for part in self.of.parts if part.startswith(f"{path}:"))
            self._keep(path, b"".join(self.of.parts.pop(part) for part in parts))
        said = (
            f"<{name}><UploadId>1</UploadId><Bucket>b</Bucket><Key>k</Key><ETag>1</ETag></{name}>"
        )
        self._say(200, body=said.encode())

    def _keep(self, path: str, content: bytes) -> None:
        place = self.of.folder / path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)

    def _say(self, status: int, headers: dict[str, str] | None = None, body: bytes = b"") -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
