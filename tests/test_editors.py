"""The editors of docs/debugging.md on a recording: as they drive gdb or lldb, and Emacs itself."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
import skips
from adapter_client import Adapter
from debugger_session import SOURCES, built, line_of, need_gdb, record
from gdb_machine import Interface
from remote_client import LONGEST, served

SCRIPT = Path(__file__).resolve().parent / "scripts" / "walk_in_emacs.el"
#: Where a request to evaluate comes from, if not from a frame.
CONSOLE = {"context": "repl"}


@pytest.fixture(scope="module")
def walk(reenact, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The program walk.c, and a recording of it."""
    program = built("walk.c", tmp_path_factory.mktemp("walk"))
    return program, record(reenact, program.parent / "trace", program)


def line(mark: str) -> int:
    return line_of("walk.c", mark)


@pytest.mark.parametrize("remote", ["extended-remote", "remote"])
def test_visual_studio_code(reenact, walk: tuple[Path, Path], remote: str) -> None:
    """What MIEngine, the engine behind `cppdbg`, sends for the documented launch.json.

    Source: GetInitializeCommands and HandleBreakModeEvent in
    src/MIDebugEngine/Engine.Impl/DebuggedProcess.cs of github.com/microsoft/MIEngine.
    """
    program, trace = walk
    with served(reenact, trace) as (_, port), Interface("gdb", "-nx", "--interpreter=mi") as gdb:
        gdb.ask("-gdb-set mi-async on")
        assert not gdb.tell("set sysroot target:").error
        gdb.ask('-interpreter-exec console "set pagination off"')
        gdb.ask("-gdb-set auto-solib-add on")
        gdb.ask("-gdb-set stop-on-solib-events 1")
        gdb.ask(f"-environment-cd {program.parent}")
        gdb.ask(f"-file-exec-and-symbols {program}")
        entry = gdb.ask("-break-insert -f main")["bkpt"]["number"]
        connected = gdb.wait(gdb.send(f"-target-select {remote} localhost:{port}"))
        assert not connected.error
        # Without a file in the frame it takes this for the connection, and goes on by itself.
        (stop,) = connected.stops
        assert "reason" not in stop
        assert "file" not in stop["frame"]
        chosen = gdb.ask(f"-break-insert -f walk.c:{line('second write')}")["bkpt"]
        assert chosen["line"] == str(line("second write"))
        stop = gdb.wait(gdb.send("-exec-continue"))
        assert stop.reason == "solib-event"
        gdb.ask("-gdb-set stop-on-solib-events 0")
        stop = gdb.wait(gdb.send("-exec-continue"))
        assert stop.stops[-1]["bkptno"] == entry
        assert stop.stops[-1]["frame"]["fullname"].endswith("walk.c")
        gdb.ask(f"-break-delete {entry}")
        assert gdb.ask("-thread-info")["threads"][0]["state"] == "stopped"
        (signal,) = gdb.wait(gdb.send("-exec-continue")).stops
        assert signal["signal-name"] == "SIGUSR1"
        (stop,) = gdb.wait(gdb.send("-exec-continue")).stops
        assert stop["bkptno"] == chosen["number"]
        frames = gdb.ask("-stack-list-frames 0 1000")["stack"]
        assert frames[0]["func"] == "main"
        made = gdb.ask('-var-create - * "record.number"')
        assert (made["value"], made["type"]) == ("5", "int")
        # `-exec` in the debug console.
        assert not gdb.tell("handle SIGUSR1 nostop noprint pass").error
        (stop,) = gdb.tell("reverse-next").stops
        assert (stop["reason"], stop["frame"]["line"]) == ("end-stepping-range", str(line("kills")))
        gdb.tell("watch counter")
        (stop,) = gdb.tell("reverse-continue").stops
        assert stop["reason"] == "watchpoint-trigger"
        assert stop["frame"]["line"] == str(line("add one"))
        assert gdb.tell("monitor when").text.startswith("0:")
        gdb.ask("-target-detach")


def test_debug_adapter_of_lldb(reenact, walk: tuple[Path, Path]) -> None:
    """lldb-dap, which was lldb-vscode: VS Code's `lldb-dap` extension, and other editors."""
    program, trace = walk
    with served(reenact, trace) as (_, port), Adapter(adapter_of_lldb()) as adapter:
        adapter.ask("initialize", adapterID="lldb-dap", pathFormat="path")
        attached = adapter.send(
            "attach",
            program=str(program),
            attachCommands=[f"gdb-remote 127.0.0.1:{port}"],
            initCommands=["settings set symbols.enable-external-lookup false"],
            stopOnEntry=True,
        )
        adapter.event("initialized")
        source = {"path": str(SOURCES / "walk.c")}
        (point,) = adapter.ask(
            "setBreakpoints", source=source, breakpoints=[{"line": line("in square")}]
        )["breakpoints"]
        assert point["verified"]
        adapter.ask("configurationDone")
        adapter.answer(attached)
        thread = adapter.event("stopped")["threadId"]
        adapter.ask("evaluate", expression="`process handle SIGUSR1 -s false -n false", **CONSOLE)
        adapter.ask("continue", threadId=thread)
        # Some versions tell the first stop twice.
        while adapter.event("stopped")["reason"] != "breakpoint":
            pass
        frames = adapter.ask("stackTrace", threadId=thread, startFrame=0, levels=20)["stackFrames"]
        assert [frame["name"] for frame in frames[:2]] == ["square", "main"]
        assert frames[0]["line"] == line("in square")
        shown = adapter.ask("evaluate", expression="value", frameId=frames[0]["id"])
        assert shown["result"] == str(45 + 499500 + 10)
        adapter.ask("next", threadId=thread)
        adapter.event("stopped")
        where = "`process plugin packet monitor when"
        after = adapter.ask("evaluate", expression=where, **CONSOLE)["result"]
        back = "`process plugin packet send bc"
        assert "T05thread" in adapter.ask("evaluate", expression=back, **CONSOLE)["result"]
        assert adapter.ask("evaluate", expression=where, **CONSOLE)["result"] != after
        adapter.ask("disconnect", terminateDebuggee=False)


