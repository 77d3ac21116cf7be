"""Source files that are kept with a trace: written by us, read from whoever made the trace."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from reenact import kept_sources
from reenact.errors import TraceError
from reenact.kept_sources import Sources


def _write(trace: Path, *entries: object, version: object = 1) -> None:
    content = {"version": version, "sources": list(entries)}
    (trace / kept_sources.INDEX).write_text(json.dumps(content))


def _entry(path: object, size: object = 5) -> dict[str, object]:
    return {"path": path, "directories": ["/x"], "size": size, "modified_ns": 1}


def test_a_trace_without_sources(trace: Path) -> None:
    assert list(Sources(str(trace))) == []
    assert Sources(str(trace)).text("/x/a.c") is None


def test_what_is_kept(trace: Path) -> None:
    (trace / "sources").mkdir()
    (trace / "sources" / "0").write_bytes(b"int a")
    _write(trace, _entry("/x/./sub/../a.c"))
    sources = Sources(str(trace))
    assert [source.path for source in sources] == ["/x/a.c"]
    assert sources.text("/x/b/../a.c") == "int a"


@pytest.mark.parametrize(
    "content",
    ["{", "[]", "7", '{"version": 1}', '{"version": "1", "sources": []}', "[" * 100_000],
)
def test_damaged_lists(trace: Path, content: str) -> None:
    (trace / kept_sources.INDEX).write_text(content)
    with pytest.raises(TraceError, match="damaged"):
        Sources(str(trace))


@pytest.mark.parametrize("path", ["a.c", "", 7, None, ["/x"], "/x\0/a.c"])
def test_paths_that_are_none(trace: Path, path: object) -> None:
    _write(trace, _entry(path))
    with pytest.raises(TraceError, match="damaged"):
        Sources(str(trace))


@pytest.mark.parametrize("size", [-1, 5 << 20, 10**400, "5", None, 1.5, True])
def test_sizes_that_are_none(trace: Path, size: object) -> None:
    _write(trace, _entry("/x/a.c", size))
    with pytest.raises(TraceError, match="damaged"):
        Sources(str(trace))


def test_more_than_is_ever_kept(trace: Path) -> None:
    _write(trace, *(_entry(f"/x/{number}.c", 4 << 20) for number in range(20)))
    with pytest.raises(TraceError, match="damaged"):
        Sources(str(trace))


def test_a_newer_list(trace: Path) -> None:
    _write(trace, version=2)
    with pytest.raises(TraceError, match="newer"):
        Sources(str(trace))


@pytest.mark.parametrize("how", ["link", "directory", "fifo", "missing", "longer", "around"])
def test_copies_that_are_none(trace: Path, tmp_path: Path, how: str) -> None:
    place = trace / "sources" / "0"
    if how == "around":
        (tmp_path / "elsewhere").mkdir()
        (tmp_path / "elsewhere" / "0").write_bytes(b"12345")
        place.parent.symlink_to(tmp_path / "elsewhere")
    else:
        place.parent.mkdir()
    if how == "link":
        (tmp_path / "secret").write_bytes(b"12345")
        place.symlink_to(tmp_path / "secret")
    elif how == "directory":
        place.mkdir()
    elif how == "fifo":
        os.mkfifo(place)
    elif how == "longer":
        place.write_bytes(b"123456")
    _write(trace, _entry("/x/a.c"))
    with pytest.raises(TraceError, match="copy of a source"):
        Sources(str(trace)).text("/x/a.c")


def test_only_what_is_called_as_sources_are(monkeypatch, trace: Path, tmp_path: Path) -> None:
    for name in ("a.c", "id_rsa", "key.pem", "huge.c"):
        (tmp_path / name).write_text("text")
    os.truncate(tmp_path / "huge.c", 5 << 20)
    os.mkfifo(tmp_path / "fifo.c")
    (trace / "files").mkdir()
    (trace / "files" / "0").write_bytes(b"a program")
    names = ("a.c", "id_rsa", "key.pem", "huge.c", "fifo.c", "missing.c")
    pairs = [(b"/x", os.fsencode(tmp_path / name)) for name in names]
    monkeypatch.setattr(kept_sources._native, "source_files", lambda _: [*pairs, (b"", b"b.c")])
    kept_sources.keep(str(trace))
    (source,) = Sources(str(trace))
    assert source.path == str(tmp_path / "a.c")
    assert Sources(str(trace)).text(source.path) == "text"
    assert (trace / "sources" / "0").stat().st_mode & 0o377 == 0
