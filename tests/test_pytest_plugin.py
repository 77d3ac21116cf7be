"""`pytest --reenact`: traces of failing tests, and nothing of passing ones."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from recorded_run import Ending, Reenact, run

import reenact as package

FLAKY = "ten_flaky.py"
#: What is to fail, the test that does, and what its exception is.
FAILURES = {
    "order": ("test_random_order", "AssertionError"),
    "update": ("test_lost_update", "AssertionError"),
    "timeout": ("test_asyncio_timeout", "TimeoutError"),
    "child": ("test_child", "AssertionError"),
    "sizes": ("test_sizes-10", "AssertionError"),
    "setup": ("test_with_a_fixture", "ConnectionError"),
    "teardown": ("test_with_a_fixture", "ConnectionError"),
    "clock": ("test_clock", "AssertionError"),
}


class Suite:
    """Runs pytest with the plugin in a directory of its own."""

    def __init__(self, reenact: Reenact, folder: Path) -> None:
        (folder / "run").mkdir(mode=0o700)
        shutil.copy(Path(__file__).parent / "flaky" / FLAKY, folder)
        self.reenact = reenact
        self.folder = folder
        self.traces = folder / "traces"
        self.variables = {
            **reenact.variables,
            "XDG_RUNTIME_DIR": str(folder / "run"),
            "REENACT_TRACE_DIR": str(self.traces),
        }

    def run(
        self, *words: str, luck: str = "", command: tuple[str, ...] = ("-m", "pytest")
    ) -> Ending:
        """How pytest ends."""
        options = ("-p", "no:cacheprovider", "--rootdir", str(self.folder))
        return run(
            [sys.executable, *command, *options, *words],
            directory=self.folder,
            variables={**self.variables, "FLAKY": luck},
            timeout=240,
        )

    def kept(self) -> list[str]:
        """Names of the traces that are there."""
        if not self.traces.exists():
            return []
        return sorted(
            path.name for path in self.traces.iterdir() if path.is_dir() and not path.is_symlink()
        )

    def check(self, name: str, exception: str | None = None) -> None:
        """A trace is exact, and ends where the exception has left the test."""
        ending = self.reenact.run("verify", "--json", str(self.traces / name))
        assert ending.status == 0, ending.describe()
        assert json.loads(ending.stdout)["native_failure"] is None
        if exception is not None:
            with package.open(self.traces / name).replay() as session:
                session.goto("@failed")
                found = session.python.exception()
                assert found is not None
                assert found.value.type == exception


@pytest.fixture
def suite(reenact: Reenact, tmp_path: Path) -> Suite:
    return Suite(reenact, tmp_path)


def test_a_passing_suite_leaves_nothing(suite: Suite) -> None:
    ending = suite.run("--reenact", FLAKY)
    assert (ending.status, ending.stderr) == (0, b""), ending.describe()
    assert b"9 passed, 1 xpassed" in ending.stdout
    assert suite.kept() == []
    assert list((suite.folder / "run" / "reenact").iterdir()) == []


def test_without_the_option_nothing_is_recorded(suite: Suite) -> None:
    assert suite.run(FLAKY, luck="order").status == 1
    assert suite.kept() == []


def test_failing_tests_keep_their_traces(suite: Suite) -> None:
    """Each replays to its failure, which the report and the XML lead to."""
    ending = suite.run("--reenact", "--junitxml", "report.xml", FLAKY, luck=",".join(FAILURES))
    assert ending.status == 1, ending.describe()
    expected = dict(FAILURES.values())
    assert suite.kept() == sorted(f"{name}-1" for name in expected)
    text = ending.stdout.decode()
    for name, exception in expected.items():
        trace = suite.traces / f"{name}-1"
        assert f"the recording is in {trace}\n" in text
        assert f"{trace} --goto @failed" in text
        suite.check(f"{name}-1", exception)
    found = ElementTree.parse(suite.folder / "report.xml").iter("property")
    told = {one.get("value") for one in found if one.get("name") == "reenact_trace"}
    assert told == {str(suite.traces / f"{name}-1") for name in expected}
    marks = package.open(suite.traces / "test_child-1").bookmarks
    assert {"test_sum-begins", "test_sum-ends", "test_child-begins", "failed"} <= {
        mark.name for mark in marks
    }
    positions = [marks[name].position for name in ("test_sum-begins", "test_sum-ends", "failed")]
    assert positions == sorted(positions)


def test_pdb_begins_at_the_failing_assertion(suite: Suite) -> None:
    assert suite.run("--reenact", FLAKY, luck="sizes").status == 1
    words = ["pdb", str(suite.traces / "test_sizes-10-1"), "-c", "p size", "-c", "rn", "-c", "quit"]
    ending = suite.reenact.run(*words)
    assert ending.status == 0, ending.describe()
    text = ending.stdout.decode()
    assert "the test was failed by AssertionError at " in text
    assert ">" in text
    assert "assert len(os.urandom(size)) ==" in text
    assert "\n10\n" in text


def test_all_and_keep(suite: Suite) -> None:
    assert suite.run("--reenact=all", "--reenact-keep", "2", FLAKY).status == 0
    assert suite.kept() == ["test_random_order-1", "test_sum-1"]
    suite.check("test_sum-1")


def test_the_configuration_file(suite: Suite) -> None:
    text = "[pytest]\nreenact = failed\nreenact_ring = 64M\nreenact_dir = here\nreenact_keep = 1\n"
    (suite.folder / "pytest.ini").write_text(text)
    assert suite.run(FLAKY, luck="order,clock").status == 1
    assert [path.name for path in (suite.folder / "here").iterdir()] == ["test_random_order-1"]
    (suite.folder / "pytest.ini").write_text("[pytest]\nreenact = some\n")
    ending = suite.run(FLAKY)
    assert ending.status == 4
    assert b"it is failed or all" in ending.stdout + ending.stderr


def test_workers_of_xdist(suite: Suite) -> None:
    pytest.importorskip("xdist")
    ending = suite.run("--reenact", "-n", "2", FLAKY, luck="order,setup,sizes")
    assert ending.status == 1, ending.describe()
    assert suite.kept() == ["test_random_order-1", "test_sizes-10-1", "test_with_a_fixture-1"]
    text = ending.stdout.decode()
    assert len(re.findall("the recording is in", text)) == 3
    for name in suite.kept():
        suite.check(name)


def test_again_until_one_fails(suite: Suite) -> None:
    """By chance; chaos does not change that."""
    words = ["--reenact", "--reenact-chaos", "--reenact-retry-for", "3m", FLAKY]
    ending = suite.run(*words, luck="chance")
    assert ending.status == 1, ending.describe()
    assert suite.kept()
    suite.check(suite.kept()[0])
    words = ["--reenact", "--reenact-retry-for", "0.2", FLAKY, "-k", "sum"]
    ending = suite.run(*words)
    assert ending.status == 0, ending.describe()
    assert suite.kept() == suite.kept()


def test_a_crash_of_the_interpreter_is_kept(suite: Suite) -> None:
    test = suite.folder / "test_crash.py"
    test.write_text("import os\ndef test_crash():\n    os.abort()\n")
    ending = suite.run("--reenact", "-p", "no:faulthandler", str(test))
    assert ending.status == -6, ending.describe()
    (name,) = suite.kept()
    suite.check(name)


def test_pytest_inside_of_a_program(suite: Suite) -> None:
    """It is not executed anew: it is attached to."""
    program = suite.folder / "tests.py"
    program.write_text("import pytest, sys\nsys.exit(pytest.main(sys.argv[1:] + ['--reenact']))\n")
    ending = suite.run(FLAKY, luck="order", command=(str(program),))
    assert ending.status == 1, ending.describe()
    assert suite.kept() == ["test_random_order-1"]
    suite.check("test_random_order-1", "AssertionError")


def test_where_no_trace_can_be_kept(suite: Suite) -> None:
    """The report says why; the tests run on."""
    (suite.folder / "file").touch()
    ending = suite.run("--reenact", "--reenact-dir", "file", FLAKY, luck="order")
    assert ending.status == 1, ending.describe()
    assert b"no trace could be kept: cannot make a trace directory in" in ending.stdout
    assert b"1 failed, 8 passed" in ending.stdout
    ending = suite.run("--reenact", "--reenact-ring", "many", FLAKY)
    assert ending.status != 0
    assert b"Traceback" not in ending.stdout + ending.stderr


def test_without_the_plugin(suite: Suite) -> None:
    ending = suite.run("-p", "no:reenact", FLAKY)
    assert ending.status == 0, ending.describe()
    ending = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:reenact", "--reenact", FLAKY],
        capture_output=True, check=False, cwd=suite.folder, env=dict(os.environ),
    )  # fmt: skip
    assert b"unrecognized arguments: --reenact" in ending.stderr
