"""`reenact verify` with a replayer that says what the test wants."""

import json

from test_replay import frame

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


def test_output_is_the_program_s(run, trace, replayer):
    written = frame(0, 1, b"out\n", 1) + frame(0, 2, b"err\n", 2)
    replayer([START, PROCESS, END], output=written)
    status, out, err = run("verify", "--output")
    assert (status, out) == (0, "out\n")
    assert err.startswith("err\nexact: ")


def test_cut_trace_says_so(run, trace, replayer):
    replayer([{**START, "damaged_chunks": 1}, {**PROCESS, "end": "cut", "status": None}, END])
    status, out, _ = run("verify")
    assert status == 0
    assert "1 chunk of the trace cannot be read" in out
    assert "cut short" in out


def test_error_is_a_failure_with_its_hint(run, trace, replayer):
    error = {"type": "error", "process": 2, "event": 1, "message": "no file 3", "hint": "buy one"}
    replayer([START, error, END], 3)
    status, _, err = run("verify")
    assert (status, err) == (
        125,
        "reenact: the replay failed: no file 3 (process 2)\n  hint: buy one\n",
    )


def test_replayer_that_dies(run, trace, replayer):
    replayer([START])
    status, _, err = run("verify")
    assert status == 125
    assert "ended with status 0 before it was done" in err


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
