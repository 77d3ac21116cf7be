"""Object stores (S3, Google's, Azure's), through obstore, which knows their ways and retries."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from reenact.errors import ReenactError, TraceError, UsageError
from reenact.stores import urls

if TYPE_CHECKING:
    from obstore.store import ObjectStore

#: Bytes that are sent at once: a part of a large object.
_PART = 8 << 20


def opened(url: str) -> tuple[ObjectStore, str]:
    """The store of a URL, and the object's name in it. Errors: `ReenactError`."""
    try:
        from obstore.exceptions import BaseError
        from obstore.store import from_url
    except ImportError as error:
        raise ReenactError(
            f"{urls.scheme(url)}:// URLs need a further package", "pip install 'reenact[stores]'"
        ) from error
    address = urls.split_place(url)[0]
    scheme, _, rest = address.partition("://")
    bucket, _, key = rest.partition("/")
    if not bucket or not key:
        raise UsageError(f"{address} names no object", f"write it as {scheme}://BUCKET/NAME")
    try:
        return from_url(f"{scheme}://{bucket}"), key
    except (BaseError, ValueError, TypeError) as error:
        raise ReenactError(
            f"{address} cannot be used: {_first_line(error)}",
            "see the documentation on stores for where credentials come from",
        ) from error


class ObjectSource:
    """An object in a store."""

    def __init__(self, url: str, end: int) -> None:
        self.name = urls.shown(url)
        self._store, self._key = opened(url)
        with _told(self.name):
            said = self._store.head(self._key)
        self.size = said["size"]
        self._tag = said["e_tag"]
        self.version = self._tag or str(said["last_modified"])
        begin = max(0, self.size - end)
        self.end = self.read(begin, self.size - begin)

    def read(self, offset: int, length: int) -> bytes:
        """Bytes of it."""
        if not length:
            return b""
        options: dict[str, Any] = {"range": (offset, offset + length)}
        if self._tag is not None:
            options["if_match"] = self._tag
        with _told(self.name):
            content = bytes(self._store.get(self._key, options=options).bytes())  # type: ignore[arg-type]
        if len(content) != length:
            raise ReenactError(f"{self.name} cannot be read: it ends early", "try again later")
        return content


def send(path: str, url: str, on_progress: Callable[[int, int], None]) -> None:
    """Copy a file to an object, which is there whole or not at all.

    Arguments:
        path: of the file.
        url: of the object.
        on_progress: called with the bytes that are sent, and with all.

    Errors: `ReenactError`.
    """
    store, key = opened(url)
    import obstore

    total, done = os.path.getsize(path), 0
    # Not closed where it fails: what was sent in parts becomes no object then.
    with open(path, "rb") as file, _told(urls.shown(url)):
        writer = obstore.open_writer(store, key, buffer_size=_PART)
        while part := file.read(_PART):
            writer.write(part)
            done += len(part)
            on_progress(done, total)
        writer.close()


@contextlib.contextmanager
def _told(name: str) -> Iterator[None]:
    """Tells failures of a store as ours."""
    try:
        yield
    except ReenactError:
        raise
    except Exception as error:
        raise _explained(name, error) from error


def _explained(name: str, error: Exception) -> ReenactError:
    from obstore import exceptions

    if isinstance(error, (FileNotFoundError, exceptions.NotFoundError)):
        return TraceError(f"there is no {name}", "look at the URL again")
    if isinstance(error, exceptions.PreconditionError):
        return TraceError(f"{name} was changed while it was read", "try again")
    denied = (exceptions.PermissionDeniedError, exceptions.UnauthenticatedError, PermissionError)
    if isinstance(error, denied):
        return ReenactError(
            f"{name} is not for us to use: {_first_line(error)}",
            "see the documentation on stores for where credentials come from",
        )
    return ReenactError(
        f"{name} cannot be used: {_first_line(error)}", "look at the URL, or try again later"
    )


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
