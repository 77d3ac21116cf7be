"""The collector as an ASGI application: uploads by tus 1.0, a page, a listing, the packs."""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import errno
import os
import sqlite3
import sys
from collections.abc import AsyncIterator, Awaitable, Callable

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from reenact.collector import page, reports
from reenact.collector.index import Upload
from reenact.collector.storage import Appending, Storage

_TUS = {"Tus-Resumable": "1.0.0", "Tus-Version": "1.0.0", "Tus-Extension": "creation"}
_SAFE = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "private, no-cache",
}
#: Bytes that are written at once, and seconds in which the next ones have to come.
_PIECE = 1 << 20
_PATIENCE = 60.0
#: Bytes that are read of what is refused.
_MOST_UNHEARD = 32 << 20
#: Seconds between two looks at what is old.
_LOOK = 3600.0
_MOST_METADATA = 32 << 10

_Handler = Callable[["Collector", Request, str], Awaitable[Response]]


def application(storage: Storage) -> Starlette:
    """The application that serves a collector's files."""
    return Collector(storage).made()


def _say(status: int, text: str = "", **headers: str) -> Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(text, status, {**_TUS, **named}, "text/plain; charset=utf-8")


def _for(kind: str, handler: _Handler) -> Callable[[Collector, Request], Awaitable[Response]]:
    """A handler for those who have a token of a kind."""

    async def answer(collector: Collector, request: Request) -> Response:
        token = _token(request)
        holder = None if token is None else await run_in_threadpool(collector.holder, token)
        if holder is None:
            return _say(401, "no token, or none that is known here", WWW_Authenticate="Basic")
        if holder[1] != kind:
            return _say(403, f"this token is not one to {kind} by")
        return await handler(collector, request, holder[0])

    return answer


def _token(request: Request) -> str | None:
    """The token of a request: a bearer's, or the password of somebody."""
    scheme, _, rest = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return rest.strip()
    if scheme.lower() != "basic":
        return None
    try:
        user, _, password = base64.b64decode(rest, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeError):
        return None
    return password or user


async def _hear_out(request: Request) -> None:
    """Read what is still sent: who is hung up on while sending does not hear the answer."""
    left = _MOST_UNHEARD
    end = asyncio.get_running_loop().time() + _PATIENCE
    # What has been read to its end already says so by `RuntimeError`.
    with contextlib.suppress(ClientDisconnect, RuntimeError, asyncio.TimeoutError):
        parts = request.stream().__aiter__()
        while left > 0 and asyncio.get_running_loop().time() < end:
            try:
                left -= len(await asyncio.wait_for(parts.__anext__(), _PATIENCE))
            except StopAsyncIteration:
                return


