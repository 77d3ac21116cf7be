"""The files of a collector: parts of uploads, and packs that have been checked.

Nothing is acknowledged before it is on the disk (fsync), and what was not is cut off again.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reenact.collector import reports
from reenact.collector.index import Index, Upload
from reenact.errors import ReenactError, TraceError
from reenact.packs import checking
from reenact.packs.layout import ENDING
from reenact.packs.reading import LEFT_FREE

_PIECE = 1 << 20
_DAY = 86400.0


@dataclass(frozen=True)
class Limits:
    """What a collector takes.

    Arguments:
        size: bytes of the largest pack.
        content: bytes of what may be in one.
        quota: bytes of all packs together.
        keep: seconds after which a report is removed; None: never.
        unfinished: seconds after which an upload that nobody goes on with is.
    """

    size: int = 2 << 30
    content: int = 32 << 30
    quota: int = 100 << 30
    keep: float | None = None
    unfinished: float = _DAY


class Storage:
    """The files of a collector.

    Arguments:
        directory: where they are.
        limits: what it takes.

    Errors: `ReenactError` when the directory cannot be used.
    """

    def __init__(self, directory: str, limits: Limits) -> None:
        self.limits = limits
        self.index = Index(directory)
        self._uploads = os.path.join(directory, "uploads")
        self._packs = os.path.join(directory, "packs")
        for folder in (self._uploads, self._packs):
            try:
                os.makedirs(folder, mode=0o700, exist_ok=True)
            except OSError as error:
                raise ReenactError(
                    f"{folder} cannot be made: {error.strerror}",
                    "choose another directory for the collector",
                ) from error
        self._checks = threading.Semaphore(os.cpu_count() or 1)

    def begin(self, token: str, length: int, said: Mapping[str, str]) -> str | None:
        """A new upload; None: no room. Errors: `ValueError` for facts that are none."""
        about = reports.facts(said.get("facts", ""))
        digest = said.get("sha256", "")
        if len(digest) not in (0, 64):
            raise ValueError(digest)
        if shutil.disk_usage(self._uploads).free < length + LEFT_FREE:
            return None
        number = self.index.begin(token, length, about, digest, self.limits.quota)
        if number is not None:
            os.close(os.open(self._part(number), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        return number

    def append(self, upload: Upload) -> Appending:
        """What writes more of an upload. Errors: `OSError`."""
        return Appending(self.index, upload, self._part(upload.id))

    def finish(self, upload: Upload) -> str | None:
        """Make a report of an upload that is complete; why it becomes none, else None.

        Errors: `OSError`: it may be tried again.
        """
        part = self._part(upload.id)
        try:
            with self._checks:
                about = self._checked(part, upload)
        except TraceError as error:
            self.index.refuse(upload.id, error.message)
            with contextlib.suppress(OSError):
                os.unlink(part)
            return error.message
        # The file is at its place before the index says so; after a crash this is done anew.
        with contextlib.suppress(FileNotFoundError):
            os.rename(part, self.pack(upload.id))
        _sync_directory(self._packs)
        self.index.accept(upload, reports.group(about), about)
        return None

    def pack(self, number: str) -> str:
        """The path of a report's pack."""
        return os.path.join(self._packs, number + ENDING)

    def forget_old(self) -> None:
        """Remove what has been kept for long enough."""
        now, keep = time.time(), self.limits.keep
        before = 0.0 if keep is None else now - keep
        for number in self.index.forget(before, now - self.limits.unfinished):
            for path in (self.pack(number), self._part(number)):
                with contextlib.suppress(OSError):
                    os.unlink(path)

    def _part(self, number: str) -> str:
        return os.path.join(self._uploads, number)

    def _checked(self, part: str, upload: Upload) -> dict[str, Any]:
        path = part if os.path.exists(part) else self.pack(upload.id)
        if upload.sha256:
            digest = hashlib.sha256()
            with open(path, "rb") as file:
                while content := file.read(_PIECE):
                    digest.update(content)
            if digest.hexdigest() != upload.sha256:
                raise TraceError("its checksum is wrong")
        manifest = checking.check(path, self.limits.content)
        told = {name: one for name, one in reports.told_by(manifest).items() if one is not None}
        # The process that died may be another one than the first, which the manifest is about.
        if upload.facts.get("program"):
            told.pop("program", None)
        return {**upload.facts, **told}


class Appending:
    """Writes to the end of an upload; to be closed, which says how far it is by then."""

    def __init__(self, index: Index, upload: Upload, path: str) -> None:
        self._index, self._upload = index, upload
        self._file = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        # What was written and not acknowledged.
        os.ftruncate(self._file, upload.offset)
        os.lseek(self._file, upload.offset, os.SEEK_SET)
        self.offset = upload.offset

    def write(self, content: bytes) -> None:
        """The next bytes. Errors: `OSError`."""
        while content:
            count = os.write(self._file, content)
            content = content[count:]
            self.offset += count

    def close(self) -> int:
        """Have it on the disk, and in the index. Errors: `OSError`, `sqlite3.Error`."""
        try:
            os.fsync(self._file)
            self._index.arrived(self._upload.id, self.offset)
        finally:
            os.close(self._file)
        return self.offset


def _sync_directory(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
