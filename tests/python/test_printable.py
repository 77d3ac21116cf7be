"""Text of a trace made fit to be printed."""

import json

import pytest
from test_verify import END, PROCESS, START

from reenact.printable import printable, printable_json, printable_lines

#: What a terminal would obey, or could not be sent: an escape, a bell, DEL, a C1 control, a mark
#: that turns the direction of writing, a lone surrogate, a line end.
HOSTILE = "\x1b]0;x\x07\x7f\x9b31m\u202e\udc80\n\r"


def test_what_can_be_printed_stays():
    text = "ls -l 'Übung' 日本 \N{GRINNING FACE}"
    assert printable(text) == printable_lines(text) == text
    assert printable_json(json.dumps(text, ensure_ascii=False)) == f'"{text}"'


def test_control_characters_are_escaped():
    assert printable(HOSTILE) == r"\x1b]0;x\x07\x7f\x9b31m\u202e\udc80\n\r"
    assert printable_lines("a\n\tb\r\x1b") == "a\n\tb\\r\\x1b"


@pytest.mark.parametrize("text", [HOSTILE, "\U000e0001", "plain"])
def test_json_keeps_its_meaning(text):
    encoded = printable_json(json.dumps({text: text}, ensure_ascii=False))
    assert encoded.isprintable()
    assert json.loads(encoded) == {text: text}


def test_failures_are_printable(run, trace, replayer):
    error = {"type": "error", "process": 0, "event": 1, "message": HOSTILE, "hint": HOSTILE}
    replayer([error], 3)
    status, _, err = run("verify")
    assert status == 125
    assert all(line.isprintable() for line in err.splitlines())
    assert "\\x1b]0;x" in err


def test_divergences_are_printable(run, trace, replayer):
    divergence = {
        "type": "divergence", "process": 0, "event": 3, "instructions": 17, "what": HOSTILE,
        "ip": HOSTILE, "message": HOSTILE, "expected": {HOSTILE: HOSTILE},
        "found": {"args": [HOSTILE]},
    }  # fmt: skip
    ended = {**PROCESS, "end": "divergence", "status": None}
    replayer([START, divergence, ended, {**END, "divergences": 1, "status": 1}], 1)
    for arguments in (("verify",), ("verify", "--json")):
        status, out, _ = run(*arguments)
        assert status == 1
        assert all(line.isprintable() for line in out.splitlines())
        assert "\\u202e" in out
