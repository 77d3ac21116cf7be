"""`reenact record` with a native module that records nothing."""

import os
import signal
import subprocess
import sys

import pytest
from imports import loaded

import reenact
from reenact import parsing
from reenact.commands import record as command
from reenact.errors import ProgramError, RecordingError, UsageError
from reenact.version import version


def test_says_where_the_trace_is(run, native, home):
    status, out, err = run("record", "--", "true", "--quiet")
    assert (status, out) == (0, "")
    assert err == f"reenact: recorded in {home}/true-1 (replay it: reenact verify)\n"
    assert native.recorded[:2] == (f"{home}/true-1", ["true", "--quiet"])
    assert os.readlink(home / "latest") == "true-1"


def test_quiet(run, native):
    assert run("record", "--quiet", "true") == (0, "", "")


def test_messages_come_before_the_last_line(run, native):
    native.messages = ["io_uring_setup was refused"]
    err = run("record", "true")[2]
    assert err.startswith("reenact: io_uring_setup was refused\n")


def test_own_place_is_named_and_not_latest(run, native, home, tmp_path):
    target = tmp_path / "my trace"
    err = run("record", "-o", str(target), "--checksum", "9", "true")[2]
    assert f"reenact verify '{target}'" in err
    assert native.recorded[2]["checksum_interval"] == 9
    assert not (home / "latest").exists()


def test_exit_status_is_the_program_s(run, native):
    native.wait_status = 77 << 8
    assert run("record", "-q", "true")[0] == 77


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGKILL, signal.SIGINT, signal.SIGPIPE])
def test_death_by_signal_is_ours(number):
    code = f"import sys; from reenact.ending import end_like; sys.exit(end_like({int(number)}))"
    done = subprocess.run([sys.executable, "-c", code], check=False, timeout=60)
    assert done.returncode == -number


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("command-not-found", ProgramError),
        ("thirty-two-bit", ProgramError),
        ("system", RecordingError),
        ("a-new-one", RecordingError),
    ],
)
def test_refusals_leave_no_trace(native, home, kind, error):
    def refuse(*_arguments, **_options):
        raise native.RecordError("nope", kind, "try this")

    native.record = refuse
    with pytest.raises(error, match="nope") as raised:
        reenact.record(["x"])
    assert raised.value.hint == "try this"
    assert os.listdir(home) == []


def test_a_recording_without_sources_imports_little(tmp_path):
    """From its start to its end, where no program has debug information: a third of a short one."""
    trace = str(tmp_path / "trace")
    found = loaded(
        "from reenact.command_line import main\n"
        f"main(['record', '-q', '-o', {trace!r}, '--', 'true'])"
    )
    assert os.path.exists(os.path.join(trace, "manifest.json"))
    assert not found.intersection(("json", "re", "enum", "collections", "contextlib", "typing"))


def test_start_up_imports_little():
    """Each of these costs milliseconds that every recording would pay."""
    found = loaded(
        "from reenact.command_line import main\n"
        "main(['record', '-q', '-o', '/dev/null/x', '--', 'true'])"
    )
    assert "reenact._native" in found
    heavy = (
        "argparse",
        "collections",
        "importlib",
        "re",
        "signal",
        "types",
        "rich",
        "dataclasses",
        "inspect",
        "json",
        "subprocess",
        "pathlib",
        "tempfile",
        "ctypes",
    )
    assert not found.intersection(heavy)


def test_mechanism_by_environment(run, native, home, monkeypatch):
    monkeypatch.setenv("REENACT_MECHANISM", "seccomp")
    assert run("record", "-q", "true")[0] == 0
    assert native.recorded[2]["mechanism"] == "seccomp"
    monkeypatch.setenv("REENACT_MECHANISM", "magic")
    status, _, err = run("record", "-q", "true")
    assert status == 125
    assert "no way to catch system calls" in err
    assert sorted(os.listdir(home)) == ["latest", "true-1"]


@pytest.mark.parametrize(
    "words",
    [
        ["true"],
        ["--", "true", "-o", "x"],
        ["-q", "-o", "/tmp/x", "--", "true"],
        ["--quiet", "--output", "x", "true", "--quiet", "--", "-q"],
        ["-o", "", "true"],
        ["-q", "--", "--"],
        [],
        ["-q"],
    ],
)
def test_usual_command_lines_mean_the_same_to_argparse(words):
    quick = command.quick_arguments(words)
    assert quick is not None
    parser = parsing.command_parser("record")
    options, program = parsing.split_program(parser, words)
    parsed = parser.parse_args(options, command.Arguments())
    parsed.program = program
    for name in command.Arguments.__annotations__:
        assert getattr(quick, name) == getattr(parsed, name), name


@pytest.mark.parametrize(
    "words", [["-o"], ["-o", "-q", "true"], ["-qo", "x", "true"], ["--output=x", "true"], ["-h"]]
)
def test_unusual_command_lines_are_left_to_argparse(words):
    assert command.quick_arguments(words) is None


def test_defaults_are_those_of_the_parser():
    parsed = parsing.command_parser("record").parse_args([])
    for name, value in vars(parsed).items():
        assert list(value) == [] if name == "program" else getattr(command.Arguments, name) == value


def test_the_function_takes_what_the_command_does(native, home):
    reenact.record(["true"], chaos=True, seed=5, timeout=9.5)
    options = native.recorded[2]
    assert (options["chaos_seed"], options["timeout"]) == (5, 9.5)
    assert reenact.record(["true"], chaos=True).chaos_seed is not None
    assert reenact.record(["true"]).chaos_seed is None


def test_the_function_runs_until_failure(native, home):
    last = reenact.record(["true"], until_failure=True, runs=3)
    assert not last.is_kept
    assert not os.path.exists(last.trace)
    native.wait_status = 1 << 8
    last = reenact.record(["true"], until_failure=True, retry_for=60)
    assert last.is_kept
    assert last.exit_status == 1


@pytest.mark.parametrize("options", [{"seed": 1}, {"runs": 2}, {"retry_for": 1.0}])
def test_options_that_mean_nothing_alone_are_refused(native, options):
    with pytest.raises(UsageError, match="is of use"):
        reenact.record(["true"], **options)


def test_the_package_tells_its_version():
    assert reenact.__version__ == version()


def test_the_function_has_every_option_of_the_command() -> None:
    """But those about what the command itself says."""
    import argparse
    import inspect

    import reenact
    from reenact.commands import record
    from reenact.replaced_code import replaced_code

    parser = argparse.ArgumentParser()
    record.add_arguments(parser)
    options = {action.dest for action in parser._actions if action.option_strings} - {"help"}
    parameters = set(inspect.signature(reenact.record).parameters)
    elsewhere = {"quiet", "paranoid"}
    assert callable(replaced_code)
    named = {"output": "trace", "checksum": "checksum_interval"}
    assert {named.get(option, option) for option in options - elsewhere} == parameters - {"argv"}
