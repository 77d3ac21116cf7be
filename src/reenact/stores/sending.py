"""Sending a pack: to a collector, a web server, an object store or a directory."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
import time
import urllib.error
import urllib.parse
from collections.abc import Callable, Mapping
from typing import Any

from reenact.errors import ReenactError
from reenact.packs.layout import ENDING
from reenact.stores import http, urls

#: The version of tus (https://tus.io/protocols/resumable-upload), by which collectors are sent to.
_TUS = {"Tus-Resumable": "1.0.0"}
#: Bytes of one request.
_PART = 8 << 20
#: How often in a row nothing gets through before we give up, and seconds before the next try.
_TRIES = 6
_PAUSE = 0.5
#: What a file's name gets for the file that tells how far an upload is.
_STATE = ".upload"

Progress = Callable[[int, int], None]


def send(path: str, to: str, facts: Mapping[str, Any], on_progress: Progress) -> str:
    """Send a pack; what to open it by.

    Arguments:
        path: of the pack. Beside it a file tells how far an upload is while it is under way: the
            same call goes on there.
        to: a collector's URL; a URL with the pack's name in it, to which a web server lets one
            `PUT`; an object in a store, or a folder (ends with "/"); a directory, or a `file:` URL.
        facts: about the pack, for a collector.
        on_progress: called now and then with the bytes that have arrived, and with all.

    Errors: `ReenactError`; the pack is never touched.
    """
    local = to if not urls.is_url(to) else urls.local_path(to)
    try:
        if local is not None:
            return _copy(path, local, on_progress)
        if not urls.is_http(to):
            from reenact.stores import objects

            url = to + os.path.basename(path) if to.endswith("/") else to
            objects.send(path, url, on_progress)
            return url
        if urllib.parse.urlsplit(to).path.endswith(ENDING):
            return _put(path, to, on_progress)
        return _Upload(path, to).send(facts, on_progress)
    except ValueError as error:
        raise ReenactError(f"{urls.shown(to)} is no URL", "write it as https://HOST/") from error


def _copy(path: str, target: str, on_progress: Progress) -> str:
    if os.path.isdir(target):
        target = os.path.join(target, os.path.basename(path))
    if os.path.lexists(target):
        raise ReenactError(f"{target} exists", "choose another name")
    part, total, done = f"{target}.part", os.path.getsize(path), 0
    try:
        with open(path, "rb") as source, open(part, "wb") as file:
            while content := source.read(_PART):
                file.write(content)
                done += len(content)
                on_progress(done, total)
            file.flush()
            os.fsync(file.fileno())
        os.rename(part, target)
    except OSError as error:
        with contextlib.suppress(OSError):
            os.unlink(part)
        raise ReenactError(
            f"{target} cannot be written: {error.strerror}", "choose another place with --to"
        ) from error
    return os.path.abspath(target)


def _put(path: str, url: str, on_progress: Progress) -> str:
    total = os.path.getsize(path)
    try:
        with open(path, "rb") as file:
            body = _Told(file, total, on_progress)
            http.request(url, "PUT", {"Content-Length": str(total)}, body).close()
    except http.BROKEN as error:
        raise http.explained(url, error) from error
    return url


class _Told:
    """A file that tells how much of it has been read."""

    def __init__(self, file: Any, total: int, on_progress: Progress) -> None:
        self._file, self._total, self._on_progress = file, total, on_progress

    def read(self, size: int = -1) -> bytes:
        """Bytes of it."""
        content: bytes = self._file.read(size)
        self._on_progress(self._file.tell(), self._total)
        return content


class _Upload:
    """An upload to a collector, which can be gone on with."""

    def __init__(self, path: str, to: str) -> None:
        self._path, self._to = path, to
        self._status = os.stat(path)
        self._report = ""

    def send(self, facts: Mapping[str, Any], on_progress: Progress) -> str:
        """All of it."""
        total = self._status.st_size
        with open(self._path, "rb") as file:
            url, offset = self._resumed() or (self._begun(facts, file), 0)
            failures = 0
            while not self._report:
                on_progress(offset, total)
                before = offset
                try:
                    offset = self._sent(url, file, offset)
                except http.BROKEN as error:
                    if isinstance(error, urllib.error.HTTPError) and error.code in (413, 422, 507):
                        self._forget(error.code)
                        raise _refused(self._to, error) from error
                    failure = http.explained(self._to, error)
                    if isinstance(error, urllib.error.HTTPError) and error.code in (401, 403, 404):
                        raise failure from error
                    failures += 1
                    if failures >= _TRIES:
                        raise failure from error
                    time.sleep(_PAUSE * failures)
                    with contextlib.suppress(*http.BROKEN):
                        offset = self._offset(url)
                if offset > before:
                    failures = 0
        on_progress(total, total)
        self._forget(204)
        link: str = urllib.parse.urljoin(url, self._report)
        return link

    def _begun(self, facts: Mapping[str, Any], file: Any) -> str:
        """The URL of a new upload."""
        digest = hashlib.sha256()
        while content := file.read(_PART):
            digest.update(content)
        said = {
            "filename": os.path.basename(self._path),
            "sha256": digest.hexdigest(),
            "facts": json.dumps(facts),
        }
        encoded = (f"{key} {base64.b64encode(said[key].encode()).decode()}" for key in said)
        headers = {
            **_TUS,
            "Upload-Length": str(self._status.st_size),
            "Upload-Metadata": ",".join(encoded),
            "Content-Length": "0",
        }
        place = self._to.rstrip("/") + "/uploads"
        try:
            with contextlib.closing(http.request(place, "POST", headers, b"")) as answer:
                location = answer.headers.get("Location")
        except http.BROKEN as error:
            if isinstance(error, urllib.error.HTTPError) and error.code in (413, 429, 507):
                raise _refused(self._to, error) from error
            raise http.explained(self._to, error) from error
        if not location:
            raise ReenactError(
                f"{urls.shown(self._to)} is no collector of reports",
                "see reenact collect; a web server needs the pack's name in the URL",
            )
        url: str = urllib.parse.urljoin(place, str(location))
        self._keep(url)
        return url

    def _resumed(self) -> tuple[str, int] | None:
        """The upload that was under way, and how far it is."""
        try:
            with open(self._path + _STATE, encoding="ascii") as file:
                said = json.load(file)
            if said["to"] != self._to or said["pack"] != self._identity():
                return None
            url = str(said["url"])
            # A file is no reason to tell our token to another server.
            if urllib.parse.urlsplit(url)[:2] != urllib.parse.urlsplit(self._to)[:2]:
                return None
            return url, self._offset(url)
        except (*http.BROKEN, ValueError, KeyError, TypeError):
            return None

    def _keep(self, url: str) -> None:
        said = {"to": self._to, "url": url, "pack": self._identity()}
        # Without it, a later upload begins anew.
        with contextlib.suppress(OSError):
            descriptor = os.open(
                self._path + _STATE, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600
            )
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                json.dump(said, file)

    def _forget(self, status: int) -> None:
        """What was refused is not gone on with; what found no room is."""
        if status != 507:
            with contextlib.suppress(OSError):
                os.unlink(self._path + _STATE)

    def _identity(self) -> list[int]:
        return [self._status.st_size, self._status.st_mtime_ns, self._status.st_ino]

    def _sent(self, url: str, file: Any, offset: int) -> int:
        """Send the next part; how far the upload is then."""
        file.seek(offset)
        headers = {
            **_TUS,
            "Upload-Offset": str(offset),
            "Content-Type": "application/offset+octet-stream",
        }
        answer = http.request(url, "PATCH", headers, file.read(_PART))
        return self._heard(answer)

    def _offset(self, url: str) -> int:
        return self._heard(http.request(url, "HEAD", _TUS))

    def _heard(self, answer: Any) -> int:
        with contextlib.closing(answer):
            self._report = str(answer.headers.get("Content-Location") or self._report)
            said = answer.headers.get("Upload-Offset", "")
        if not (said.isascii() and said.isdecimal()) or int(said) > self._status.st_size:
            raise ReenactError(
                f"{urls.shown(self._to)} is no collector of reports", "see reenact collect"
            )
        return int(said)


def _refused(to: str, error: urllib.error.HTTPError) -> ReenactError:
    """What a collector says against a report."""
    from reenact.printable import printable

    with contextlib.suppress(*http.BROKEN):
        said = error.read(500).decode("utf-8", "replace").strip()
        error.close()
        if said:
            return ReenactError(
                f"{urls.shown(to)} does not take it: {printable(said)}",
                "ask who runs the collector",
            )
    return http.explained(to, error)
