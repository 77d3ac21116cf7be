"""Ending our own process the way the recorded program ended."""

from __future__ import annotations

import os

_PR_SET_DUMPABLE = 4


def end_like(wait_status: int) -> int:
    """The exit status to end with; does not return when the program died by a signal."""
    if not os.WIFSIGNALED(wait_status):
        return os.waitstatus_to_exitcode(wait_status)
    import signal

    number = os.WTERMSIG(wait_status)
    _forbid_core_dump()
    if number not in (signal.SIGKILL, signal.SIGSTOP):
        signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [number])
    os.kill(os.getpid(), number)
    # Only a signal whose default is not to kill comes here; a shell would say this.
    return 128 + number


def _forbid_core_dump() -> None:
    """The program's own core dump is the one of interest; ours would overwrite it."""
    import ctypes
    import resource

    # The limit stops core files; a kernel that pipes core dumps ignores it but not this flag.
    ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, hard))
