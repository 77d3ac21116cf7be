"""What a trace takes: files that are hard links are there once."""

from __future__ import annotations

import os
from pathlib import Path

from reenact.trace_sizes import taken


def test_a_shared_file_counts_once(tmp_path: Path) -> None:
    """A kept file in two traces and in the cache; the logs are each trace's own."""
    kept = tmp_path / "kept"
    kept.write_bytes(bytes(5000))
    for name, log in (("one", 10), ("two", 20)):
        (tmp_path / name / "files").mkdir(parents=True)
        (tmp_path / name / "events").write_bytes(bytes(log))
        os.link(kept, tmp_path / name / "files" / "0")
    first, second = taken(str(tmp_path / "one")), taken(str(tmp_path / "two"))
    assert (first.own, first.total) == (10, 5010)
    assert (second.own, second.total) == (20, 5020)
    assert sum((first.shared | second.shared).values()) == 5000


def test_what_is_kept_in_one_trace_is_its_own(tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "0").write_bytes(bytes(70))
    assert taken(str(tmp_path)).own == taken(str(tmp_path)).total == 70
