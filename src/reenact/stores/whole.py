"""Fetching a whole file from a server that does not send parts of it."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil

from reenact import terminal
from reenact.packs.reading import LEFT_FREE
from reenact.stores import http

_PIECE = 1 << 20


def fetch(url: str, folder: str) -> str:
    """Copy a file from a web server; the path of the copy.

    Arguments:
        url: of the file.
        folder: an empty directory for it.

    Errors: `ReenactError`; `OSError` where it cannot be written.
    """
    path = os.path.join(folder, "pack")
    try:
        answer = http.request(url)
    except http.BROKEN as error:
        raise http.explained(url, error) from error
    length = answer.headers.get("Content-Length", "")
    total = int(length) if length.isascii() and length.isdecimal() and len(length) < 18 else 0
    done = 0
    with contextlib.ExitStack() as opened:
        opened.enter_context(contextlib.closing(answer))
        file = opened.enter_context(open(path, "xb"))
        bar = opened.enter_context(terminal.progress("fetching", in_bytes=True))
        while True:
            try:
                part = answer.read(_PIECE)
            except http.BROKEN as error:
                raise http.explained(url, error) from error
            if not part:
                break
            if shutil.disk_usage(folder).free < LEFT_FREE:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            file.write(part)
            done += len(part)
            bar.update(done, max(total, done))
    return path
