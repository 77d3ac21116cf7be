"""Debug files from servers that the user has named in DEBUGINFOD_URLS (debuginfod(8)).

Only for recordings of this machine: what somebody else has recorded is not to ask servers for
anything, unless the user says so (REENACT_DEBUGINFOD=always). The cache keeps what was fetched.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import socket
import tempfile
import time
from collections.abc import Callable

from reenact import environment, manifest, places
from reenact.errors import ReenactError

#: A part of the cache that is a root of separate debug files, as `/usr/lib/debug` is one.
_PART = "debug"
_BUILD_ID = re.compile("[0-9a-f]{8,128}")
#: Seconds in which a server has to begin to answer, and between two parts of its answer.
_PATIENCE = 3.0
#: Seconds for which a server is believed that it does not have a file.
_BELIEVED = 600.0
#: Bytes of the largest file that is fetched, and of all that are kept.
_LARGEST = 2 << 30
_MOST_KEPT = 4 << 30


class Servers:
    """The servers of the user. One that does not answer is asked no more.

    Arguments:
        urls: where they are.
        directory: where fetched files are kept; it need not exist.
    """

    def __init__(self, urls: list[str], directory: str) -> None:
        self._urls = list(urls)
        self.directory = directory

    def fetch(self, build_id: str) -> bool:
        """Have the debug file of a build among those that are kept; whether it is there."""
        if not _BUILD_ID.fullmatch(build_id):
            return False
        place = os.path.join(self.directory, ".build-id", build_id[:2], f"{build_id[2:]}.debug")
        if os.path.exists(place):
            return True
        missing = f"{place}.missing"
        with contextlib.suppress(OSError):
            if time.time() - os.stat(missing).st_mtime < _BELIEVED:
                return False
        try:
            os.makedirs(os.path.dirname(place), mode=0o700, exist_ok=True)
            for url in list(self._urls):
                if self._fetch_from(url, build_id, place):
                    _make_room(self.directory)
                    return True
            if self._urls:
                with open(missing, "wb"):
                    os.utime(missing)
        except OSError:
            return False  # The cache cannot be written to.
        return False

    def _fetch_from(self, url: str, build_id: str, place: str) -> bool:
        import http.client
        import urllib.error
        import urllib.request

        address = f"{url.rstrip('/')}/buildid/{build_id}/debuginfo"
        try:
            # Of http and https alone: see `named`.
            with urllib.request.urlopen(address, timeout=_PATIENCE) as answer:  # noqa: S310
                _keep(answer.read, place)
            return True
        except urllib.error.HTTPError as error:
            error.close()
        except (OSError, http.client.HTTPException, ValueError):
            # It does not answer, or stops in the middle.
            self._urls.remove(url)
        return False


def named() -> list[str]:
    """The servers that the user has named; those of other protocols are left out."""
    words = (environment.DEBUGINFOD_URLS.get() or "").split()
    return [word for word in words if word.startswith(("http://", "https://"))]


def servers_for(trace: str) -> Servers | None:
    """The servers to ask about a trace, by its path; None: none, or it is another machine's."""
    urls = named()
    if not urls:
        return None
    with contextlib.suppress(ReenactError):
        if _may_ask(trace):
            return Servers(urls, os.path.join(places.cache(), _PART))
    return None


def answering(urls: list[str]) -> list[str]:
    """Those of some servers that can be connected to; asked side by side."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(max(len(urls), 1)) as pool:
        return [url for url, answers in zip(urls, pool.map(_answers, urls)) if answers]


def _answers(url: str) -> bool:
    import urllib.parse

    with contextlib.suppress(OSError, ValueError):
        parts = urllib.parse.urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        with socket.create_connection((parts.hostname or "", port), timeout=_PATIENCE):
            return True
    return False


def _may_ask(trace: str) -> bool:
    if environment.DEBUGINFOD.get() == "always":
        return True
    try:
        owner = os.stat(trace).st_uid
    except OSError:
        return False
    return owner == os.geteuid() and manifest.read(trace).hostname == os.uname().nodename


def _keep(read: Callable[[int], bytes], place: str) -> None:
    """Write what is read to a place, whole or not at all. Errors: `OSError`."""
    descriptor, temporary = tempfile.mkstemp(dir=os.path.dirname(place))
    try:
        with os.fdopen(descriptor, "wb") as file:
            while part := read(1 << 20):
                if file.tell() > _LARGEST:
                    raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))
                file.write(part)
        os.replace(temporary, place)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def _make_room(directory: str) -> None:
    """Remove the files that were fetched first, so that all take no more than they may."""
    found = []
    for around, _, names in os.walk(directory):
        for name in names:
            place = os.path.join(around, name)
            with contextlib.suppress(OSError):
                status = os.lstat(place)
                found.append((status.st_mtime_ns, status.st_size, place))
    left = sum(size for _, size, _ in found) - _MOST_KEPT
    for _, size, place in sorted(found)[:-1]:
        if left <= 0:
            return
        left -= size
        with contextlib.suppress(OSError):
            os.unlink(place)