def adapter_of_lldb() -> str:
    """Its path, whatever the version; skips where there is none."""
    names = ["lldb-dap", "lldb-vscode"]
    names += [f"{name}-{version}" for version in range(30, 11, -1) for name in names[:2]]
    found = next(filter(None, map(shutil.which, names)), None)
    return found or skips.skip(skips.Reason.NO_PROGRAM, "lldb-dap")


def test_debug_adapter_of_gdb(reenact, walk: tuple[Path, Path]) -> None:
    """gdb's own, since version 14: Neovim, Helix and others."""
    _, trace = walk
    words = [need_gdb(), "-nx", "-iex", "set debuginfod enabled off", "--interpreter=dap"]
    probe = subprocess.run(
        [*words, "-batch"], check=False, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    if "unrecognized" in probe.stdout + probe.stderr:
        skips.skip(skips.Reason.NO_PROGRAM, "gdb 14 or later")
    words += ["-ex", "set sysroot target:"]
    with served(reenact, trace) as (_, port), Adapter(*words) as adapter:
        adapter.ask("initialize", adapterID="gdb", pathFormat="path")
        attached = adapter.send("attach", target=f"localhost:{port}")
        adapter.event("initialized")
        source = {"path": str(SOURCES / "walk.c")}
        adapter.ask("setBreakpoints", source=source, breakpoints=[{"line": line("in square")}])
        adapter.ask("configurationDone")
        adapter.answer(attached)
        thread = adapter.event("stopped")["threadId"]

        def typed(command: str) -> str:
            return adapter.ask("evaluate", expression=command, **CONSOLE)["result"]

        typed("handle SIGUSR1 nostop noprint pass")
        adapter.ask("continue", threadId=thread)
        assert adapter.event("stopped")["reason"] == "breakpoint"
        before = typed("monitor when")
        adapter.ask("next", threadId=thread)
        assert adapter.event("stopped")["reason"] == "step"
        assert typed("monitor when") != before
        typed("reverse-continue")
        # The editor is told, and shows where the program stands.
        assert adapter.event("stopped")["reason"] == "breakpoint"
        frames = adapter.ask("stackTrace", threadId=thread, startFrame=0, levels=20)["stackFrames"]
        assert [frame["name"] for frame in frames[:2]] == ["square", "main"]
        assert typed("monitor when") == before
        adapter.ask("disconnect", terminateDebuggee=False)


@pytest.mark.parametrize("way", ["server", "replay"])
def test_emacs(reenact, walk: tuple[Path, Path], way: str, tmp_path: Path) -> None:
    """M-x gdb: the arrow follows the program in both directions."""
    _, trace = walk
    need_gdb()
    emacs = skips.need_program("emacs")
    said = tmp_path / "said"
    with served(reenact, trace) as (_, port):
        # A gdb that knows of a debuginfod server asks whether it may, and waits.
        gdb = '-nx -i=mi -iex "set debuginfod enabled off"'
        if way == "server":
            gdb += f' -ex "set sysroot target:" -ex "target extended-remote localhost:{port}"'
            command = f"gdb {gdb}"
        else:
            command = f"{shlex.join([*reenact.command, 'replay', str(trace)])} -- {gdb}"
        inside = line("in square")
        variables = {
            "REENACT_TEST_GDB": command,
            "REENACT_TEST_SAID": str(said),
            "REENACT_TEST_INSIDE": f"walk.c:{inside}",
            "REENACT_TEST_BEHIND": f"walk.c:{inside + 1}",
            "DEBUGINFOD_URLS": "",
            "TERM": "xterm",
        }
        in_terminal([emacs, "-nw", "-Q", "-l", str(SCRIPT)], variables)
    lines = said.read_text().splitlines()
    assert lines[:3] == [
        f"continue walk.c:{inside}",
        f"next walk.c:{inside + 1}",
        f"reverse-continue walk.c:{inside}",
    ]
    assert f"$1 = {45 + 499500 + 10}" in lines


def in_terminal(words: list[str], variables: dict[str, str]) -> None:
    """Run a program in a terminal that nobody looks at, to its end."""
    done = subprocess.run(
        [skips.need_program("script"), "-qec", shlex.join(words), "/dev/null"],
        check=False,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env={**os.environ, **variables},
        timeout=LONGEST,
    )
    assert done.returncode == 0, done.stdout[-2000:]
