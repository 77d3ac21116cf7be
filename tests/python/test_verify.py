"""`reenact verify` with a replayer that says what the test wants."""

import json

import pytest
from imports import loaded
from made_traces import write_log
from test_replay import frame

from reenact import parsing
from reenact.commands import verify

START = {
    "type": "start",
    "version": 1,
    "chunks": 2,
    "damaged_chunks": 0,
    "processes": 1,
    "events": 9,
}
PROCESS = {
    "type": "process", "process": 0, "parent": None, "pid": 7, "events": 9, "instructions": 1234,
    "end": "exit", "status": 0, "mappings": 4,
}  # fmt: skip
END = {"type": "end", "processes": 1, "divergences": 0, "errors": 0, "status": 0}
DIVERGENCE = {
    "type": "divergence", "process": 0, "event": 3, "instructions": 17, "tid": 7,
    "what": "arguments", "ip": "0x401000", "message": "read: argument 2 is 0x20, was 0x10",
    "expected": {"kind": "syscall", "args": ["0x3"]}, "found": {"kind": "syscall", "args": ["0x4"]},
    "registers": {"rax": "0x0"},
}  # fmt: skip


def test_exact(run, trace, replayer):
    replayer([START, {"type": "other"}, PROCESS, END])
    status, out, err = run("verify")
    assert (status, err) == (0, "")
    assert out.startswith("exact: 1 process, 9 events, 1,234 instructions, ")
    assert out.endswith("no divergence\n")


def test_json_has_the_documented_keys(run, trace, replayer):
    replayer([START, PROCESS, END])
    status, out, _ = run("verify", "--json", "ls-1")
    result = json.loads(out)
    assert status == 0
    assert result["schema_version"] == 1
    assert (result["processes"], result["events"], result["instructions"]) == (1, 9, 1234)
    assert result["divergences"] == []
    assert result["seconds"] > 0


def test_divergence(run, trace, replayer):
    ended = {**PROCESS, "end": "divergence", "status": None}
    replayer([START, DIVERGENCE, ended, {**END, "divergences": 1, "status": 1}], 1)
    status, out, _ = run("verify")
    assert status == 1
    assert "divergence (arguments) in process 0, 17 instructions after event 3, at 0x401000" in out
    assert "expected: kind syscall, args 0x3" in out
    assert "1 divergence\n" in out
    status, out, _ = run("verify", "--json")
    assert status == 1
    (divergence,) = json.loads(out)["divergences"]
    assert divergence["position"] == {"process": 0, "event": 3, "instructions": 17}
    assert divergence["expected"] == DIVERGENCE["expected"]


DIVERGED = [
    START,
    {**DIVERGENCE, "instructions": None},
    {**PROCESS, "end": "divergence", "status": None, "instructions": None},
    {**END, "divergences": 1, "status": 1},
]
#: How the program's own code may fail where its translation is exact, and what is said of it.
NATIVE_FAILURES = {
    "divergence": (DIVERGED, 1, "read: argument 2 is 0x20, was 0x10"),
    "error": (
        [START, {"type": "error", "process": 0, "message": "bad", "hint": ""}, END],
        3,
        "bad",
    ),
    "death": ([START], 4, "before it was done"),
}


@pytest.mark.parametrize("name", NATIVE_FAILURES)
def test_what_is_not_exact_natively_is_verified_translated(run, trace, replayer, name):
    reports, status, message = NATIVE_FAILURES[name]
    replayer(reports, status, engines=["native"])
    replayer([START, PROCESS, END], engines=["translated"])
    status, out, _ = run("verify")
    assert status == 0
    assert message in out
    assert "a bug of reenact" in out
    assert "exact: 1 process, 9 events, 1,234 instructions, " in out
    status, out, _ = run("verify", "--json")
    assert message in json.loads(out)["native_failure"]
    status, out, _ = run("verify", "--json", "--translated")
    assert json.loads(out)["native_failure"] is None


def test_what_no_engine_finds_exact_is_no_bug(run, trace, replayer):
    replayer(DIVERGED, 1)
    status, out, _ = run("verify")
    assert status == 1
    assert "in process 0, after event 3, at 0x401000" in out
    assert "bug" not in out


