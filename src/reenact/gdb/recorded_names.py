"""Names of the recorded machine's files, as programs and traces have them."""

from __future__ import annotations

from reenact import _native


def soname(descriptor: int) -> str | None:
    """The name by which programs ask for a library; None where it has none that a file can have."""
    try:
        name = _native.soname(descriptor)
    except _native.SymbolError:
        return None
    text = None if name is None else name.decode("utf-8", "surrogateescape")
    return None if text is None or "/" in text or text in ("", ".", "..") else text


def as_listed(program: str) -> str:
    """A path as the trace's list of files has it: with replacements for bytes that are no UTF-8."""
    return program.encode(errors="surrogateescape").decode(errors="replace")
