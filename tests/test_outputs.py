"""Verify compares what a program writes with what it wrote: to files, pipes and sockets, always."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from recorded_run import Keeper, Reenact
from trace_editing import EditableTrace

TEXT = b"what is read goes out again, and nothing depends on it " * 13

#: Each gets out what it reads, by another call.
PROGRAMS = {
    "write": "os.write(1, text)",
    "writev": "os.writev(1, [text[:100], b'', text[100:]])",
    "pwrite": "os.pwrite(os.open('out', os.O_WRONLY | os.O_CREAT), text, 3)",
    "pwritev": "os.pwritev(os.open('out', os.O_WRONLY | os.O_CREAT), [text], 0)",
    "pipe": "os.write(os.pipe()[1], text)",
    "send": "import socket; pair = socket.socketpair(); pair[0].send(text)",
    "sendmsg": "import socket; pair = socket.socketpair(); pair[0].sendmsg([text[:7], text[7:]])",
}


@pytest.mark.parametrize("call", PROGRAMS)
def test_another_output_is_a_divergence(
    call: str, reenact: Reenact, keeper: Keeper, tmp_path: Path
) -> None:
    (tmp_path / "in").write_bytes(TEXT)
    script = f"import os; text = os.read(os.open('in', 0), 4096); {PROGRAMS[call]}"
    recorded = reenact.record([sys.executable, "-c", script], keeper.trace(), directory=tmp_path)
    assert recorded.status == 0, recorded.describe()
    assert not reenact.verify(keeper.trace())["divergences"]
    edit = EditableTrace(keeper.trace())
    (read,) = (each for each in edit.attachments() if each.length == len(TEXT))
    edit.save_with(read, 500, 0x20, keeper.trace() / "events")
    (divergence,) = reenact.verify(keeper.trace())["divergences"]
    assert divergence["what"] == "output"
    assert "are not those of the recording" in divergence["message"]
