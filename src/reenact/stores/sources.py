"""Reading a file that is elsewhere by ranges: one that has been opened stays the same, or fails."""

from __future__ import annotations

import contextlib
import time
import urllib.error
from http.client import IncompleteRead
from typing import Any, Protocol

from reenact.errors import ReenactError, TraceError
from reenact.stores import http, urls

#: How often a range is asked for anew when its answer is cut, and seconds before that.
_TRIES = 5
_PAUSE = 0.2
_PIECE = 1 << 20
#: Nobody sends larger ones.
_MOST_BYTES = 1 << 50


class Source(Protocol):
    """A file somewhere.

    Arguments:
        name: what to call it.
        size: its bytes.
        version: what changes when it does; "" where nobody tells.
        end: its last bytes, read with the first request.
    """

    name: str
    size: int
    version: str
    end: bytes

    def read(self, offset: int, length: int) -> bytes:
        """Bytes of it. Errors: `ReenactError`; `TraceError` when it is another one by now."""


class NoRangesError(Exception):
    """The server sends whole files only."""


def open_source(url: str, end: int) -> Source:
    """A file by its URL, with so many of its last bytes.

    Errors: `TraceError` when there is none, `ReenactError` when it cannot be reached;
    `NoRangesError`.
    """
    if urls.is_http(url):
        return HttpSource(url, end)
    from reenact.stores.objects import ObjectSource

    return ObjectSource(url, end)


def changed(name: str) -> TraceError:
    """The failure for a file that is not as it was when it was opened."""
    return TraceError(f"{name} was changed while it was read", "try again")


class HttpSource:
    """A file on a web server."""

    def __init__(self, url: str, end: int) -> None:
        self.name = urls.shown(url)
        self._url = url
        try:
            answer = http.request(url, headers={"Range": f"bytes=-{end}"})
            with contextlib.closing(answer):
                if answer.status != 206:
                    raise NoRangesError
                self.size, begin = self._range(answer)
                self.version = _version(answer)
                self.end = answer.read(end)
        except IncompleteRead:
            self.end = b""
        except http.BROKEN as error:
            raise http.explained(url, error) from error
        if begin + len(self.end) != self.size:
            # It was cut, or is not what was asked for.
            self.end = self.read(begin, self.size - begin) if self.size - begin <= end else b""

    def read(self, offset: int, length: int) -> bytes:
        """Bytes of it."""
        got = bytearray()
        failure: Exception | None = None
        for number in range(_TRIES):
            if number:
                time.sleep(_PAUSE * number)
            try:
                self._read_into(got, offset, length)
            except urllib.error.HTTPError as error:
                if error.code < 500:
                    raise http.explained(self._url, error) from error
                failure = error
            except http.BROKEN as error:
                failure = error
            if len(got) == length:
                return bytes(got)
        if failure is None:
            raise ReenactError(f"{self.name} cannot be read: it ends early", "try again later")
        raise http.explained(self._url, failure)

    def _read_into(self, got: bytearray, offset: int, length: int) -> None:
        begin, end = offset + len(got), offset + length
        headers = {"Range": f"bytes={begin}-{end - 1}"}
        with contextlib.closing(http.request(self._url, headers=headers)) as answer:
            if answer.status != 206 or _version(answer) != self.version:
                raise changed(self.name)
            if self._range(answer) != (self.size, begin):
                raise changed(self.name)
            while len(got) < length and (part := answer.read(min(_PIECE, length - len(got)))):
                got += part

    def _range(self, answer: Any) -> tuple[int, int]:
        """Bytes of the file, and where what we get begins."""
        said = answer.headers.get("Content-Range", "")
        unit, _, rest = said.partition(" ")
        span, _, total = rest.partition("/")
        begin = span.partition("-")[0]
        numbers = (begin, total)
        is_good = unit == "bytes" and all(one.isascii() and one.isdecimal() for one in numbers)
        if not is_good or len(total) > 18 or not int(begin) <= int(total) <= _MOST_BYTES:
            raise ReenactError(
                f"{self.name} cannot be read by ranges: the server's answer is damaged",
                "fetch the file, and give its path",
            )
        return int(total), int(begin)


def _version(answer: Any) -> str:
    headers = answer.headers
    return str(headers.get("ETag") or headers.get("Last-Modified") or "")
