"""What was measured of each real program: a table in the build folder for people, not for tests.

Rows stay from run to run, so a table can be made in pieces (`pytest -k xz`); each size has its own.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
from collections.abc import Iterator
from pathlib import Path

from tiers import FULL

FOLDER = Path(__file__).resolve().parent.parent / "build" / "tests"
NAME = "real-programs-full" if FULL else "real-programs"
COLUMNS = ("processes", "events", "instructions", "record s", "verify s")


@contextlib.contextmanager
def _locked() -> Iterator[None]:
    """Alone with the table: tests may run in several processes."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (FOLDER / f"{NAME}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def note(test: str, report: dict[str, object], record_seconds: float) -> None:
    """Put one program's row into the table.

    `report` is the object that `verify --json` printed; `record_seconds` the time of the recording.
    """
    row = {
        "processes": report["processes"],
        "events": report["events"],
        "instructions": report["instructions"],
        "record s": round(record_seconds, 2),
        "verify s": round(float(str(report["seconds"])), 2),
    }
    with _locked():
        place = FOLDER / f"{NAME}.json"
        rows = json.loads(place.read_text()) if place.exists() else {}
        rows[test] = row
        place.write_text(json.dumps(rows, indent=1, sort_keys=True))
        (FOLDER / f"{NAME}.md").write_text(_page(rows))


def _page(rows: dict[str, dict[str, object]]) -> str:
    lines = [f"| test | {' | '.join(COLUMNS)} |", "|---|" + "---:|" * len(COLUMNS)]
    for test, row in sorted(rows.items()):
        cells = [f"{row[c]:,}" for c in COLUMNS]
        lines.append(f"| {test} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"
