"""What a person sees when something is wrong: one sentence, one hint, a documented status."""

import os
import subprocess
import sys

import pytest

from reenact import commands
from reenact.command_line import main


def test_help_names_every_command(run):
    status, out, _ = run("--help")
    assert status == 0
    assert all(name in out for name in commands.NAMES)


def test_no_arguments_is_help(run):
    assert run()[1] == run("--help")[1]


def test_version(run):
    status, out, _ = run("--version")
    assert status == 0
    assert out.startswith("reenact ")


@pytest.mark.parametrize("name", commands.NAMES)
def test_help_of_each_command_has_examples(run, name):
    status, out, _ = run(name, "--help")
    assert status == 0
    assert "Examples:" in out
    assert f"usage: reenact {name}" in out


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        (["recrod"], "there is no command recrod", "did you mean: reenact record"),
        (["/bin/ls"], "there is no command /bin/ls", "reenact record -- /bin/ls"),
        (["--nonsense"], "unrecognized arguments: --nonsense", "--help"),
        (["record"], "no program was named", "reenact record --"),
        (["record", "--"], "no program was named", "reenact record --"),
        (["record", "--checksum", "0", "true"], "must be at least 1", "--help"),
        (["record", "--checksum"], "expected one argument", "--help"),
        (["verify"], "there is no latest one", "reenact record"),
        (["verify", "nowhere"], "there is no trace nowhere", "reenact ls"),
        (["verify", "--jobs", "0"], "must be at least 1", "--help"),
        (["verify", "--json", "--output", "/"], "both want the standard output", "choose"),
        (["verify", "/etc/passwd"], "not a directory", "reenact ls"),
        (["verify", "/usr"], "has no manifest.json", "reenact ls"),
        (["info", "/usr"], "has no manifest.json", "reenact ls"),
        (["dump", "--range", "x"], "is no range of events", "--help"),
        (["dump", "--kind", "x"], "invalid choice", "--help"),
        (["rm"], "name the traces to remove", "reenact ls"),
        (["rm", "/usr"], "is not a trace", ""),
        (["completion", "tcsh"], "invalid choice", "--help"),
    ],
)
def test_bad_input_is_one_sentence_and_125(run, native, words, message, hint):
    status, out, err = run(*words)
    assert status == 125
    assert out == ""
    first, *rest = err.splitlines()
    assert first.startswith("reenact: ")
    assert message in first
    assert hint in "".join(rest)
    assert len(rest) <= 1


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '"x"', "{}", '{"format_version": "1"}', "[" * 9999]
)
def test_damaged_manifest(run, trace, content):
    (trace / "manifest.json").write_text(content)
    status, _, err = run("verify")
    assert status == 125
    assert "its manifest is damaged" in err


def test_newer_version(run, trace):
    (trace / "manifest.json").write_text('{"format_version": 99}')
    status, _, err = run("verify")
    assert status == 125
    assert "newer reenact (trace format 99" in err
    assert "hint: install" in err


def test_keyboard_interrupt(run, monkeypatch):
    def interrupt(_words):
        raise KeyboardInterrupt

    monkeypatch.setattr("reenact.command_line._dispatch", interrupt)
    assert run("ls")[::2] == (130, "reenact: interrupted\n")


@pytest.mark.parametrize(
    "error", [RuntimeError("x"), MemoryError(), ImportError("y"), OSError(28, "full")]
)
def test_any_exception_is_told_without_a_traceback(run, monkeypatch, error):
    def fail(_words):
        raise error

    monkeypatch.setattr("reenact.command_line._dispatch", fail)
    status, _, err = run("ls")
    assert status == 125
    assert err.startswith("reenact: ")


def test_debug_shows_the_traceback(capfd, monkeypatch):
    monkeypatch.setenv("REENACT_DEBUG", "1")
    assert main(["verify"]) == 125
    assert "Traceback" in capfd.readouterr().err


def test_closed_pipe_is_quiet():
    line = f"{sys.executable} -m reenact --help | true; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", line], capture_output=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, b"")


def test_full_disk_is_told():
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "reenact", "--help"],
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
            timeout=60,
        )
    assert done.returncode == 125
    assert done.stderr == b"reenact: No space left on device\n"


def test_closed_standard_streams_do_not_matter():
    line = f"exec {sys.executable} -m reenact --version >&- 2>&- <&-"
    done = subprocess.run(["sh", "-c", line], check=False, timeout=60, env=dict(os.environ))
    assert done.returncode == 0
