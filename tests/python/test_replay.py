"""The replayer's reports and output, parsed without a replayer."""

import dataclasses
import json
import struct

import pytest

from reenact.errors import ReplayError
from reenact.replay import reports
from reenact.replay.frames import FrameParser
from reenact.replay.output import OrderedOutput
from reenact.replay.verdict import MOST_NOTES, Collected, Recorded


def frame(process, stream, content, sequence=0, event=0, offset=0):
    header = struct.pack(
        "<IIIIQQQ", 0x6F726E72, process, stream, len(content), sequence, event, offset
    )
    return header + content


def test_unknown_types_and_fields_are_ignored():
    assert reports.parse(b'{"type":"news","x":1}') is None
    line = b'{"type":"progress","process":1,"event":2,"total":3,"mood":"good"}'
    assert reports.parse(line) == reports.Progressed(1, 2, 3)


@pytest.mark.parametrize(
    "line", [b"", b"{", b"[]", b"1", b"{}", b'{"type":"end"}', b"\xff", b'{"type":[]}']
)
def test_lines_that_are_no_reports(line):
    with pytest.raises(ReplayError, match="cannot be understood"):
        reports.parse(line)


SAMPLES = [
    {"type": "start", "version": 1, "processes": 1, "events": 2, "damaged_chunks": 0},
    {"type": "process", "process": 0, "parent": 1, "pid": 2, "events": 3, "instructions": 4,
     "end": "exit", "status": 0, "landings": 5, "searched": 6},
    {"type": "divergence", "process": 0, "event": 1, "instructions": 2, "what": "ip", "ip": "0x1",
     "message": "m", "expected": {"args": ["0x1"]}, "found": {"kind": "k"}, "registers": {}},
    {"type": "error", "process": 0, "event": 1, "message": "m", "hint": "h"},
    {"type": "internal-error", "process": 0, "event": 1, "message": "m", "signal": 1, "file": "f"},
    {"type": "note", "process": 0, "event": 1, "message": "m"},
    {"type": "progress", "process": 0, "event": 1, "total": 2},
    {"type": "end", "processes": 1, "divergences": 0, "errors": 0, "status": 0},
]  # fmt: skip
#: Of each kind of JSON, and numbers that are no 64-bit ones.
STRANGE = [None, True, -2, 1 << 64, 1.5, "text", [], [[]], {}, {"a": {"b": 1}}, {"a": [[1]]}]


def test_fields_of_strange_types_are_no_reports():
    """Or they are left out; nothing of them reaches those who count on the types."""
    for sample in SAMPLES:
        assert reports.parse(json.dumps(sample).encode()) is not None
        for name in sample:
            for strange in STRANGE:
                try:
                    report = reports.parse(json.dumps({**sample, name: strange}).encode())
                except ReplayError:
                    continue
                for field in dataclasses.fields(report) if report is not None else ():
                    value = getattr(report, field.name)
                    is_number = type(value) is int and -1 <= value < 1 << 64
                    is_status = field.name == "status" and type(value) is int
                    is_left_out = value is None and "None" in field.type
                    assert (
                        (field.type.startswith("int") and (is_number or is_status))
                        or (field.type == "str" and isinstance(value, str))
                        or (field.type == "bool" and isinstance(value, bool))
                        or (field.type.startswith("Mapping") and isinstance(value, dict))
                        or is_left_out
                    ), (sample, name, strange, report)


@pytest.mark.parametrize(
    "line",
    [
        b"[" * 4000,
        b'{"type":"note","x":' + b"[" * 2000 + b"]" * 2000 + b"}",
        b'{"type":"note","process":0,"event":0,"message":"' + b"x" * 4096 + b'"}',
        b'{"type":"progress","process":0,"event":0,"total":' + b"9" * 4040 + b"}",
    ],
)
def test_deep_and_long_lines_are_no_reports(line):
    with pytest.raises(ReplayError, match="cannot be understood"):
        reports.parse(line)


