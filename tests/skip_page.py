"""The page that lists every skipped test of the last whole run, Rust and Python, by its reason."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import skips


@dataclass(frozen=True)
class Skip:
    """One test that did not run, and the message it left."""

    test: str
    message: str


def of_rust(record: Path) -> list[Skip]:
    """What the Rust tests have written: a line each, the test's name, a tab, the message."""
    if not record.exists():
        return []
    lines = record.read_text(encoding="utf-8").splitlines()
    return [Skip(*line.split("\t", 1)) for line in sorted(set(lines))]


def by_reason(skipped: Iterable[Skip]) -> dict[str, list[Skip]]:
    """The skips of each reason, the most frequent first."""
    groups: dict[str, list[Skip]] = defaultdict(list)
    for skip in skipped:
        reason = skips.reason_of(skip.message)
        groups[reason.value if reason else f"not in tests/skips.py: {skip.message}"].append(skip)
    return dict(sorted(groups.items(), key=lambda group: (-len(group[1]), group[0])))


def write(page: Path, skipped: Iterable[Skip]) -> None:
    """Write the page."""
    groups = by_reason(skipped)
    lines = ["# Skipped tests", ""]
    if not groups:
        lines += ["None.", ""]
    for reason, members in groups.items():
        lines += [f"## {reason} ({len(members)})", ""]
        lines += [f"* {skip.test}: {skip.message}" for skip in members]
        lines.append("")
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text("\n".join(lines), encoding="utf-8")
