"""What all tests of guests and programs share: the command, the builds, kept traces, skips."""

from __future__ import annotations

import collections
import os
import shlex
import shutil
import sys
from pathlib import Path

import pytest
import skips
from guest_build import GuestBuild
from recorded_run import Keeper, Reenact

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "tests"

# `make test` leaves these to its children; a make under test is to be one that stands alone.
for name in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "MAKEOVERRIDES"):
    os.environ.pop(name, None)


def reenact_command() -> list[str] | None:
    """The command to test: REENACT_TEST_COMMAND, else the one beside this Python, else on PATH."""
    named = os.environ.get("REENACT_TEST_COMMAND")
    if named:
        return shlex.split(named)
    beside = Path(sys.executable).parent / "reenact"
    if beside.exists():
        return [str(beside)]
    found = shutil.which("reenact")
    return [found] if found else None


@pytest.fixture(scope="session")
def reenact() -> Reenact:
    """The command under test."""
    command = reenact_command()
    if command is None:
        skips.skip(skips.Reason.NOT_BUILT)
    return Reenact(command)


@pytest.fixture(scope="session")
def guests() -> GuestBuild:
    """Builds guest programs on demand, each once."""
    return GuestBuild(ROOT / "tests" / "guests", BUILD / "guests")


@pytest.fixture
def keeper(request: pytest.FixtureRequest):
    """A place for traces that outlives a failing test."""
    command = reenact_command() or ["reenact"]
    place = Keeper(BUILD / "traces", request.node.name, command)
    request.node.keeper = place
    yield place
    report = getattr(request.node, "call_report", None)
    if report is None or not report.failed:
        place.forget()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo):
    report = yield
    if call.when == "call":
        item.call_report = report
        place = getattr(item, "keeper", None)
        if report.failed and place is not None and place.advice():
            report.sections.append(("replay it", place.advice()))
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Count the skips by reason, here and in a page of the build folder."""
    skipped = terminalreporter.stats.get("skipped", [])
    count: dict[str, list[str]] = collections.defaultdict(list)
    for report in skipped:
        message = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        message = message.removeprefix("Skipped: ")
        listed = next((r.value for r in skips.Reason if message.startswith(r.value)), None)
        count[listed or f"not in the list of reasons: {message}"].append(
            f"{report.nodeid}: {message}"
        )
    lines = ["# Skipped tests", ""]
    for reason, tests in sorted(count.items()):
        terminalreporter.write_line(f"skipped {len(tests)}: {reason}")
        lines += [f"## {reason} ({len(tests)})", "", *(f"* {test}" for test in tests), ""]
    BUILD.mkdir(parents=True, exist_ok=True)
    (BUILD / "skipped-tests.md").write_text("\n".join(lines) + "\n")
