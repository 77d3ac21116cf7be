"""What reports are: the facts that come with one, and which are of the same crash. Pure."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping
from typing import Any

#: Most characters of a text, and most items of a list, that is kept of what somebody says.
_MOST_TEXT = 300
_MOST_ITEMS = 40
_TEXTS = ("program", "signal", "build_id", "reenact")


def metadata(said: str) -> dict[str, str]:
    """The values of a header `Upload-Metadata`. Errors: `ValueError`."""
    found = {}
    for pair in filter(None, said.split(",")):
        key, _, value = pair.strip().partition(" ")
        try:
            found[key] = base64.b64decode(value, validate=True).decode()
        except (binascii.Error, UnicodeError) as error:
            raise ValueError(key) from error
    return found


def facts(said: str) -> dict[str, Any]:
    """What a reporter says of a report, as far as it is something. Errors: `ValueError`."""
    try:
        given = json.loads(said or "{}")
    except RecursionError as error:
        raise ValueError(said[:20]) from error
    if not isinstance(given, dict):
        raise ValueError(said[:20])
    found: dict[str, Any] = {name: _text(given.get(name)) for name in _TEXTS}
    for name in ("command", "frames"):
        items = given.get(name)
        listed = items if isinstance(items, list) else []
        found[name] = [text for item in listed[:_MOST_ITEMS] if (text := _text(item)) is not None]
    status = given.get("exit_status")
    found["exit_status"] = status if type(status) is int and 0 <= status < 256 else None
    return found


def told_by(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """What the trace itself says, which counts more than what its sender says."""
    command = manifest.get("command")
    listed = command if isinstance(command, list) else []
    found = {name: _text(manifest.get(name)) for name in ("program", "reenact", "hostname")}
    return {**found, "command": [_text(str(one)) for one in listed[:_MOST_ITEMS]]}


def group(about: Mapping[str, Any]) -> str:
    """What reports of the same crash have in common: signal, frames, build id, program."""
    frames = about["frames"]
    # Where nothing names a function, the program's build is all there is to go by.
    named = [about["signal"], about["program"].rpartition("/")[2] if about["program"] else None]
    key = [*named, frames, None if frames else about["build_id"]]
    if about["signal"] is None:
        key.append(about["exit_status"])
    return hashlib.sha256(json.dumps(key).encode()).hexdigest()[:12]


def title(about: Mapping[str, Any]) -> str:
    """A crash in one line."""
    program = (about["program"] or "?").rpartition("/")[2]
    if about["signal"] is None:
        return f"{program}: exit status {about['exit_status']}"
    inside = " in " + " < ".join(about["frames"]) if about["frames"] else ""
    return f"{program}: {about['signal']}{inside}"


def _text(value: object) -> str | None:
    return value[:_MOST_TEXT] if isinstance(value, str) else None
