"""The files of a trace: what somebody planted there is not followed, waited for or overwritten."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import socket
from collections.abc import Iterator

import pytest

from reenact import manifest
from reenact.errors import ReenactError, TraceError, UsageError
from reenact.session.bookmarks import Bookmarks
from reenact.session.positions import Position
from reenact.trace_files import TraceFiles

#: A file that nobody may read whole; it takes no room on the disk.
HUGE = 8 << 40


def plant_link(path, victim):
    path.symlink_to(victim)


def plant_broken_link(path, _victim):
    path.symlink_to(path.parent / "nowhere")


def plant_fifo(path, _victim):
    os.mkfifo(path)


def plant_device(path, _victim):
    # Only root may make devices; a link to one is what everybody can plant.
    path.symlink_to("/dev/zero")


def plant_socket(path, _victim):
    # The path of a socket may have 107 bytes only.
    with socket.socket(socket.AF_UNIX) as made:
        before = os.open(".", os.O_RDONLY)
        try:
            os.chdir(path.parent)
            made.bind(path.name)
        finally:
            os.fchdir(before)
            os.close(before)


def plant_directory(path, _victim):
    path.mkdir()


PLANTED = [
    plant_link,
    plant_broken_link,
    plant_fifo,
    plant_device,
    plant_socket,
    plant_directory,
]


@pytest.fixture
def victim(tmp_path):
    path = tmp_path / "victim"
    path.write_text("mine")
    return path


@pytest.mark.parametrize("plant", PLANTED)
@pytest.mark.parametrize("name", ["notes", "files/3"])
def test_only_regular_files_are_read_and_written(tmp_path, victim, plant, name):
    trace = tmp_path / "trace"
    (trace / "files").mkdir(parents=True)
    plant(trace / name, victim)
    files = TraceFiles(str(trace))
    for attempt in (files.read, files.open):
        with pytest.raises(TraceError, match="not a file of a trace"):
            attempt(name)
    with pytest.raises((TraceError, ReenactError)):
        files.append(name, b"more")
    with pytest.raises((TraceError, ReenactError)), files.locked(name):
        pytest.fail("it is locked")
    assert victim.read_text() == "mine"


@pytest.mark.parametrize(
    "name", ["../victim", "/etc/passwd", "files/../../victim", "", ".", "a/b/c"]
)
def test_names_stay_in_the_trace(tmp_path, victim, name):
    trace = tmp_path / "trace"
    (trace / "files").mkdir(parents=True)
    files = TraceFiles(str(trace))
    with pytest.raises(TraceError, match="no name of a file"):
        files.read(name)
    with pytest.raises(TraceError, match="no name of a file"):
        files.replace(name, b"")
    assert victim.read_text() == "mine"


def test_a_folder_that_is_a_link_is_not_followed(tmp_path):
    trace = tmp_path / "trace"
    trace.mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "3").write_text("secret")
    (trace / "files").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(TraceError):
        TraceFiles(str(trace)).read("files/3")


def test_huge_files_are_refused(tmp_path):
    with (tmp_path / "notes").open("w") as file:
        file.truncate(HUGE)
    with pytest.raises(TraceError, match="more than"):
        TraceFiles(str(tmp_path)).read("notes")


def test_what_is_missing(tmp_path):
    with pytest.raises(FileNotFoundError):
        TraceFiles(str(tmp_path / "nowhere"))
    with pytest.raises(FileNotFoundError):
        TraceFiles(str(tmp_path)).read("nothing")


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o777])
def test_what_is_written_is_private_whatever_the_mask(tmp_path, mask):
    before = os.umask(mask)
    try:
        files = TraceFiles(str(tmp_path))
        files.replace("replaced", b"one")
        files.replace("replaced", b"two")
        with files.locked("lock"):
            pass
    finally:
        os.umask(before)
    assert files.read("replaced") == b"two"
    assert sorted(os.listdir(tmp_path)) == ["lock", "replaced"]
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}


def test_a_replaced_link_goes_and_its_target_stays(tmp_path, victim):
    (tmp_path / "trace").mkdir()
    (tmp_path / "trace" / "notes").symlink_to(victim)
    TraceFiles(str(tmp_path / "trace")).replace("notes", b"new")
    assert victim.read_text() == "mine"
    assert not (tmp_path / "trace" / "notes").is_symlink()


def test_appending(tmp_path, victim):
    files = TraceFiles(str(tmp_path))
    files.append("log", b"abc")
    files.append("log", b"def", most=6)
    with pytest.raises(TraceError, match="more than"):
        files.append("log", b"g", most=6)
    assert files.read("log") == b"abcdef"
    os.link(victim, tmp_path / "planted")
    with pytest.raises(TraceError, match="other names"):
        files.append("planted", b"x")
    assert victim.read_text() == "mine"


@contextlib.contextmanager
def full_disk() -> Iterator[None]:
    """Files cannot grow beyond a thousand bytes: what a full disk does, for every user.

    Only around what is tried: what pytest prints may go to a file, too.
    """
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)


def test_a_full_disk_leaves_nothing_half_written(tmp_path):
    files = TraceFiles(str(tmp_path))
    files.replace("notes", b"old")
    files.append("log", b"old")
    with pytest.raises(ReenactError, match="cannot write"), full_disk():
        files.replace("notes", b"x" * 5000)
    with pytest.raises(ReenactError, match="cannot write"), full_disk():
        files.append("log", b"x" * 5000)
    assert (files.read("notes"), files.read("log")) == (b"old", b"old")
    assert sorted(os.listdir(tmp_path)) == ["log", "notes"]


@pytest.mark.parametrize("plant", PLANTED)
def test_a_planted_manifest(tmp_path, victim, plant):
    trace = tmp_path / "trace"
    trace.mkdir()
    plant(trace / "manifest.json", victim)
    with pytest.raises(TraceError, match="not a file of a trace"):
        manifest.read(str(trace))


@pytest.mark.parametrize("plant", PLANTED)
@pytest.mark.parametrize("name", ["bookmarks.json", "bookmarks.lock"])
def test_planted_bookmarks(trace, victim, plant, name):
    plant(trace / name, victim)
    with pytest.raises(TraceError, match="not a file of a trace"):
        Bookmarks(str(trace)).add("mark", Position(0, 1))
    assert victim.read_text() == "mine"


def test_a_name_that_bookmarks_were_once_written_under(trace, victim):
    (trace / f"bookmarks.json.{os.getpid()}").symlink_to(victim)
    Bookmarks(str(trace)).add("mark", Position(0, 1))
    assert victim.read_text() == "mine"


def test_a_bookmark_of_an_endless_date(trace):
    created = "1" + "0" * 400
    mark = f'{{"name": "a", "position": "0:1", "note": "", "created": {created}}}'
    (trace / "bookmarks.json").write_text(f'{{"version": 1, "bookmarks": [{mark}]}}')
    with pytest.raises(TraceError, match="damaged"):
        list(Bookmarks(str(trace)))
    with pytest.raises((TraceError, UsageError)):
        Bookmarks(str(trace)).remove("a")
