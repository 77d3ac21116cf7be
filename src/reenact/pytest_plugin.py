"""`pytest --reenact`: a failing test keeps the recording of its run.

pytest runs in a ring of its own (`reenact record --ring`), or in the one it is in already. When a
test fails, what the ring holds becomes a trace, with bookmarks where tests begin and end; passing
tests leave nothing. Workers of pytest-xdist are processes of the same recording.
"""

from __future__ import annotations

import os
import re
import sys
import time

import pytest

from reenact import environment
from reenact.errors import ReenactError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator

    from reenact.rings import RunningRing

_DEFAULT_RING = "128M"
_DEFAULT_KEEP = 10
#: Tests whose beginnings and ends are remembered for bookmarks: the ring reaches no further back.
_REMEMBERED = 200


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options."""
    group = parser.getgroup("reenact", "recordings of failing tests (reenact)")
    # Each is an option of its own: with a value that may be missing, `--reenact tests` would take
    # the directory for it.
    for words, mode, meaning in (
        (("--reenact", "--reenact=failed"), "failed", "a trace of each that fails"),
        (("--reenact=all",), "all", "a trace of each"),
    ):
        group.addoption(
            *words, dest="reenact", action="store_const", const=mode, default=None,
            help=f"record the tests, and keep {meaning}",
        )  # fmt: skip
    group.addoption(
        "--reenact-ring", metavar="SIZE", help="how much of the recording is held (128M)"
    )
    group.addoption(
        "--reenact-dir", metavar="DIR", help="where traces go (default: that of `reenact record`)"
    )
    group.addoption(
        "--reenact-keep", metavar="N", type=int, help="keep at most N traces of this run (10)"
    )
    group.addoption(
        "--reenact-chaos", action="store_true",
        help="schedule threads at random, to meet races that a fair schedule rarely shows",
    )  # fmt: skip
    group.addoption(
        "--reenact-retry-for", metavar="TIME",
        help="run the tests again until one fails, for so long: seconds, or as 30m or 2h",
    )  # fmt: skip
    parser.addini("reenact", "as --reenact: failed or all", default="")
    parser.addini("reenact_ring", "as --reenact-ring", default="")
    parser.addini("reenact_dir", "as --reenact-dir", default="")
    parser.addini("reenact_keep", "as --reenact-keep", default="")


def _setting(config: pytest.Config, name: str) -> str:
    """An option of the command line, else of the configuration file; empty: neither."""
    given = config.getoption(name)
    return str(given) if given is not None else str(config.getini(name))


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """Go on in a recording, unless we are in one."""
    if not _is_wanted(config) or hasattr(config, "workerinput"):
        return
    if config.getoption("collectonly") or config.getoption("help"):
        return
    if config.getoption("reenact_retry_for") and config.getoption("numprocesses", None):
        raise pytest.UsageError("--reenact-retry-for and -n do not go together: leave one out")
    if _own_ring() is None:
        _record(config)


def pytest_configure(config: pytest.Config) -> None:
    """Keep traces from now on, where we are recorded."""
    mode = _setting(config, "reenact")
    if mode not in ("", "failed", "all"):
        raise pytest.UsageError(f"reenact = {mode} in the configuration: it is failed or all")
    if not _is_wanted(config) or config.getoption("collectonly"):
        return
    ring = _own_ring()
    if ring is not None:
        config.pluginmanager.register(_Keeper(config, ring), "reenact-keeper")


def _is_wanted(config: pytest.Config) -> bool:
    return bool(_setting(config, "reenact"))


def _own_ring() -> RunningRing | None:
    """The ring that this process is recorded in."""
    from reenact import rings

    try:
        return rings.find(str(os.getpid()))
    except ReenactError:
        return None


def _record(config: pytest.Config) -> None:
    """Execute pytest again, recorded; or record this process, where it is not pytest's own."""
    ring = _setting(config, "reenact_ring") or _DEFAULT_RING
    words = _own_words(config)
    if words is None:
        if config.getoption("reenact_chaos"):
            raise pytest.UsageError("--reenact-chaos is for pytest as a command: run it as one")
        _record_this(ring)
        return
    if environment.RECORDED_TESTS.is_set():
        raise pytest.UsageError(
            "the recording of the tests is not found: set XDG_RUNTIME_DIR to a directory of yours"
        )
    from reenact.recorder import own_command

    chaos = ["--chaos"] if config.getoption("reenact_chaos") else []
    # Should a test crash the interpreter, that is kept, too.
    record = ["record", "-q", "--ring", ring, "--save-on", "signal", *chaos, "--"]
    capture = config.pluginmanager.getplugin("capturemanager")
    if capture is not None:
        capture.stop_global_capturing()
    sys.stdout.flush()
    sys.stderr.flush()
    os.environ[environment.RECORDED_TESTS.name] = "1"
    command = [*own_command(), *record, *words]
    os.execvp(command[0], command)


