"""Text from a trace or a replayer, made fit to be printed. Pure: no I/O.

Every text that somebody else may have chosen (names, arguments, paths, notes, messages, values)
passes through here once, where it is printed: it must not drive the terminal it is shown on.
"""

from __future__ import annotations


def printable(text: str) -> str:
    r"""`text` on one line, with all that is no printable character escaped.

    That is every control character (C0, DEL, C1), line ends, marks that turn the direction of
    writing, and lone surrogates, which no terminal can be sent.

    Example:
        >>> printable("a\x1b[31m\nb")
        'a\\x1b[31m\\nb'
    """
    if text.isprintable():
        return text
    return "".join(map(_escaped, text))


def printable_lines(text: str) -> str:
    """As `printable`, but line ends and tabs stay: for text of several lines."""
    return "".join(character if character in "\n\t" else _escaped(character) for character in text)


def printable_json(encoded: str) -> str:
    """JSON with every character escaped, as JSON does it, that is not printable.

    Arguments:
        encoded: JSON on one line. What is not printable can only be inside its strings.
    """
    if encoded.isprintable():
        return encoded
    return "".join(
        character if character.isprintable() else _escaped_in_json(character)
        for character in encoded
    )


def _escaped(character: str) -> str:
    if character.isprintable():
        return character
    return character.encode("unicode_escape", "backslashreplace").decode("ascii")


def _escaped_in_json(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at] << 8 | units[at + 1]:04x}" for at in range(0, len(units), 2))
