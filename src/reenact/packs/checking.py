"""Whether a file is a whole pack: all of it is read, nothing is written."""

from __future__ import annotations

import json
import os
from typing import Any

from reenact import places
from reenact.packs import layout
from reenact.packs.layout import BLOCK, damaged
from reenact.packs.reading import Content

#: Most bytes of a manifest that is looked into.
_MOST_TEXT = 32 << 20


def check(pack: str, most: int, name: str = "it") -> dict[str, Any]:
    """Read all of a pack, frame by frame.

    Arguments:
        pack: path of the file.
        most: bytes of all that may be in it.
        name: what to call it.

    Returns: the fields of the trace's manifest.

    Errors: `TraceError` for what is no whole pack, has anything else than the files of a trace in
    it, or more than `most`.
    """
    with open(pack, "rb") as file:

        def read_at(offset: int, length: int) -> bytes:
            return os.pread(file.fileno(), length, offset)

        found = layout.read(name, file.seek(0, os.SEEK_END), read_at)
        if found.members is None:
            raise damaged(name, "it has no list of its files")
        if found.content > most:
            raise damaged(name, f"more than {most >> 20} MiB are in it")
        if not {places.MANIFEST, "events"} <= found.members.keys():
            raise damaged(name, f"it has no {places.MANIFEST} or no events")
        file.seek(0)
        fields: Any = None
        content = Content(name, file, found.frames)
        for member in found.members.values():
            header = layout.header_of(name, content.take(BLOCK))
            if (header.name, header.size) != (member.name, member.size):
                raise damaged(name, "its list of files is damaged")
            if member.name == places.MANIFEST:
                fields = _manifest(name, content, member.size)
            else:
                for _ in content.pieces(member.size):
                    pass
            content.take(-member.size % BLOCK)
        if any(content.take(found.frames[-1].content)):
            raise damaged(name, "its end is damaged")
    return fields  # type: ignore[no-any-return]


def _manifest(name: str, content: Content, size: int) -> dict[str, Any]:
    if size > _MOST_TEXT:
        raise damaged(name, f"its {places.MANIFEST} is too large")
    try:
        fields = json.loads(content.take(size))
    except (ValueError, RecursionError) as error:
        raise damaged(name, f"its {places.MANIFEST} is damaged") from error
    if not isinstance(fields, dict) or type(fields.get("format_version")) is not int:
        raise damaged(name, f"its {places.MANIFEST} is damaged")
    return fields