def test_reports_in_any_pieces():
    data = b"".join(json.dumps(sample).encode() + b"\n" for sample in SAMPLES)
    for size in (1, 7, 100, len(data)):
        reader = reports.LineReader()
        found = [r for at in range(0, len(data), size) for r in reader.feed(data[at : at + size])]
        assert [type(r).__name__ for r in found] == [
            "Started", "ProcessEnded", "Divergence", "Failed", "Failed", "Noted", "Progressed",
            "Ended",
        ]  # fmt: skip


def test_a_line_that_never_ends_is_given_up():
    reader = reports.LineReader()
    for _ in range(4):
        assert list(reader.feed(b"x" * 1000)) == []
    with pytest.raises(ReplayError, match="cannot be understood"):
        list(reader.feed(b"x" * 1000))


def test_a_million_reports_take_the_room_of_few():
    collected = Collected(Recorded({0: 10**9, 1: 10**9}, is_whole=True))
    note = reports.Noted(0, 1, "m")
    failed = reports.Failed(0, 1, "m", "", is_internal=False)
    for index in range(1_000_000):
        collected.take(reports.Progressed(index & 1, index, 10**9))
        collected.take(note)
        collected.take(failed)
    assert collected.events_done == 999_999 + 999_998
    assert len(collected.notes) == MOST_NOTES
    assert len(collected.failures) <= MOST_NOTES
    assert len(collected._done) == 2


def test_newer_protocol_is_refused():
    line = b'{"type":"start","version":2,"chunks":1,"damaged_chunks":0,"processes":1,"events":1}'
    with pytest.raises(ReplayError):
        reports.parse(line)


def test_internal_error_names_its_place():
    line = json.dumps({"type": "internal-error", "ip": "0x1", "signal": 11}).encode()
    failed = reports.parse(line)
    assert failed.is_internal
    assert failed.message == "the replayer stopped by a fault (ip 0x1, signal 11)"


def test_frames_in_any_pieces():
    data = frame(0, 1, b"hello") + frame(1, 2, b"") + frame(0, 1, b"x" * 4056)
    parser = FrameParser()
    found = [f for at in range(0, len(data), 7) for f in parser.feed(data[at : at + 7])]
    assert [f.content for f in found] == [b"hello", b"", b"x" * 4056]
    assert [f.stream for f in found] == [1, 2, 1]


@pytest.mark.parametrize(
    "data", [b"y" * 40, frame(0, 3, b""), frame(0, 1, b"")[:12] + b"\xff" * 28]
)
def test_bytes_that_are_no_frames(data):
    with pytest.raises(ReplayError):
        list(FrameParser().feed(data))


def take_all(output, data):
    for found in FrameParser().feed(data):
        output.take(found)


def test_output_of_several_processes_is_ordered():
    written = []
    with OrderedOutput(lambda stream, content: written.append((stream, content))) as output:
        output.expect_processes(2)
        take_all(output, frame(1, 1, b"c", 3) + frame(1, 2, b"d", 4))
        take_all(output, frame(0, 1, b"b", 1, offset=1) + frame(0, 1, b"a", 1))
        assert written == []
    assert written == [(1, b"a"), (1, b"b"), (1, b"c"), (2, b"d")]


def test_what_threads_have_logged_late_is_put_in_order():
    written = []
    with OrderedOutput(lambda stream, content: written.append(content)) as output:
        take_all(output, frame(0, 1, b"second", 1))
        output.expect_processes(1)
        assert written == []
        take_all(output, frame(0, 1, b"first", 0) + frame(0, 1, b"fourth", 3))
        assert written == [b"first", b"second"]
        take_all(output, frame(0, 1, b"third", 2))
        assert written == [b"first", b"second", b"third", b"fourth"]


def test_output_of_one_process_goes_through():
    written = []
    with OrderedOutput(lambda stream, content: written.append(content)) as output:
        take_all(output, frame(0, 1, b"early"))
        output.expect_processes(1)
        assert written == [b"early"]
        take_all(output, frame(0, 1, b"late"))
        assert written == [b"early", b"late"]
    assert written == [b"early", b"late"]
