"""What all tests of guests and programs share: the command, the builds, kept traces, skips."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import sys
from pathlib import Path

import pytest
import skip_page
import skips
from guest_build import GuestBuild
from recorded_run import Keeper, Reenact

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "tests"

# `make test` leaves these to its children; a make under test is to be one that stands alone.
for name in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "MAKEOVERRIDES"):
    os.environ.pop(name, None)

# A gdb beside the system's, whose file is called gdb: it is found first.
if os.environ.get("REENACT_TEST_GDB"):
    _folder = Path(os.environ["REENACT_TEST_GDB"]).absolute().parent
    os.environ["PATH"] = f"{_folder}{os.pathsep}{os.environ.get('PATH', '')}"


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
    if report.skipped and skips.reason_of(_message(report)) is None:
        report.outcome = "failed"
        report.longrepr = f"{_message(report)}\nis no reason to skip: see tests/skips.py"
    if call.when == "call":
        item.call_report = report
        place = getattr(item, "keeper", None)
        if report.failed and place is not None and place.advice():
            report.sections.append(("replay it", place.advice()))
    return report


def _message(report: pytest.TestReport) -> str:
    """Why a test was skipped."""
    text = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return text.removeprefix("Skipped: ")


def pytest_configure() -> None:
    """Programs under test begin with the usual signal actions, whoever has started the tests.

    A shell ignores SIGINT and SIGQUIT for its background jobs and `nohup` ignores SIGHUP, which the
    programs would inherit. A handler that does nothing leaves us as deaf, and ends with an `exec`.
    """
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM):
        if signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, lambda *_: None)


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Count the skips by reason, here and, of a whole run, in a page of the build folder."""
    reports = terminalreporter.stats.get("skipped", [])
    skipped = [skip_page.Skip(report.nodeid, _message(report)) for report in reports]
    is_whole = config.args_source == pytest.Config.ArgsSource.TESTPATHS
    if is_whole and not config.option.keyword:
        skipped += skip_page.of_rust(BUILD / "skipped-rust-tests.txt")
        skip_page.write(BUILD / "skipped-tests.md", skipped)
    for reason, members in skip_page.by_reason(skipped).items():
        terminalreporter.write_line(f"skipped {len(members)}: {reason}")
