"""URLs that stand in place of a trace, and of where a pack is sent to.

No heavy import here: each command asks whether it was given one.
"""

from __future__ import annotations

import re

from reenact.errors import UsageError

_HTTP = ("http", "https")
#: Of object stores, and what obstore calls them.
_OBJECTS = ("s3", "s3a", "gs", "az", "azure", "adl", "abfs", "abfss")
_URL = re.compile(rf"(?:{'|'.join((*_HTTP, *_OBJECTS))})://|file:", re.IGNORECASE)


def is_url(text: str) -> bool:
    """Whether a person means a pack that is elsewhere (or here, by a `file:` URL)."""
    return _URL.match(text) is not None


def scheme(url: str) -> str:
    """What a URL begins with: "https", "s3", "file"."""
    return url.partition(":")[0].lower()


def is_http(url: str) -> bool:
    """Whether it is on a web server."""
    return scheme(url) in _HTTP


def split_place(text: str) -> tuple[str, str | None]:
    """A URL and the position that is named behind `#`, if one is."""
    address, mark, position = text.partition("#")
    return address, position if mark and position else None


def local_path(url: str) -> str | None:
    """The path that a `file:` URL names; None for any other.

    Errors: `UsageError` for a file of another machine.
    """
    if scheme(url) != "file":
        return None
    import urllib.parse

    parts = urllib.parse.urlsplit(url)
    if parts.netloc not in ("", "localhost"):
        raise UsageError(
            f"{url} is a file of another machine", "write it as file:///PATH, or give the path"
        )
    path = urllib.parse.unquote(parts.path)
    if "\0" in path or not path:
        raise UsageError(f"{url} names no file", "write it as file:///PATH, or give the path")
    return path


def shown(url: str) -> str:
    """A URL without what is secret in it: a password, the parameters of a signed one."""
    import urllib.parse

    try:
        parts = urllib.parse.urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
        return urllib.parse.urlunsplit((parts.scheme, host, parts.path, "", ""))
    except ValueError:
        return scheme(url) + "://..."
