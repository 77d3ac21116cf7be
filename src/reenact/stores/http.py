"""Web servers: requests by Python's own client, which knows proxies and redirections."""

from __future__ import annotations

import contextlib
import http.client
import socket
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from typing import Any

from reenact import environment
from reenact.errors import ReenactError, TraceError
from reenact.stores import urls

#: Seconds in which a server has to begin to answer, and between two parts of an answer.
_PATIENCE = 30.0
#: Another part of the network may be out of order for a moment.
BROKEN = (OSError, http.client.HTTPException)


def request(
    url: str,
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
    body: Any = None,
) -> Any:
    """The answer of a server, to be read and closed.

    Arguments:
        url: of http or https.
        method: as in "GET".
        headers: of the request.
        body: what is sent: bytes, or a file of as many bytes as the headers say.

    Errors: `urllib.error.HTTPError` for an answer that is none, `OSError` and
    `http.client.HTTPException` where none comes; `TraceError` for a URL that is none.
    """
    try:
        parts = urllib.parse.urlsplit(url)
        made = urllib.request.Request(  # noqa: S310 (of http and https alone: see urls.is_http)
            urllib.parse.urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2])),
            data=body,
            headers=dict(headers or {}),
            method=method,
        )
        if not made.host or any(ord(letter) <= ord(" ") for letter in url):
            raise ValueError(url)
    except ValueError as error:
        raise TraceError(f"{urls.shown(url)} is no URL", "write it as https://HOST/PATH") from error
    # Not for another server that this one sends us to.
    token = environment.STORE_TOKEN.get()
    if parts.password is not None or parts.username is not None:
        import base64

        said = f"{parts.username or ''}:{parts.password or ''}"
        plain = urllib.parse.unquote(said).encode()
        made.add_unredirected_header("Authorization", f"Basic {base64.b64encode(plain).decode()}")
    elif token is not None:
        made.add_unredirected_header("Authorization", f"Bearer {token}")
    return _opener().open(made, timeout=_PATIENCE)


class _Redirections(urllib.request.HTTPRedirectHandler):
    """Follows them, but never from https to http, nor to what is not on the web."""

    def redirect_request(  # noqa: PLR0917 (the one of urllib)
        self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> Any:
        """The next request."""
        left = urls.scheme(req.full_url) == "https" and urls.scheme(newurl) != "https"
        if left or not urls.is_http(newurl):
            raise urllib.error.HTTPError(req.full_url, code, msg, headers, fp)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _opener() -> urllib.request.OpenerDirector:
    return urllib.request.build_opener(_Redirections)


def explained(url: str, error: Exception) -> ReenactError:
    """What to tell a person of a server that gave no answer, or not the wanted one."""
    name = urls.shown(url)
    if isinstance(error, urllib.error.HTTPError):
        with contextlib.suppress(*BROKEN):
            error.close()
        if error.code in (401, 403):
            return ReenactError(
                f"{name} is not for us to use: the server says {error.code}",
                "set REENACT_STORE_TOKEN to a token that may, or use another URL",
            )
        if error.code in (404, 410):
            return TraceError(f"there is no {name}", "look at the URL again")
        return ReenactError(
            f"{name} cannot be used: the server says {error.code} {error.reason}", "try again later"
        )
    reason = getattr(error, "reason", error)
    if isinstance(reason, socket.gaierror):
        return TraceError(f"{name} is on a server that nobody knows", "look at the URL")
    said = getattr(reason, "strerror", None) or str(reason) or type(reason).__name__
    return ReenactError(f"{name} cannot be reached: {said}", "try again later")
