"""The index of a collector: tokens, uploads and reports, in SQLite.

What a method has returned from is on the disk: an answer is given only afterwards.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import sqlite3
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reenact.errors import ReenactError, UsageError

#: What a token is for.
KINDS = ("report", "read")
_SCHEMA = """
CREATE TABLE IF NOT EXISTS tokens (
    name TEXT PRIMARY KEY, hash TEXT UNIQUE NOT NULL, kind TEXT NOT NULL, made REAL NOT NULL);
CREATE TABLE IF NOT EXISTS uploads (
    id TEXT PRIMARY KEY, token TEXT NOT NULL, length INTEGER NOT NULL, offset INTEGER NOT NULL,
    facts TEXT NOT NULL, sha256 TEXT NOT NULL, touched REAL NOT NULL, report TEXT, refused TEXT);
CREATE TABLE IF NOT EXISTS reports (
    id TEXT PRIMARY KEY, token TEXT NOT NULL, received REAL NOT NULL, size INTEGER NOT NULL,
    sha256 TEXT NOT NULL, grouped TEXT NOT NULL, facts TEXT NOT NULL);
"""


@dataclass(frozen=True)
class Upload:
    """An upload: `report` is the report it became, `refused` why it became none."""

    id: str
    token: str
    length: int
    offset: int
    facts: dict[str, Any]
    sha256: str
    report: str | None
    refused: str | None


class Index:
    """The index in a directory.

    Arguments:
        directory: of the collector.

    Errors: `ReenactError` when it cannot be opened.
    """

    def __init__(self, directory: str) -> None:
        path = os.path.join(directory, "index.sqlite")
        try:
            os.makedirs(directory, mode=0o700, exist_ok=True)
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            self._database = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
            self._database.execute("PRAGMA journal_mode = WAL")
            self._database.execute("PRAGMA synchronous = FULL")
            self._database.executescript(_SCHEMA)
        except (OSError, sqlite3.Error) as error:
            raise ReenactError(
                f"{path} cannot be used: {error}", "choose another directory for the collector"
            ) from error
        self._lock = threading.Lock()

    def close(self) -> None:
        """Forget it."""
        self._database.close()

    def _do(self, text: str, *values: object) -> list[tuple[Any, ...]]:
        with self._lock:
            return self._database.execute(text, values).fetchall()

    def _change(self, text: str, *values: object) -> int:
        """How many rows were changed."""
        with self._lock:
            return self._database.execute(text, values).rowcount

    # Tokens

    def add_token(self, kind: str, name: str) -> str:
        """A new token, which is nowhere else. Errors: `UsageError` for a name that is taken."""
        token = secrets.token_urlsafe(32)
        try:
            self._do("INSERT INTO tokens VALUES (?, ?, ?, ?)", name, _hash(token), kind, _now())
        except sqlite3.IntegrityError:
            raise UsageError(f"there is a token {name} already", "choose another name") from None
        return token

    def remove_token(self, name: str) -> None:
        """Let a token be one no more. Errors: `UsageError` where there is none of the name."""
        if not self._change("DELETE FROM tokens WHERE name = ?", name):
            raise UsageError(f"there is no token {name}", "see those there are: --tokens")

    def tokens(self) -> list[tuple[str, str, float]]:
        """Name, kind, and when it was made, of each."""
        return [tuple(row) for row in self._do("SELECT name, kind, made FROM tokens ORDER BY made")]

    def holder(self, token: str) -> tuple[str, str] | None:
        """Name and kind of a token; None: it is none."""
        rows = self._do("SELECT name, kind FROM tokens WHERE hash = ?", _hash(token))
        return (rows[0][0], rows[0][1]) if rows else None

    # Uploads

    def begin(
        self, token: str, length: int, facts: Mapping[str, Any], sha256: str, quota: int
    ) -> str | None:
        """A new upload's id; None: there is no room for it within the quota."""
        made = secrets.token_hex(12)
        count = self._change(
            "INSERT INTO uploads SELECT ?, ?, ?, 0, ?, ?, ?, NULL, NULL WHERE ? >= ? + "
            "(SELECT coalesce(sum(size), 0) FROM reports) + (SELECT coalesce(sum(length), 0) "
            "FROM uploads WHERE report IS NULL AND refused IS NULL)",
            *(made, token, length, json.dumps(facts), sha256, _now(), quota, length),
        )
        return made if count else None

    def upload(self, number: str) -> Upload | None:
        """An upload by its id."""
        rows = self._do(
            "SELECT id, token, length, offset, facts, sha256, report, refused FROM uploads "
            "WHERE id = ?",
            number,
        )
        if not rows:
            return None
        one = rows[0]
        return Upload(one[0], one[1], one[2], one[3], json.loads(one[4]), *one[5:])

    def arrived(self, number: str, offset: int) -> None:
        """So many bytes of an upload are on the disk."""
        self._do("UPDATE uploads SET offset = ?, touched = ? WHERE id = ?", offset, _now(), number)

    def refuse(self, number: str, why: str) -> None:
        """An upload becomes no report."""
        self._do("UPDATE uploads SET refused = ? WHERE id = ?", why, number)

    def accept(self, upload: Upload, grouped: str, facts: Mapping[str, Any]) -> None:
        """An upload has become a report of the same id."""
        with self._lock, self._database:
            self._database.execute("BEGIN IMMEDIATE")
            self._database.execute(
                "INSERT OR IGNORE INTO reports VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    *(upload.id, upload.token, _now(), upload.length, upload.sha256),
                    *(grouped, json.dumps(facts)),
                ),
            )
            self._database.execute(
                "UPDATE uploads SET report = id, touched = ? WHERE id = ?", (_now(), upload.id)
            )

    # Reports

    def reports(self) -> list[dict[str, Any]]:
        """All reports, the latest first."""
        rows = self._do(
            "SELECT id, token, received, size, sha256, grouped, facts FROM reports "
            "ORDER BY received DESC"
        )
        names = ("id", "token", "received", "size", "sha256", "group", "facts")
        return [{**dict(zip(names, row)), "facts": json.loads(row[6])} for row in rows]

    def has_report(self, number: str) -> bool:
        """Whether there is a report of an id."""
        return bool(self._do("SELECT 1 FROM reports WHERE id = ?", number))

    def forget(self, reports_before: float, uploads_before: float) -> list[str]:
        """Forget what is older than these moments; ids whose files may go."""
        with self._lock, self._database:
            self._database.execute("BEGIN IMMEDIATE")
            old = "FROM reports WHERE received < ?"
            late = "FROM uploads WHERE touched < ? AND report IS NULL"
            gone = self._database.execute(f"SELECT id {old}", (reports_before,)).fetchall()
            gone += self._database.execute(f"SELECT id {late}", (uploads_before,)).fetchall()
            self._database.execute(f"DELETE {old}", (reports_before,))
            self._database.execute("DELETE FROM uploads WHERE touched < ?", (uploads_before,))
        return [row[0] for row in gone]


def _hash(token: str) -> str:
    # Of 256 random bits nothing can be guessed: no salt, no slow hash.
    return hashlib.sha256(token.encode()).hexdigest()


def _now() -> float:
    return time.time()
