"""The installed command with real programs: what passes through, and what comes back."""

import json
import os
import signal
import subprocess
import time

import pytest


@pytest.fixture
def start(reenact, tmp_path):
    """Start the command in a process group of its own; it is killed when the test ends."""
    started = []

    def begin(*words, **options):
        process = subprocess.Popen(
            [*reenact.command, *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            **options,
        )
        started.append(process)
        return process

    yield begin
    for process in started:
        # The group outlives its leader while a recorded program runs on.
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
        process.wait()


TRAPPING = """
trap 'echo got; exit 7' TERM INT
echo ready
while :; do sleep 0.05; done
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_to_the_group_reaches_the_program(start, number):
    process = start("record", "--quiet", "--", "sh", "-c", TRAPPING)
    assert process.stdout.readline() == b"ready\n"
    os.killpg(process.pid, number)
    out, err = process.communicate(timeout=60)
    # The shell says so when its `sleep` was running, and so died of the signal, too.
    assert err in (b"", b"Terminated\n")
    assert (process.returncode, out) == (7, b"got\n")


def test_signal_to_us_alone_is_passed_on(start):
    process = start("record", "--quiet", "--", "sh", "-c", TRAPPING)
    assert process.stdout.readline() == b"ready\n"
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=60)
    assert (process.returncode, out) == (7, b"got\n")


def test_death_by_a_signal_passed_on(start):
    process = start("record", "--quiet", "--", "sh", "-c", "echo ready; exec sleep 60")
    assert process.stdout.readline() == b"ready\n"
    time.sleep(0.2)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGTERM


def test_ignored_signals_stay_ignored(reenact):
    line = "trap '' HUP; exec \"$@\""
    script = "kill -HUP $$; echo alive"
    done = subprocess.run(
        ["sh", "-c", line, "sh", *reenact.command, "record", "-q", "--", "sh", "-c", script],
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (0, b"alive\n")


def test_record_then_read(reenact, home):
    recorded = reenact.run("record", "--", "sh", "-c", "echo out; echo err >&2; ls / >/dev/null")
    assert recorded.stdout == b"out\n"
    assert recorded.stderr.startswith(b"err\nreenact: recorded in ")
    fields = json.loads(reenact.run("info", "--json").stdout)
    assert fields["complete"] is True
    assert fields["notes"] == []
    listed = json.loads(reenact.run("ps", "--json").stdout)["processes"]
    assert [process["exit_status"] for process in listed] == [0, 0]
    assert listed[1]["parent"] == 0
    assert listed[1]["arguments"] == ["ls", "/"]
    lines = reenact.run("dump", "--json", "--process", "0").stdout.splitlines()
    events = [json.loads(line) for line in lines]
    assert [event["event"] for event in events] == list(range(listed[0]["events"]))
    assert events[0]["kind"] == "process-start"
    assert any(event["text"].startswith("write(1,") for event in events)
    replayed = reenact.run("verify", "--output")
    assert replayed.status == 0
    assert replayed.stdout == b"out\n"
    assert replayed.stderr.startswith(b"err\nexact: 2 processes, ")


def test_python_interface(reenact, home):
    code = (
        "import reenact\n"
        "recording = reenact.record(['sh', '-c', 'exit 3'])\n"
        "trace = reenact.open(recording.trace)\n"
        "result = trace.verify()\n"
        "print(recording.exit_status, result.is_exact, trace.processes[0].program)\n"
    )
    python = os.path.join(os.path.dirname(reenact.command[0]), "python")
    if not os.path.exists(python):
        python = "python3"
    done = subprocess.run([python, "-c", code], capture_output=True, check=False, timeout=60)
    assert done.stdout.split()[:2] == [b"3", b"True"], done.stderr


def test_without_dispatch(reenact, home, monkeypatch):
    monkeypatch.setenv("REENACT_MECHANISM", "seccomp")
    assert reenact.run("record", "-q", "--", "sh", "-c", "ls / | wc -l; exit 4").status == 4
    assert reenact.run("verify").status == 0
