"""Programs that people type to, on a pseudo-terminal."""

from __future__ import annotations

import shlex
import shutil

import pytest
import skips
from recorded_run import Keeper, Reenact, run

#: What is started, what is typed, and what then must be on the screen.
SESSIONS = {
    "bash": (
        "bash --norc --noprofile -i",
        b"echo $((6*7))\nsleep 0.2 &\nfg\nexit 0\n",
        b"42",
    ),
    "less": ("less /etc/passwd", b" q", b"root"),
    "python3": ("/usr/bin/python3 -q", b"print(6*7)\nexit()\n", b"42"),
    "vim": ("vim -u NONE -i NONE", b"ihello\033:q!\n", b"hello"),
}


@pytest.mark.parametrize("name", SESSIONS)
def test_session(name: str, reenact: Reenact, keeper: Keeper, tmp_path) -> None:
    """The session goes as it would, ends with status 0 and is replayed exactly."""
    command, typed, shown = SESSIONS[name]
    for needed in ("script", command.split()[0]):
        if shutil.which(needed) is None:
            skips.skip(skips.Reason.NO_PROGRAM, needed)
    record = shlex.join([*reenact.command, "record", "-q", "-o", str(keeper.trace()), "--"])
    ending = run(
        ["script", "-qec", f"{record} {command}", "/dev/null"],
        directory=tmp_path,
        variables={"TERM": "xterm", "PAGER": "cat"},
        stdin=typed,
    )
    assert ending.status == 0, ending.describe()
    assert shown in ending.stdout, ending.describe()
    report = reenact.verify(keeper.trace())
    assert not report["divergences"], report
