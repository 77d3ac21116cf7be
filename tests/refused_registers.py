"""Prints what a session stops at without breakpoint registers: TRACE, NAME of points."""

from __future__ import annotations

import ctypes
import struct
import sys

import execution_watches
import test_session_engines

import reenact

_PERF_EVENT_OPEN = 298
_NO_NEW_PRIVILEGES, _SECCOMP, _FILTER = 38, 22, 2
_REFUSED, _ALLOWED = 0x0005_000D, 0x7FFF_0000


def refuse() -> None:
    """From here on `perf_event_open` fails with EACCES, as in many containers."""
    steps = ((0x20, 0, 0, 0), (0x15, 0, 1, _PERF_EVENT_OPEN), (6, 0, 0, _REFUSED))
    code = b"".join(struct.pack("<HBBI", *step) for step in (*steps, (6, 0, 0, _ALLOWED)))
    held = ctypes.create_string_buffer(code)
    program = ctypes.create_string_buffer(struct.pack("<HxxxxxxQ", 4, ctypes.addressof(held)))
    library = ctypes.CDLL(None, use_errno=True)
    library.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    if library.prctl(_SECCOMP, _FILTER, program, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "no filter")


if __name__ == "__main__":
    refuse()
    assert not execution_watches.are_allowed()
    with reenact.open(sys.argv[1]).replay() as session:
        print(test_session_engines.fingerprint(session, sys.argv[2]))
