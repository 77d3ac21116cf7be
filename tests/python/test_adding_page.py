"""The page on adding things names files and places that exist."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "internals" / "adding.md"
#: A file, and behind it in brackets what to look for in it.
ANCHOR = re.compile(r"`([\w./-]+\.\w+)`\s+\(`([^`]+)`\)")
FILE = re.compile(r"`((?:crates|src|tests|tools|docs)/[\w./-]+)`")


def test_files_of_the_page_exist() -> None:
    """Each file that is named is there."""
    named = FILE.findall(PAGE.read_text(encoding="utf-8"))
    assert len(named) > 30
    missing = [name for name in named if not (ROOT / name).is_file()]
    assert not missing


def test_anchors_of_the_page_are_in_their_files() -> None:
    """What to look for in a file is in it."""
    anchors = ANCHOR.findall(PAGE.read_text(encoding="utf-8"))
    assert len(anchors) > 25
    missing = [
        f"{name}: {text}"
        for name, text in anchors
        if text not in (ROOT / name).read_text(encoding="utf-8")
    ]
    assert not missing


def test_each_kind_of_thing_has_its_chapter() -> None:
    """A call, a request, a command, a monitor command and a class of instructions."""
    chapters = re.findall(r"^## (.+)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    words = ("system call", "ioctl", "command", "monitor command", "instructions")
    for word in words:
        assert any(word in chapter for chapter in chapters), word
