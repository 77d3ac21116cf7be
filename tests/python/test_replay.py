"""The replayer's reports and output, parsed without a replayer."""

import json
import struct

import pytest

from reenact.errors import ReplayError
from reenact.replay import reports
from reenact.replay.frames import FrameParser
from reenact.replay.output import OrderedOutput


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


def test_output_of_one_process_goes_through():
    written = []
    with OrderedOutput(lambda stream, content: written.append(content)) as output:
        take_all(output, frame(0, 1, b"early"))
        output.expect_processes(1)
        assert written == [b"early"]
        take_all(output, frame(0, 1, b"late"))
        assert written == [b"early", b"late"]
    assert written == [b"early", b"late"]
