"""Fixtures: a place for traces, a native module and a replayer that do as they are told."""

from __future__ import annotations

import json
import os
import sys
import types
from pathlib import Path

import pytest
from made_traces import write_log, write_trace

import reenact
import reenact.replay.verification  # with the real module below it, whatever `native` does
from reenact import _native


class FakeRecordError(Exception):
    pass


class FakeTraceError(Exception):
    pass


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """A default place of its own for every test."""
    place = tmp_path / "traces"
    monkeypatch.setenv("REENACT_TRACE_DIR", str(place))
    for name in ("REENACT_DEBUG", "REENACT_REPLAYER", "REENACT_RECORDER", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    return place


@pytest.fixture
def trace(home):
    """A trace in the default place, which is the latest."""
    path = write_trace(home / "ls-1")
    write_log(path, {0: 9})
    (home / "latest").symlink_to("ls-1")
    return path


@pytest.fixture
def native(monkeypatch):
    """A native module whose `record` and `Trace` tests can replace."""
    fake = types.ModuleType("reenact._native")
    fake.RecordError = FakeRecordError
    # Files are opened as always.
    fake.FileError, fake.TraceFiles = _native.FileError, _native.TraceFiles
    fake.TraceError = FakeTraceError
    # So is the table of system calls.
    fake.filled_buffers, fake.content_target = _native.filled_buffers, _native.content_target

    def record(trace_dir, argv, **options):
        fake.recorded = (trace_dir, argv, options)
        write_trace(Path(trace_dir) / "x").rename(Path(trace_dir) / "y")
        (Path(trace_dir) / "y" / "manifest.json").rename(Path(trace_dir) / "manifest.json")
        status = fake.wait_statuses.pop(0) if fake.wait_statuses else fake.wait_status
        fake.seeds.append(options.get("chaos_seed"))
        return types.SimpleNamespace(
            wait_status=status,
            messages=fake.messages,
            timed_out=fake.timed_out,
            interrupted=fake.interrupted,
            saved=True,
        )

    fake.record = record
    fake.wait_status = 0
    fake.wait_statuses = []
    fake.seeds = []
    fake.timed_out = fake.interrupted = False
    fake.messages = []
    fake.Trace = FakeTrace
    monkeypatch.setitem(sys.modules, "reenact._native", fake)
    monkeypatch.setattr(reenact, "_native", fake, raising=False)
    for name in ("recordings", "retrying", "trace"):
        monkeypatch.delitem(sys.modules, f"reenact.{name}", raising=False)
        monkeypatch.delattr(reenact, name, raising=False)
    monkeypatch.setenv("REENACT_RECORDER", "/bin/true")
    yield fake
    # What was imported meanwhile, whatever it is, has the stand-in.
    known = [name for name in sys.modules if name.startswith("reenact.")]
    for name in known:
        if getattr(sys.modules[name], "_native", None) is fake or name == "reenact.retrying":
            del sys.modules[name]
            parent, _, last = name.rpartition(".")
            vars(sys.modules.get(parent, reenact)).pop(last, None)


class FakeTrace:
    """Two processes, three events."""

    damaged = ((10, 30),)

    def __init__(self, path):
        self.path = path

    def processes(self):
        make = types.SimpleNamespace
        common = {"ppid": 1, "start": "root"}
        return [
            make(number=0, parent=None, pid=10, program="/bin/sh", argv=["sh", "-c", "a b"],
                 events=3, begins_behind=None, wait_status=0, complete=True, **common),
            make(number=1, parent=0, pid=11, program="/bin/ls", argv=["ls\x1b[31m"],
                 events=0, begins_behind=None, wait_status=11, complete=True, **common),
        ]  # fmt: skip

    def events(self, process, first, last):
        for index in range(3 if process == 0 else 0):
            if index < first or (last is not None and index > last):
                continue
            yield FakeEvent(process, index)


class FakeEvent:
    code, flags, tid, ip, register_checksum, result = 1, 4, 10, 0x401000, 1 << 63, 5
    args = (1, 2, 3, 4, 5, 6)

    def __init__(self, process, index):
        self.process, self.index = process, index
        self.kind = ("process-start", "syscall", "exit")[index]
        self.seconds = index / 10
        self.text = f"{self.kind} text"

    def attachments(self):
        return [("write", 0x1000, b'\x7fELF"')]


REPLAYER = """\
#!{python}
import os, sys
os.chdir(os.path.join({folder!r}, "native" if "--native" in sys.argv else "translated"))
report = int(sys.argv[sys.argv.index("--report") + 1])
for line in open("lines", "rb"):
    os.write(report, line)
if "--output" in sys.argv:
    os.write(int(sys.argv[sys.argv.index("--output") + 1]), open("frames", "rb").read())
sys.exit(int(open("status").read()))
"""


@pytest.fixture
def replayer(tmp_path, monkeypatch):
    """A replayer that says what the test gives to the returned function, of one engine or both."""
    program = tmp_path / "replayer"
    program.write_text(REPLAYER.format(python=sys.executable, folder=str(tmp_path)))
    program.chmod(0o755)
    monkeypatch.setenv("REENACT_REPLAYER", str(program))

    def say(reports, exit_status=0, output=b"", engines=("native", "translated")):
        for engine in engines:
            folder = tmp_path / engine
            folder.mkdir(exist_ok=True)
            lines = "".join(json.dumps(report) + "\n" for report in reports)
            (folder / "lines").write_text(lines)
            (folder / "frames").write_bytes(output)
            (folder / "status").write_text(str(exit_status))

    say([])
    return say


@pytest.fixture
def run(capfd):
    """Run a command line in this process: (status, standard output, standard error)."""
    from reenact.command_line import main

    def run_words(*words: str):
        status = main([os.fspath(word) for word in words])
        captured = capfd.readouterr()
        assert "Traceback" not in captured.err
        return status, captured.out, captured.err

    return run_words
