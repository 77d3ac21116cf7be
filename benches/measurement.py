"""Times one workload: native, recorded and replayed, interleaved so that all see one machine."""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from benches.serving import MeasurementError, served
from benches.workloads import Workload

MEMORY = Path("/dev/shm")


@dataclass
class Result:
    """Seconds of each run, and what the last trace holds."""

    name: str
    kind: str
    native: list[float] = field(default_factory=list)
    record: list[float] = field(default_factory=list)
    replay: list[float] = field(default_factory=list)
    translated: list[float] = field(default_factory=list)
    """Seconds of a replay of translated code alone, which counts all instructions. It comes
    second, and knows where landings are."""
    trace_bytes: int = 0
    own_bytes: int = 0
    events: int = 0
    instructions: int | None = None
    """As the translated replay has counted them."""
    processes: int = 0
    requests: int = 0
    """What the clients of a server asked for in each run."""
    landings: int = 0
    """Signals and thread switches in the middle of computation."""
    failure: str = ""
    skipped: str = ""

    def as_json(self) -> dict[str, object]:
        """Everything measured and what follows from it."""
        found: dict[str, object] = asdict(self)
        medians = {
            "native": _median(self.native),
            "record": _median(self.record),
            "replay": _median(self.replay),
            "translated": _median(self.translated),
        }
        native, record, replay = medians["native"], medians["record"], medians["replay"]
        translated = medians["translated"]
        found["medians"] = medians
        if native and record:
            found["record_ratio"] = round(record / native, 3)
            found["events_per_second"] = round(self.events / record)
        if native and replay:
            found["replay_ratio"] = round(replay / native, 3)
        if native and translated:
            found["translated_ratio"] = round(translated / native, 3)
        if self.requests and native and record:
            found["requests_per_second"] = {
                "native": round(self.requests / native),
                "record": round(self.requests / record),
            }
        return found


def _median(runs: Sequence[float]) -> float | None:
    return round(statistics.median(runs), 4) if runs else None


def measure(
    workload: Workload,
    reenact: Sequence[str],
    *,
    runs: int,
    replay: bool = True,
    timeout: float = 600,
) -> Result:
    """Run `runs` rounds of native, record, verify by both engines.

    A failure ends them and is in the result.
    """
    result = Result(workload.name, workload.kind, requests=workload.requests)
    missing = workload.missing()
    if missing is not None:
        result.skipped = f"{missing} is not installed"
        return result
    # Both folders have names of one length: paths are part of what programs compute with.
    place = MEMORY if workload.on_memory and os.access(MEMORY, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="reenact-bench-", dir=place) as name:
        folder = Path(name) / "work"
        folder.mkdir()
        if workload.prepare is not None:
            try:
                workload.prepare(folder)
            except subprocess.CalledProcessError as failure:
                result.skipped = f"{failure.cmd[0]} cannot make its program here"
                return result
        traces = Path(tempfile.mkdtemp(prefix="reenact-bench-traces-"))
        try:
            for number in range(runs):
                _round(workload, reenact, folder, traces / str(number), result, replay, timeout)
        except MeasurementError as failure:
            result.failure = str(failure)
        finally:
            shutil.rmtree(traces, ignore_errors=True)
    return result


def _round(
    workload: Workload,
    reenact: Sequence[str],
    folder: Path,
    trace: Path,
    result: Result,
    replay: bool,  # noqa: FBT001 (private)
    timeout: float,
) -> None:
    def clean() -> None:
        if workload.clean is not None:
            workload.clean(folder)

    clean()
    result.native.append(_run(workload, workload.native or workload.command, folder, timeout))
    clean()
    command = [*reenact, "record", "--quiet", "-o", str(trace), "--", *workload.command]
    result.record.append(_run(workload, command, folder, timeout))
    # Files that the file system cloned share their blocks; `own_bytes` is the log alone.
    sizes = {file: file.stat().st_size for file in trace.rglob("*") if file.is_file()}
    result.trace_bytes = sum(sizes.values())
    result.own_bytes = sizes.get(trace / "events", 0)
    if replay:
        verify = [*reenact, "verify", "--json"]
        seconds, output = _timed([*verify, str(trace)], folder, timeout)
        result.replay.append(seconds)
        report = json.loads(output)
        if report["native_failure"] is not None:
            raise MeasurementError(f"not exact natively: {report['native_failure']}")
        result.events = report["events"]
        result.processes = report["processes"]
        seconds, output = _timed([*verify, "--translated", str(trace)], folder, timeout)
        result.translated.append(seconds)
        result.instructions = json.loads(output)["instructions"]
    if workload.kind == "landings" and not result.landings:
        result.landings = _landings(reenact, trace, folder, timeout)
    shutil.rmtree(trace)


def _landings(reenact: Sequence[str], trace: Path, folder: Path, timeout: float) -> int:
    """Events that hold the state of a place which no system call marks."""
    kinds = ("--kind", "signal", "--kind", "preempted")
    command = [*reenact, "dump", "--json", "--data", *kinds, str(trace)]
    events = _timed(command, folder, timeout)[1].splitlines()
    return sum(b'"tag": "memory-checksum"' in event for event in events)


def _run(workload: Workload, command: Sequence[str], folder: Path, timeout: float) -> float:
    """Seconds of a command, or of the client of a server that it starts."""
    if workload.client is None:
        return _timed(command, folder, timeout)[0]
    with served(command, folder, workload.shutdown, timeout):
        return _timed(workload.client, folder, timeout)[0]


def _timed(command: Sequence[str], folder: Path, timeout: float) -> tuple[float, bytes]:
    begin = time.perf_counter()
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise MeasurementError(f"no end after {timeout:.0f} s: {' '.join(command[:6])}") from None
    seconds = time.perf_counter() - begin
    if done.returncode != 0:
        message = done.stderr.decode(errors="replace").strip().splitlines() or [
            done.stdout.decode(errors="replace").strip()[:300]
        ]
        raise MeasurementError(f"status {done.returncode}: {' '.join(command[:3])}: {message[-1]}")
    return seconds, done.stdout