def _record_this(ring: str) -> None:
    from reenact import recorder
    from reenact.commands.options import ring_size

    try:
        recorder.start(ring=ring_size(ring), save_on="signal")
    except ReenactError as error:
        raise pytest.UsageError(f"the tests cannot be recorded: {error.message}") from error


def _own_words(config: pytest.Config) -> list[str] | None:
    """The command that this process runs, if that is pytest with its arguments."""
    if list(config.invocation_params.args) != sys.argv[1:]:
        return None
    words = list(getattr(sys, "orig_argv", ()))
    if words:
        return [sys.executable, *words[1:]]
    if os.path.basename(sys.argv[0]) == "__main__.py":
        return [sys.executable, "-m", "pytest", *sys.argv[1:]]
    return [sys.executable, *sys.argv]


class _Keeper:
    """Makes traces of tests.

    Arguments:
        config: pytest's.
        ring: the recording that this process is in.
    """

    def __init__(self, config: pytest.Config, ring: RunningRing) -> None:
        self._config = config
        self._ring = ring
        self._keeps_all = _setting(config, "reenact") == "all"
        self._place = _setting(config, "reenact_dir")
        keep = _setting(config, "reenact_keep")
        self._left = int(keep) if keep else _DEFAULT_KEEP
        #: Name, process and event of beginnings and ends.
        self._marks: list[tuple[str, int, int]] = []
        self._kept: dict[str, str] = {}

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, bool, bool]:
        """Remember where a test begins and ends."""
        name = _name(item)
        self._mark(f"{name}-begins")
        try:
            return (yield)
        finally:
            self._mark(f"{name}-ends")

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, None, None]:
        """Keep the trace of a test that fails, right behind the exception."""
        yield from self._watched(item)
        if self._keeps_all:
            self._keep(item, has_failed=False)

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Generator[None, None, None]:
        """Fixtures fail, too."""
        yield from self._watched(item)

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Generator[None, None, None]:
        """As above."""
        yield from self._watched(item)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Say where the trace is."""
        report = yield
        trace = self._kept.get(item.nodeid)
        if trace is not None and (report.failed or self._keeps_all) and report.when != "teardown":
            report.sections.append(("reenact", _told(trace, has_failed=report.failed)))
        return report

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool | None:
        """Run the tests again until one fails, where that is wanted."""
        wanted = self._config.getoption("reenact_retry_for")
        if not wanted:
            return None
        from _pytest.main import pytest_runtestloop as run

        from reenact.commands.options import duration

        end = time.monotonic() + duration(wanted)
        while True:
            run(session)
            if session.testsfailed or session.shouldstop or time.monotonic() >= end:
                return True

    def _watched(self, item: pytest.Item) -> Generator[None, None, None]:
        try:
            yield
        except (pytest.skip.Exception, pytest.xfail.Exception, KeyboardInterrupt):
            raise
        except BaseException:
            if item.get_closest_marker("xfail") is None:
                self._keep(item, has_failed=True)
            raise

    def _mark(self, name: str) -> None:
        try:
            process, event = self._ring.where(os.getpid())
        except (ReenactError, OSError):
            return  # It was stopped.
        self._marks.append((name, process, event))
        del self._marks[:-_REMEMBERED]

    def _keep(self, item: pytest.Item, *, has_failed: bool) -> None:
        if item.nodeid in self._kept or self._left <= 0:
            return
        from reenact.session.bookmarks import FAILED

        self._mark(FAILED if has_failed else f"{_name(item)}-passed")
        try:
            trace = self._save(_name(item))
        except (ReenactError, OSError) as error:
            item.add_report_section("call", "reenact", f"no trace could be kept: {error}")
            return
        self._left -= 1
        self._kept[item.nodeid] = trace
        item.user_properties.append(("reenact_trace", trace))
        self._bookmark(trace)
        if has_failed:
            self._marks.pop()

    def _save(self, name: str) -> str:
        from reenact import places, rings

        path = places.create_default(name, self._place or None)
        return str(rings.save(self._ring, path)["trace"])

    def _bookmark(self, trace: str) -> None:
        from reenact.session.bookmarks import BY_TESTS, Bookmarks
        from reenact.session.positions import Position
        from reenact.trace import Trace

        begins = {one.number: one.begins_behind or 0 for one in Trace(trace).processes}
        marks = Bookmarks(trace)
        for name, process, event in self._marks:
            if event > begins.get(process, event):
                marks.add(name, Position(process, event), BY_TESTS, replace=True)


def _name(item: pytest.Item) -> str:
    """A test as the name of a directory and of bookmarks."""
    return re.sub(r"[^A-Za-z0-9_.=-]+", "-", item.name).strip("-.")[:80] or "test"


def _told(trace: str, *, has_failed: bool) -> str:
    import shlex

    from reenact.session.bookmarks import FAILED

    name = shlex.quote(trace)
    text = f"the recording is in {trace}\n"
    if not has_failed:
        return f"{text}open it: reenact pdb {name}"
    text += f"open it at the line that raised: reenact pdb {name}\n"
    return f"{text}or in gdb, right behind the test: reenact replay {name} --goto @{FAILED}"
