"""`reenact record --chaos` and `--until-failure` with a native module that records nothing."""

import os
import signal

import pytest

ABORTED = int(signal.SIGABRT)


@pytest.fixture
def no_end(monkeypatch):
    """The command returns instead of dying by the program's signal."""
    monkeypatch.setattr("reenact.ending.end_like", lambda status: status)


def test_no_chaos_unless_asked_for(run, native):
    assert run("record", "-q", "true")[0] == 0
    assert native.recorded[2]["chaos_seed"] is None
    assert native.recorded[2]["timeout"] is None


def test_seed_is_given(run, native, home):
    err = run("record", "--chaos", "--seed", "7", "true")[2]
    assert native.recorded[2]["chaos_seed"] == 7
    last = f"reenact: recorded in {home}/true-1 with seed 7 (replay it: reenact verify)"
    assert err.splitlines()[-1] == last


def test_seed_is_drawn(run, native):
    for _ in range(8):
        run("record", "--chaos", "true")
    assert len(set(native.seeds)) > 1
    assert all(0 <= seed < 1 << 32 for seed in native.seeds)


def test_runs_until_it_fails_and_keeps_that_trace(run, native, home, no_end):
    native.wait_statuses = [0, 0, ABORTED]
    status, _, err = run("record", "--chaos", "--seed", "5", "--until-failure", "true")
    assert status == ABORTED
    assert native.seeds == [5, 6, 7]
    assert sorted(os.listdir(home)) == ["latest", "true-1"]
    assert err.splitlines()[0] == "reenact: killed by SIGABRT after 3 runs"
    assert "with seed 7 (debug it: reenact replay)" in err.splitlines()[-1]


def test_own_place_is_used_again(run, native, home, tmp_path, no_end):
    native.wait_statuses = [0, 3 << 8]
    target = tmp_path / "trace"
    err = run("record", "--until-failure", "-o", str(target), "true")[2]
    assert err.startswith("reenact: exit status 3 after 2 runs\n")
    assert (target / "manifest.json").exists()
    assert not (home / "latest").exists()


def test_gives_up_after_runs(run, native, home):
    status, _, err = run("record", "--until-failure", "--runs", "3", "true")
    assert (status, err) == (0, "reenact: no failure in 3 runs; no trace was kept\n")
    assert len(native.seeds) == 3
    assert os.listdir(home) == []


def test_gives_up_after_a_time(run, native, monkeypatch):
    clock = iter((0.0, 60.0, 1799.0, 1801.0))
    monkeypatch.setattr("time.monotonic", lambda: next(clock))
    err = run("record", "--until-failure", "--retry-for", "30m", "true")[2]
    assert err == "reenact: no failure in 3 runs; no trace was kept\n"


def test_hang_is_a_failure(run, native, no_end):
    native.wait_status, native.timed_out = ABORTED, True
    err = run("record", "--until-failure", "--timeout", "2.5s", "true")[2]
    assert err.startswith("reenact: did not end in time after 1 run\n")
    assert native.recorded[2]["timeout"] == 2.5


@pytest.mark.parametrize(("status", "pressed"), [(int(signal.SIGINT), False), (1 << 8, True)])
def test_ctrl_c_is_not_the_failure(run, native, home, no_end, status, pressed):
    native.wait_status, native.interrupted = status, pressed
    err = run("record", "--until-failure", "true")[2]
    assert err == "reenact: interrupted, with no failure in 1 run; no trace was kept\n"
    assert os.listdir(home) == []


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("--seed", "1"), "--seed is of use with --chaos only"),
        (("--runs", "1"), "--runs is of use with --until-failure only"),
        (("--retry-for", "1h"), "--retry-for is of use with --until-failure only"),
        (("--timeout", "soon"), "soon is not a length of time"),
        (("--timeout", "0"), "0 is not a length of time"),
        (("--timeout", "-1"), "is not a length of time"),
        (("--until-failure", "--retry-for", "nanm"), "nanm is not a length of time"),
    ],
)
def test_what_makes_no_sense_is_refused(run, native, words, complaint):
    status, _, err = run("record", *words, "true")
    assert status == 125
    assert complaint in err
    assert native.seeds == []
