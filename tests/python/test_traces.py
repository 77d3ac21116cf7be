"""The commands that read traces."""

import json
import os
import re

import pytest
from made_traces import write_trace


def test_ls(run, home, trace):
    write_trace(home / "cat-1", format_version=99)
    (home / "no-trace").mkdir()
    status, out, _ = run("ls")
    assert status == 0
    assert "ls -l" in out
    assert "newer reenact" in out
    assert "no-trace" not in out
    listed = json.loads(run("ls", "--json")[1])
    assert sorted(entry["name"] for entry in listed["traces"]) == ["cat-1", "ls-1"]


def test_ls_of_nothing(run):
    status, out, _ = run("ls")
    assert status == 0
    assert out.startswith("No traces")


def test_rm(run, home, trace):
    other = write_trace(home / "ls-2")
    assert run("rm", "ls-1") == (0, "", "")
    assert not trace.exists()
    assert os.readlink(home / "latest") == "ls-2"
    assert run("rm", "--all")[0] == 0
    assert not other.exists()
    assert os.listdir(home) == []


def test_rm_of_a_link_removes_its_trace_only(run, home, trace):
    assert run("rm", "latest")[0] == 0
    assert os.listdir(home) == []


def test_rm_refuses_everything_when_one_is_no_trace(run, trace, tmp_path):
    (tmp_path / "precious").mkdir()
    status, _, err = run("rm", "ls-1", str(tmp_path / "precious"))
    assert status == 125
    assert "is not a trace" in err
    assert trace.exists()


def test_rm_refuses_a_trace_being_recorded(run, trace):
    from reenact import places

    held = places.hold(str(trace))
    status, _, err = run("rm", "ls-1")
    os.close(held)
    assert status == 125
    assert "is being recorded" in err


def test_info(run, native, trace):
    status, out, _ = run("info")
    assert status == 0
    assert "command    ls -l" in out
    assert "recording  complete" in out
    assert re.search("^ended +exit 0$", out, re.MULTILINE)
    assert "duration   0.012 s" in out
    assert "damage     20 B of the log" in out
    fields = json.loads(run("info", "--json")[1])
    assert (fields["processes"], fields["events"]) == (2, 3)


def test_info_of_a_cut_trace(run, native, trace):
    (trace / "manifest.json").write_text('{"format_version": 1, "complete": false}')
    assert "cut short" in run("info")[1]


def test_ps(run, native, trace):
    status, out, _ = run("ps")
    assert status == 0
    assert "sh -c 'a b'" in out
    assert "SIGSEGV" in out
    assert "\x1b" not in out
    listed = json.loads(run("ps", "--json")[1])["processes"]
    assert [process["signal"] for process in listed] == [None, 11]


def test_dump(run, native, trace):
    status, out, _ = run("dump")
    assert status == 0
    assert [line.split()[0] for line in out.splitlines()] == ["0:0", "0:1", "0:2"]


@pytest.mark.parametrize(
    ("text", "indexes"),
    [("1", [1]), ("1:", [1, 2]), (":1", [0, 1]), ("0:1", [0, 1]), ("5:", [])],
)
def test_dump_range(run, native, trace, text, indexes):
    out = run("dump", "--json", "--range", text)[1]
    assert [json.loads(line)["event"] for line in out.splitlines()] == indexes


def test_dump_kind_and_data(run, native, trace):
    out = run("dump", "--kind", "syscall", "--data")[1]
    assert out.splitlines()[1].strip() == r'write 0x1000 5 bytes "\177ELF\""'
    (line,) = run("dump", "--kind", "syscall", "--data", "--json")[1].splitlines()
    event = json.loads(line)
    assert event["register_checksum"] == "0x8000000000000000"
    assert event["flags"] == ["stdout"]
    assert event["data"] == [{"tag": "write", "address": "0x1000", "bytes": "7f454c4622"}]


def test_dump_of_a_process_that_is_not_there(run, native, trace):
    status, _, err = run("dump", "--process", "9")
    assert status == 125
    assert "has no process 9" in err


def test_damaged_trace(run, native, trace):
    class Damaged:
        def __init__(self, _path):
            raise native.TraceError("the log is damaged at byte 7", "damaged-chunk")

    native.Trace = Damaged
    status, _, err = run("ps")
    assert status == 125
    assert err.startswith("reenact: the log is damaged at byte 7\n")


def test_manifest_version_is_the_format_s():
    from pathlib import Path

    from reenact.manifest import FORMAT_VERSION

    source = Path(__file__).parents[2] / "crates" / "trace" / "src" / "lib.rs"
    assert f"FORMAT_VERSION: u32 = {FORMAT_VERSION};" in source.read_text()


def test_kinds_are_the_format_s():
    import re
    from pathlib import Path

    from reenact.events import KINDS

    source = Path(__file__).parents[2] / "crates" / "trace" / "src" / "event.rs"
    kinds = source.read_text().partition("pub fn name(self)")[2].partition("\n    }\n")[0]
    names = re.findall(r'^            \w+ => "([a-z-]+)",$', kinds, re.MULTILINE)
    assert tuple(names) == KINDS