class Collector:
    """What the routes do."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._index = storage.index
        self._busy: set[str] = set()

    def made(self) -> Starlette:
        """The application."""

        def bound(
            answer: Callable[[Collector, Request], Awaitable[Response]],
        ) -> Callable[[Request], Awaitable[Response]]:
            async def answered(request: Request) -> Response:
                try:
                    said = await answer(self, request)
                except (OSError, sqlite3.Error) as error:
                    said = self._failed(error)
                if said.status_code >= 400:
                    await _hear_out(request)
                return said

            return answered

        read, report = bound(_for("read", Collector.show)), "report"
        routes = [
            Route("/", read),
            Route("/reports.json", bound(_for("read", Collector.list))),
            Route("/reports/{number}/{name}", bound(_for("read", Collector.pack))),
            Route("/health", lambda _: _say(200, "up")),
            Route("/uploads", lambda _: _say(204), methods=["OPTIONS"]),
            Route("/uploads", bound(_for(report, Collector.begin)), methods=["POST"]),
            Route("/uploads/{number}", bound(_for(report, Collector.head)), methods=["HEAD"]),
            Route("/uploads/{number}", bound(_for(report, Collector.patch)), methods=["PATCH"]),
        ]
        return Starlette(routes=routes, lifespan=self._living)

    @contextlib.asynccontextmanager
    async def _living(self, _: Starlette) -> AsyncIterator[None]:
        looking = asyncio.create_task(self._look_for_old())
        yield
        looking.cancel()

    async def _look_for_old(self) -> None:
        while True:
            with contextlib.suppress(OSError, sqlite3.Error):
                await run_in_threadpool(self._storage.forget_old)
            await asyncio.sleep(_LOOK)

    @staticmethod
    def _failed(error: Exception) -> Response:
        """The disk does not do what it should: nothing was acknowledged."""
        is_full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
        print(f"reenact collect: {error}", file=sys.stderr, flush=True)
        if is_full or "is full" in str(error):
            return _say(507, "the collector's disk is full")
        return _say(503, "try again later")

    def holder(self, token: str) -> tuple[str, str] | None:
        """Name and kind of a token."""
        return self._index.holder(token)

    # For those who report

    async def begin(self, request: Request, token: str) -> Response:
        """A new upload."""
        length = request.headers.get("Upload-Length", "")
        said = request.headers.get("Upload-Metadata", "")
        if not (length.isascii() and length.isdecimal() and len(length) < 18) or not int(length):
            return _say(400, "an upload says how long it is, by Upload-Length")
        most = self._storage.limits.size
        if int(length) > most:
            return _say(413, f"reports have at most {most >> 20} MiB here", Tus_Max_Size=str(most))
        if len(said) > _MOST_METADATA:
            return _say(413, "there is too much in Upload-Metadata")
        try:
            values = reports.metadata(said)
            number = await run_in_threadpool(self._storage.begin, token, int(length), values)
        except ValueError:
            return _say(400, "Upload-Metadata is damaged")
        if number is None:
            return _say(507, "there is no room for it here")
        return _say(201, Location=f"/uploads/{number}", Upload_Offset="0")

    async def head(self, request: Request, token: str) -> Response:
        """How far an upload is."""
        upload = await self._own(request, token)
        if upload is None:
            return _say(404)
        if upload.refused is not None:
            return _say(410)
        return self._state(upload, 200)

    async def patch(self, request: Request, token: str) -> Response:
        """More of an upload; with the last of it, the report."""
        upload = await self._own(request, token)
        if upload is None:
            return _say(404, "there is no such upload")
        if upload.refused is not None:
            return _say(422, upload.refused)
        if request.headers.get("Content-Type") != "application/offset+octet-stream":
            return _say(415, "an upload goes on with application/offset+octet-stream")
        if upload.id in self._busy:
            return _say(423, "this upload goes on elsewhere at the moment")
        self._busy.add(upload.id)
        try:
            # It may have gone on meanwhile.
            upload = await self._known(upload)
            if request.headers.get("Upload-Offset") != str(upload.offset):
                return _say(409, "the upload is not there", Upload_Offset=str(upload.offset))
            return await self._take(request, upload)
        finally:
            self._busy.discard(upload.id)

    async def _take(self, request: Request, upload: Upload) -> Response:
        if upload.report is None and upload.offset < upload.length:
            appending = await run_in_threadpool(self._storage.append, upload)
            try:
                is_whole = await self._write(request, appending, upload.length)
            finally:
                # Also what came before a cut: it need not come again.
                offset = await run_in_threadpool(appending.close)
            if not is_whole:
                return _say(413, "more came than the upload was said to have")
            if offset < upload.length:
                return _say(204, Upload_Offset=str(offset))
        upload = await self._known(upload)
        if upload.report is None:
            why = await run_in_threadpool(self._storage.finish, upload)
            if why is not None:
                return _say(422, why)
            upload = await self._known(upload)
        return self._state(upload, 204)

    async def _write(self, request: Request, appending: Appending, length: int) -> bool:
        """Write what comes; whether it is no more than was said."""
        waiting = bytearray()
        left = length - appending.offset
        parts = request.stream().__aiter__()
        try:
            while True:
                part = await asyncio.wait_for(parts.__anext__(), _PATIENCE)
                if len(part) > left:
                    return False
                left -= len(part)
                waiting += part
                if len(waiting) >= _PIECE:
                    await run_in_threadpool(appending.write, bytes(waiting))
                    waiting.clear()
        except (ClientDisconnect, StopAsyncIteration, asyncio.TimeoutError):
            pass
        await run_in_threadpool(appending.write, bytes(waiting))
        return True

    async def _known(self, upload: Upload) -> Upload:
        """An upload as it is by now."""
        found = await run_in_threadpool(self._index.upload, upload.id)
        return upload if found is None else found

    async def _own(self, request: Request, token: str) -> Upload | None:
        """The upload that a request is about, if it is the sender's."""
        upload = await run_in_threadpool(self._index.upload, request.path_params["number"])
        return upload if upload is not None and upload.token == token else None

    @staticmethod
    def _state(upload: Upload, status: int) -> Response:
        headers = {
            "Upload_Offset": str(upload.offset),
            "Upload_Length": str(upload.length),
            "Cache_Control": "no-store",
        }
        if upload.report is not None:
            headers["Content_Location"] = page.link(upload.report)
        return _say(status, **headers)

    # For those who read

    async def show(self, request: Request, _: str) -> Response:
        """The page."""
        listed = await run_in_threadpool(self._index.reports)
        base = str(request.base_url).rstrip("/")
        return HTMLResponse(page.page(listed, base), headers=_SAFE)

    async def list(self, _: Request, __: str) -> Response:
        """Crashes with their reports, as JSON."""
        listed = await run_in_threadpool(self._index.reports)
        for report in listed:
            report["pack"] = page.link(report["id"])
        return JSONResponse({"schema_version": 1, "crashes": page.groups(listed)}, headers=_SAFE)

    async def pack(self, request: Request, _: str) -> Response:
        """A pack, or ranges of it."""
        number = request.path_params["number"]
        known = await run_in_threadpool(self._index.has_report, number)
        path = self._storage.pack(number) if known else ""
        if not known or not os.path.isfile(path):
            return _say(404, "there is no such report")
        return FileResponse(path, media_type="application/octet-stream", headers=_SAFE)
