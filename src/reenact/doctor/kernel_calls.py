"""Raw system calls that Python has no function for, and a forked child to try them in."""

from __future__ import annotations

import ctypes
import errno
import os
from collections.abc import Callable

# Numbers of the x86-64 table (arch/x86/entry/syscalls/syscall_64.tbl).
SYS_IOCTL = 16
SYS_PTRACE = 101
SYS_PRCTL = 157
SYS_ARCH_PRCTL = 158
SYS_SECCOMP = 317
SYS_USERFAULTFD = 323

_library = ctypes.CDLL(None, use_errno=True)
_library.syscall.restype = ctypes.c_long


def call(number: int, *arguments: int) -> int:
    """Perform a system call.

    Returns its result, or the negative error number (as the kernel itself does).
    """
    result: int = _library.syscall(
        ctypes.c_long(number), *(ctypes.c_ulong(argument) for argument in arguments)
    )
    return -ctypes.get_errno() if result == -1 else result


def in_child(attempt: Callable[[], int]) -> int:
    """Run `attempt` in a forked child and return its result, from -124 to 0 (an error number).

    A child that dies counts as `-EFAULT`.
    """
    pid = os.fork()
    if pid == 0:
        # Nothing of the parent's (buffers, handlers) may run in the child.
        try:
            os._exit(min(max(-attempt(), 0), 124))
        except BaseException:
            os._exit(errno.EFAULT)
    _, status = os.waitpid(pid, 0)
    if os.WIFEXITED(status):
        return -os.WEXITSTATUS(status)
    return -errno.EFAULT


def error_name(result: int) -> str:
    """Name of a negative result, such as "EPERM"."""
    return errno.errorcode.get(-result, f"error {-result}")
