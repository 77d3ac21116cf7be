"""Ending a replayer with us: the kernel does it, however we end."""

from __future__ import annotations

import fcntl
import os
import signal

#: `fcntl` command that Python does not name (asm-generic/fcntl.h).
_F_SETSIG = 10


def end_with_us(life: int, group: int) -> None:
    """Have the kernel kill the replayer's group when we end, however that happens.

    Arguments:
        life: the writing end of a pipe whose reading end only we have; the replayer inherits it.
            Nothing is ever written: the one thing that can happen to it is that we are gone.
        group: the replayer's process group.
    """
    fcntl.fcntl(life, fcntl.F_SETOWN, -group)
    fcntl.fcntl(life, _F_SETSIG, signal.SIGKILL)
    fcntl.fcntl(life, fcntl.F_SETFL, fcntl.fcntl(life, fcntl.F_GETFL) | os.O_ASYNC)
