"""Runs a program natively and recorded, verifies the recording, and compares all of it."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

Substitutions = Sequence[tuple[str, str]]
#: What `verify` says where the translated code is exact and the program's own was not.
NATIVE_FAILURE = re.compile(rb'"native_failure": "|own code was not held exact')


@dataclass(frozen=True)
class Ending:
    """What a run left: its output and how it ended (`status` is negative for a signal)."""

    stdout: bytes
    stderr: bytes
    status: int

    def describe(self) -> str:
        """The end of it as text, for a failure message."""
        return (
            f"status {self.status}\n"
            f"--- stdout ({len(self.stdout)} bytes)\n{_tail(self.stdout)}\n"
            f"--- stderr ({len(self.stderr)} bytes)\n{_tail(self.stderr)}"
        )


def _tail(text: bytes) -> str:
    return text[-1500:].decode(errors="replace")


def run(
    command: Sequence[str],
    *,
    directory: Path | None = None,
    variables: Mapping[str, str] | None = None,
    stdin: bytes = b"",
    timeout: float = 60,
) -> Ending:
    """Run to the end; after `timeout` seconds the group is killed and the run fails."""
    process = subprocess.Popen(
        list(command),
        cwd=directory,
        env={**os.environ, **(variables or {})},
        stdin=subprocess.PIPE if stdin else subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        out, err = process.communicate(stdin or None, timeout=timeout)
    except subprocess.TimeoutExpired:
        # The recorded program shares our group unless it asked otherwise.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            out, err = process.communicate(timeout=10)
            raise AssertionError(
                f"no end after {timeout:.0f} s: {shlex.join(command)}\n"
                + Ending(out, err, -signal.SIGKILL).describe()
            ) from None
        raise AssertionError(
            f"no end after {timeout:.0f} s, output still open: {shlex.join(command)}"
        ) from None
    return Ending(out, err, process.returncode)


@dataclass
class Reenact:
    """The command under test."""

    command: Sequence[str]
    variables: Mapping[str, str] = field(default_factory=dict)

    def by(self, mechanism: str) -> Reenact:
        """The same, with calls caught by `dispatch` or by `seccomp`."""
        return Reenact(self.command, {**self.variables, "REENACT_MECHANISM": mechanism})

    def record(self, program: Sequence[str], trace: Path, **options: object) -> Ending:
        """Record quietly into `trace`."""
        return self.run("record", "--quiet", "-o", str(trace), "--", *program, **options)

    def verify(self, trace: Path, *options: str, timeout: float = 180) -> dict[str, object]:
        """The report of `verify --json`; fails when there is none."""
        ending = self.run("verify", "--json", *options, str(trace), timeout=timeout)
        assert ending.status in (0, 1), f"verify could not replay\n{ending.describe()}"
        report = json.loads(ending.stdout)
        diverged = bool(report["divergences"])
        assert ending.status == int(diverged), f"status and report disagree\n{ending.describe()}"
        return report

    def run(self, *arguments: str, **options: object) -> Ending:
        """Run any subcommand; fails when a replay has not held the program's own code exact."""
        variables = {**self.variables, **(options.pop("variables", None) or {})}
        ending = run([*self.command, *arguments], variables=variables, **options)
        if arguments[0] == "verify":
            assert not NATIVE_FAILURE.search(ending.stdout + ending.stderr), ending.describe()
        return ending


def normalised(text: bytes, substitutions: Substitutions) -> bytes:
    """Text without what differs from run to run."""
    for pattern, replacement in substitutions:
        text = re.sub(pattern.encode(), replacement.encode(), text, flags=re.MULTILINE)
    return text


def check_exact(reenact: Reenact, trace: Path, recorded: Ending, *, timeout: float = 180) -> dict:
    """Verify twice translated, with equal counts and no divergence, once by the program's own code,
    and once for the output, byte for byte."""
    first = reenact.verify(trace, "--translated", timeout=timeout)
    assert not first["divergences"], json.dumps(first, indent=1)[:4000]
    assert first["events"] > 0, first
    second = reenact.verify(trace, "--translated", timeout=timeout)
    for key in ("processes", "events", "instructions", "divergences"):
        assert first[key] == second[key], f"{key}: {first[key]} and then {second[key]}"
    natively = reenact.verify(trace, timeout=timeout)
    for key in ("processes", "events", "divergences"):
        assert first[key] == natively[key], json.dumps(natively, indent=1)[:4000]
    replayed = reenact.run("verify", "--output", str(trace), timeout=timeout)
    assert replayed.status == 0, replayed.describe()
    assert replayed.stdout == recorded.stdout, (
        f"standard output replayed differs\nrecorded {recorded.describe()}\n"
        f"replayed {replayed.describe()}"
    )
    # Our own report follows the program's errors.
    assert replayed.stderr.startswith(recorded.stderr), (
        f"standard error replayed differs\nrecorded {recorded.describe()}\n"
        f"replayed {replayed.describe()}"
    )
    rest = replayed.stderr[len(recorded.stderr) :]
    assert b"exact: " in rest, replayed.describe()
    return first


class Keeper:
    """Gives a test a place for its trace; takes it away only when the test has passed."""

    def __init__(self, folder: Path, name: str, command: Sequence[str]) -> None:
        self.name = re.sub(r"[^A-Za-z0-9_.-]+", "-", name).strip("-")
        self.folder = folder / self.name
        self.command = command
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)

    def trace(self, name: str = "trace") -> Path:
        """Where to record to."""
        return self.folder / name

    def advice(self) -> str:
        """How to replay what was kept; empty when nothing was recorded."""
        kept = sorted(self.folder.glob("*/manifest.json"))
        lines = [shlex.join([*self.command, "verify", str(place.parent)]) for place in kept]
        return "\n".join(lines)

    def forget(self) -> None:
        """The test has passed."""
        shutil.rmtree(self.folder, ignore_errors=True)
