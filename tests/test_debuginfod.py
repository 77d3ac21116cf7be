"""Debug information and sources from servers that the user has named, and from no others."""

from __future__ import annotations

import contextlib
import http.server
import json
import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import skips
from debugger_session import SOURCES, built, need_gdb
from recorded_run import Reenact

import reenact as package
from reenact.errors import UsageError


class Server:
    """A server of debug information on this machine, and what it was asked for."""

    def __init__(self, answers: dict[str, bytes]) -> None:
        asked = self.asked = list[str]()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked.append(self.path)
                content = answers.get(self.path)
                self.send_response(404 if content is None else 200)
                self.send_header("Content-Length", str(len(content or b"")))
                self.end_headers()
                self.wfile.write(content or b"")

            def log_message(self, *_: object) -> None:
                return

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class Built:
    """A recording of a program whose debug information and sources only a server has."""

    def __init__(self, reenact: Reenact, folder: Path) -> None:
        if shutil.which("objcopy") is None:
            skips.skip(skips.Reason.NO_COMPILER, "objcopy")
        program = built("walk.c", folder)
        debug = folder / "walk.debug"
        subprocess.run(["objcopy", "--only-keep-debug", program, debug], check=True)
        subprocess.run(["strip", "-g", program], check=True)
        notes = subprocess.run(
            ["readelf", "-n", program], check=True, capture_output=True, text=True
        ).stdout
        self.build_id = notes.split("Build ID: ")[1].split()[0]
        self.trace = folder / "trace"
        reenact.record([str(program)], self.trace)
        source = (SOURCES / "walk.c").resolve()
        self.answers = {
            f"/buildid/{self.build_id}/debuginfo": debug.read_bytes(),
            f"/buildid/{self.build_id}/source{source}": source.read_bytes(),
        }
        debug.unlink()


@pytest.fixture(scope="module")
def recorded(reenact: Reenact, tmp_path_factory: pytest.TempPathFactory) -> Built:
    return Built(reenact, tmp_path_factory.mktemp("debuginfod"))