def test_what_is_not_counted_is_not_told(run, trace, replayer):
    counts = {"calls": 5, "instructions": 1, "code": 0, "own_stores": 2, "landings": 3}
    counts |= {"unmarked": 4, "frequent": 6, "others": 0}
    ran = {**counts, "translated": 1_500_000_000}
    replayer([START, {**PROCESS, "instructions": None, "native": ran}, END])
    told = {**counts, "translated_seconds": 1.5}
    status, out, _ = run("verify")
    assert (status, out[:28]) == (0, "exact: 1 process, 9 events, ")
    assert "instruction" not in out
    report = json.loads(run("verify", "--json")[1])
    assert (report["instructions"], report["native"]) == (None, told)


def test_output_before_a_native_failure_is_not_repeated(run, trace, replayer):
    first, second = frame(0, 1, b"out\n", 1), frame(0, 2, b"err\n", 2)
    replayer(DIVERGED, 1, first, engines=["native"])
    replayer([START, PROCESS, END], output=first + second, engines=["translated"])
    status, out, err = run("verify", "--output")
    assert (status, out) == (0, "out\n")
    assert err.startswith("err\nnote: ")


def test_output_of_several_processes_is_told_once(run, trace, replayer):
    write_log(trace, {0: 9, 1: 4})
    start, other = {**START, "processes": 2}, {**PROCESS, "process": 1, "events": 4}
    first, second = frame(0, 1, b"one\n", 1), frame(1, 1, b"two\n", 2)
    replayer([start, *DIVERGED[1:3], other, DIVERGED[3]], 1, second, engines=["native"])
    replayer([start, PROCESS, other, END], output=second + first, engines=["translated"])
    assert run("verify", "--output")[:2] == (0, "one\ntwo\n")


def test_output_is_the_program_s(run, trace, replayer):
    written = frame(0, 1, b"out\n", 1) + frame(0, 2, b"err\n", 2)
    replayer([START, PROCESS, END], output=written)
    status, out, err = run("verify", "--output")
    assert (status, out) == (0, "out\n")
    assert err.startswith("err\nexact: ")


def test_cut_trace_says_so(run, trace, replayer):
    write_log(trace, {0: 9}, is_whole=False)
    replayer([{**START, "damaged_chunks": 1}, {**PROCESS, "end": "cut", "status": None}, END])
    status, out, _ = run("verify")
    assert status == 0
    assert "1 chunk of the trace cannot be read" in out
    assert "cut short" in out


def test_error_is_a_failure_with_its_hint(run, trace, replayer):
    error = {"type": "error", "process": 0, "event": 1, "message": "no file 3", "hint": "buy one"}
    replayer([START, error, END], 3)
    status, _, err = run("verify")
    assert (status, err) == (
        125,
        "reenact: the replay failed: no file 3 (process 0)\n  hint: buy one\n",
    )


def test_replayer_that_dies(run, trace, replayer):
    replayer([START])
    status, _, err = run("verify")
    assert status == 125
    assert "not verified: the replayer ended before it was done (status 0)" in err


#: What does not show that process 0 was replayed to event 9, and a part of what is said of it.
UNPROVEN = {
    "nothing at all": ([], "before it was done"),
    "an end alone": ([START, END], "process 0 was not replayed"),
    "no end": ([START, PROCESS], "before it was done"),
    "too few events": ([START, {**PROCESS, "events": 8}, END], "up to event 8 of 9"),
    "too many events": ([START, {**PROCESS, "events": 10}, END], "up to event 10 of 9"),
    "a cut of a whole log": ([START, {**PROCESS, "end": "cut", "events": 3}, END], "event 3 of 9"),
    "unreachable": ([START, {**PROCESS, "end": "unreachable"}, END], "to its end (unreachable)"),
    "stopped when asked": ([START, {**PROCESS, "end": "asked"}, END], "to its end (asked)"),
    "a divergence untold": ([START, {**PROCESS, "end": "divergence"}, END], "(divergence)"),
    "an unknown end": ([START, {**PROCESS, "end": "exact"}, END], "to its end (exact)"),
    "told twice": ([START, PROCESS, PROCESS, END], "twice how process 0 ended"),
    "another process": ([START, PROCESS, {**PROCESS, "process": 1}, END], "on process 1"),
    "only another one": ([START, {**PROCESS, "process": 7}, END], "on process 7"),
}


