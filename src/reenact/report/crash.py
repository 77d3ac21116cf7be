"""What a crash is called, so that reports of the same one are known for it."""

from __future__ import annotations

import os
import signal
from typing import Any

from reenact import _native
from reenact.errors import ReenactError
from reenact.symbols.files import ModuleFiles
from reenact.trace import Trace

#: Frames that make a name.
_MOST_FRAMES = 5
#: A process that died by one of these has crashed.
_FAULTS = ("SIGSEGV", "SIGABRT", "SIGBUS", "SIGFPE", "SIGILL", "SIGTRAP", "SIGSYS")


def facts_of(trace: Trace) -> dict[str, Any]:
    """What a collector is told of a trace.

    Returns: `command`, `program`, `exit_status`, `signal` (its name or null), `frames` (functions,
    innermost first), `build_id` of the program that died, `reenact`.
    """
    processes = trace.processes
    died = next((one for one in processes if _name(one.signal) in _FAULTS), None)
    about = died or next(iter(processes), None)
    facts: dict[str, Any] = {
        "command": list(trace.manifest.command),
        "program": "" if about is None else about.program,
        "exit_status": None if about is None else about.exit_status,
        "signal": None if about is None else _name(about.signal),
        "frames": [],
        "build_id": None,
        "reenact": trace.manifest.reenact,
    }
    if died is not None:
        try:
            facts["frames"] = _frames(trace, died.number)
            facts["build_id"] = _build_id(trace, died.program)
        except (ReenactError, _native.TraceError):
            pass  # The signal and the program tell something, too.
    return facts


def _name(number: int | None) -> str | None:
    if number is None:
        return None
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _frames(trace: Trace, process: int) -> list[str]:
    with trace.replay(process) as session:
        session.goto("end")
        frames = session.frames()
    named = [_function(frame.function) for frame in frames if frame.function]
    return named[:_MOST_FRAMES]


def _function(name: str) -> str:
    """Without what the compiler has added for itself."""
    return name.partition(".isra.")[0].partition(".constprop.")[0].partition(".part.")[0]


def _build_id(trace: Trace, program: str) -> str | None:
    files = ModuleFiles.of_trace(trace.path)
    for number, path in trace.file_paths().items():
        if os.path.realpath(path) == os.path.realpath(program):
            module = files.module(number)
            if module is not None:
                return module.build_id
    return None