@pytest.fixture
def server(recorded: Built, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.delenv("REENACT_DEBUGINFOD", raising=False)
    with contextlib.closing(Server(recorded.answers)) as opened:
        monkeypatch.setenv("DEBUGINFOD_URLS", opened.url)
        yield opened


def foreign_copy(trace: Path, folder: Path) -> Path:
    """The recording as another machine would have made it."""
    copy = folder / "foreign"
    shutil.copytree(trace, copy)
    manifest = copy / "manifest.json"
    fields = json.loads(manifest.read_text())
    manifest.chmod(0o600)
    manifest.write_text(json.dumps({**fields, "hostname": "another-machine"}))
    return copy


def locals_of_add(trace: Path) -> list[str]:
    """What a session knows of the function `add`."""
    with package.open(trace).replay() as session:
        session.add_breakpoint("add")
        session.continue_()
        return sorted(session.locals())


def test_a_session_asks_once(recorded: Built, server: Server) -> None:
    assert "times" in locals_of_add(recorded.trace)
    asked = f"/buildid/{recorded.build_id}/debuginfo"
    assert server.asked.count(asked) == 1
    assert not any("/source" in path for path in server.asked)
    # What is kept is used again, and what the server does not have is not asked for again soon.
    before = list(server.asked)
    assert "times" in locals_of_add(recorded.trace)
    assert server.asked == before


def test_nobody_is_asked_without_the_variable(
    recorded: Built, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DEBUGINFOD_URLS")
    assert locals_of_add(recorded.trace) == []
    assert server.asked == []


def test_nobody_is_asked_about_a_foreign_trace(
    recorded: Built, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    foreign = foreign_copy(recorded.trace, tmp_path)
    assert locals_of_add(foreign) == []
    assert server.asked == []
    monkeypatch.setenv("REENACT_DEBUGINFOD", "always")
    assert "times" in locals_of_add(foreign)


def test_servers_that_do_not_answer(
    recorded: Built, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One is gone, one takes no connection to its end, one is of a protocol that is not ours."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        gone = socket.create_server(("127.0.0.1", 0))
        port = gone.getsockname()[1]
        gone.close()
        urls = [f"http://127.0.0.1:{port}", f"http://127.0.0.1:{silent.getsockname()[1]}"]
        monkeypatch.setenv("DEBUGINFOD_URLS", " ".join([*urls, "file:///etc", server.url]))
        assert "times" in locals_of_add(recorded.trace)


def test_what_is_not_of_this_build_is_not_used(
    recorded: Built, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = built("turns.c", tmp_path)
    lying = {f"/buildid/{recorded.build_id}/debuginfo": other.read_bytes()}
    with contextlib.closing(Server(lying)) as opened:
        monkeypatch.setenv("DEBUGINFOD_URLS", opened.url)
        assert locals_of_add(recorded.trace) == []
        assert opened.asked != []
    with (
        package.open(recorded.trace).replay() as session,
        pytest.raises(UsageError, match="no debug information names a file"),
    ):
        session.add_breakpoint("turns.c:15")


def in_gdb(reenact: Reenact, trace: Path) -> str:
    words = ["replay", str(trace), "--", "-nx", "-batch", "-ex", "break add", "-ex", "continue"]
    return reenact.run(*words, "-ex", "info locals", "-ex", "info source").stdout.decode()


def test_in_gdb(recorded: Built, server: Server, reenact: Reenact, tmp_path: Path) -> None:
    need_gdb()
    said = in_gdb(reenact, recorded.trace)
    assert "add (times=10)" in said, said
    assert f"/buildid/{recorded.build_id}/debuginfo" in server.asked
    foreign = foreign_copy(recorded.trace, tmp_path)
    shutil.rmtree(os.environ["XDG_CACHE_HOME"])
    server.asked.clear()
    assert "add (times" not in in_gdb(reenact, foreign)
    assert server.asked == []


class Moved:
    """A recording of a program whose source is gone and was not kept."""

    def __init__(self, reenact: Reenact, folder: Path) -> None:
        self.source = folder / "moved.c"
        self.content = (SOURCES / "walk.c").read_bytes() + b"/* of the server */\n"
        self.source.write_bytes(self.content)
        program = folder / "moved"
        subprocess.run(
            ["cc", "-g", "-O0", "-Wl,--build-id", "-o", program, self.source], check=True
        )
        notes = subprocess.run(
            ["readelf", "-n", program], check=True, capture_output=True, text=True
        ).stdout
        build_id = notes.split("Build ID: ")[1].split()[0]
        self.trace = folder / "trace"
        words = ("record", "-q", "--sources", "no", "-o", str(self.trace), "--", str(program))
        reenact.run(*words)
        self.source.unlink()
        self.asked = f"/buildid/{build_id}/source{self.source.resolve()}"


def test_a_source_that_is_gone_comes_from_a_server(
    reenact: Reenact, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """gdb asks for it, with the server that the user has named; about our own recordings only."""
    need_gdb()
    configuration = subprocess.run(["gdb", "--configuration"], capture_output=True, text=True)
    if "--with-debuginfod" not in configuration.stdout:
        skips.skip(skips.Reason.NO_PROGRAM, "gdb with debuginfod")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.delenv("REENACT_DEBUGINFOD", raising=False)
    folder = tmp_path / "program"
    folder.mkdir()
    moved = Moved(reenact, folder)
    foreign = foreign_copy(moved.trace, tmp_path)
    words = ["--", "-nx", "-batch", "-ex", "break add", "-ex", "continue", "-ex", "list add"]
    with contextlib.closing(Server({moved.asked: moved.content})) as opened:

        def shown(trace: Path) -> str:
            return reenact.run("replay", str(trace), *words, timeout=300).stdout.decode()

        assert "void add(int times)" not in shown(moved.trace)
        monkeypatch.setenv("DEBUGINFOD_URLS", opened.url)
        assert "void add(int times)" not in shown(foreign)
        assert opened.asked == []
        said = shown(moved.trace)
        assert moved.asked in opened.asked
        assert "void add(int times)" in said, said
        # Where the server has none, nothing else is shown in its place.
    with contextlib.closing(Server({})) as opened:
        monkeypatch.setenv("DEBUGINFOD_URLS", opened.url)
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "other"))
        said = shown(moved.trace)
        assert moved.asked in opened.asked
        assert "Breakpoint 1, add (" in said
        assert "void add(int times)" not in said


def test_what_was_fetched_is_part_of_the_cache(
    recorded: Built, server: Server, reenact: Reenact
) -> None:
    locals_of_add(recorded.trace)
    assert server.asked
    assert "debug information from servers" in reenact.run("cache").stdout.decode()
    reenact.run("cache", "--clear")
    assert "debug information" not in reenact.run("cache").stdout.decode()