@pytest.mark.parametrize("name", UNPROVEN)
def test_what_is_not_shown_is_not_exact(run, trace, replayer, name):
    reports, message = UNPROVEN[name]
    replayer(reports)
    for arguments in (("verify",), ("verify", "--json")):
        status, out, err = run(*arguments)
        assert (status, out) == (125, "")
        assert message in err
        assert "not verified: " in err


def test_a_process_whose_log_is_lost_is_cut(run, trace, replayer):
    lost = {**PROCESS, "process": 5, "end": "cut", "status": None, "events": 0}
    replayer([START, PROCESS, lost, END])
    for is_whole in (True, False):
        write_log(trace, {0: 9}, is_whole=is_whole)
        status, out, _ = run("verify", "--json")
        assert (status, json.loads(out)["cut_processes"]) == (0, [5])
    replayer([START, PROCESS, {**lost, "events": 1}, END])
    assert "not verified: the replayer reports on process 5" in run("verify")[2]


def test_a_status_without_its_divergence_is_not_exact(run, trace, replayer):
    replayer([START, PROCESS, END], 1)
    status, _, err = run("verify")
    assert status == 125
    assert "not verified: its divergences are not there (status 1)" in err


def test_every_process_must_be_there(run, trace, replayer):
    write_log(trace, {0: 9, 1: 4, 7: 5})
    second = {**PROCESS, "process": 1, "events": 4}
    replayer([START, second, PROCESS, END])
    assert "not verified: process 7 was not replayed" in run("verify")[2]
    replayer([START, second, PROCESS, {**PROCESS, "process": 7, "events": 5}, END])
    assert run("verify")[0] == 0
    # One alone: the others are not waited for.
    replayer([START, second, END])
    status, out, _ = run("verify", "--process", "1")
    assert (status, out[:32]) == (0, "exact: 1 process, 4 events, 1,23")


def test_replayer_missing(run, trace, monkeypatch):
    monkeypatch.setenv("REENACT_REPLAYER", "/nowhere")
    status, _, err = run("verify")
    assert status == 125
    assert "the replayer is missing: /nowhere" in err


def test_api(trace, replayer, native):
    import reenact

    replayer([START, PROCESS, END])
    result = reenact.open("ls-1").verify()
    assert result.is_exact
    assert result.instructions == 1234


def test_process_that_is_not_there(run, trace, native):
    status, _, err = run("verify", "--process", "9")
    assert status == 125
    assert err.startswith("reenact: the trace has no process 9\n")


def test_a_replay_is_started_before_much_is_imported():
    """These take as long as a short replay: they are imported while it runs."""
    found = loaded(
        "import reenact.command_line, reenact.commands.options, reenact.commands.verify\n"
        "import reenact.locating, reenact.manifest, reenact.replay.verification, reenact.terminal"
    )
    assert "reenact.replay.process_group" in found
    assert not found.intersection(("dataclasses", "inspect", "rich", "typing", "reenact.trace"))


def test_usual_command_lines_do_without_argparse(tmp_path):
    """It takes a tenth of a short verification."""
    words = ["verify", "--json", "--translated", str(tmp_path / "none")]
    found = loaded(f"from reenact.command_line import main\nmain({words!r})")
    assert "reenact.commands.verify" in found
    assert not found.intersection(("argparse", "gettext", "reenact.parsing"))


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["ls-1"],
        ["--json"],
        ["ls-1", "--translated", "--json"],
        ["--output", "ls-1"],
    ],
)
def test_they_are_understood_as_argparse_does(words):
    quick = verify.quick_arguments(words)
    parsed = parsing.command_parser("verify").parse_args(words)
    assert {name: getattr(quick, name) for name in vars(parsed)} == vars(parsed)


@pytest.mark.parametrize(
    "words",
    [["--js"], ["--jobs", "2"], ["-p", "1"], ["a", "b"], ["--", "a"], ["-h"], ["--json=x"], ["-"]],
)
def test_others_are_left_to_it(words):
    assert verify.quick_arguments(words) is None
