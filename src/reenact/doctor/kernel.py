"""The kernel: its version, and how system calls of a program can be caught."""

from __future__ import annotations

import ctypes
import errno
import os
import platform

from reenact.doctor.findings import BAD, GOOD, LIMITED, Finding
from reenact.doctor.kernel_calls import (
    SYS_PRCTL,
    SYS_PTRACE,
    SYS_SECCOMP,
    call,
    error_name,
    in_child,
)

# include/uapi/linux/prctl.h
_PR_SET_SYSCALL_USER_DISPATCH, _PR_SYS_DISPATCH_ON = 59, 1
# include/uapi/linux/seccomp.h
_SECCOMP_GET_ACTION_AVAIL = 2
_SECCOMP_RET_TRAP = 0x00030000
_PTRACE_TRACEME = 0

_DISPATCH_SYSCTL = "/proc/sys/kernel/syscall_user_dispatch"
_YAMA = "/proc/sys/kernel/yama/ptrace_scope"


def look() -> list[Finding]:
    """All findings about the kernel."""
    return [_version(), _dispatch(), _seccomp(), _ptrace(), _vdso()]


def _version() -> Finding:
    release = platform.release()
    machine = platform.machine()
    if platform.system() != "Linux" or machine != "x86_64":
        return Finding(
            "kernel",
            "Kernel",
            BAD,
            f"{platform.system()} {release} on {machine}",
            "reenact records and replays x86-64 programs on Linux only",
            "use an x86-64 Linux machine, virtual machine or container",
        )
    numbers = tuple(int(part) for part in release.split("-")[0].split(".")[:2] if part.isdecimal())
    if numbers < (5, 11):
        return Finding(
            "kernel",
            "Kernel",
            LIMITED,
            f"Linux {release}",
            "older than 5.11, which brought the dispatch of system calls to user code",
            "a kernel of 5.11 or later",
        )
    return Finding("kernel", "Kernel", GOOD, f"Linux {release}", "recent enough for everything")


# 0 is SYSCALL_DISPATCH_FILTER_ALLOW. The kernel reads it at every later system call of the
# child, so it must outlive the function that arms the dispatch.
_allow = ctypes.c_ubyte(0)


def _try_dispatch() -> int:
    return call(
        SYS_PRCTL,
        _PR_SET_SYSCALL_USER_DISPATCH,
        _PR_SYS_DISPATCH_ON,
        0,
        0,
        ctypes.addressof(_allow),
    )


def _dispatch() -> Finding:
    result = in_child(_try_dispatch)
    name, title = "dispatch", "Syscall User Dispatch"
    if result == 0:
        return Finding(
            name, title, GOOD, "available", "system calls are caught natively, without ptrace"
        )
    remedy = "a kernel of 5.11 or later with CONFIG_GENERIC_ENTRY"
    if os.path.exists(_DISPATCH_SYSCTL):
        remedy = "switch it on: sysctl kernel.syscall_user_dispatch=1"
    return Finding(
        name,
        title,
        LIMITED,
        f"not available ({error_name(result)})",
        "system calls are caught by a seccomp filter instead, which is as complete",
        remedy,
    )


def _try_seccomp() -> int:
    action = ctypes.c_uint32(_SECCOMP_RET_TRAP)
    return call(SYS_SECCOMP, _SECCOMP_GET_ACTION_AVAIL, 0, ctypes.addressof(action))


def _seccomp() -> Finding:
    result = in_child(_try_seccomp)
    name, title = "seccomp", "seccomp filters"
    if result == 0:
        return Finding(
            name, title, GOOD, "available", "replays are sandboxed; also the second way to record"
        )
    return Finding(
        name,
        title,
        BAD,
        f"not available ({error_name(result)})",
        "a trace cannot be replayed in a sandbox, so it is not replayed",
        "a kernel with CONFIG_SECCOMP_FILTER; in a container, a profile that allows seccomp(2)",
    )


def _try_ptrace() -> int:
    return call(SYS_PTRACE, _PTRACE_TRACEME, 0, 0, 0)


def _ptrace() -> Finding:
    result = in_child(_try_ptrace)
    scope = _read(_YAMA)
    name, title = "ptrace", "ptrace permission"
    found = "allowed" if result == 0 else f"forbidden ({error_name(result)})"
    if scope is not None:
        found += f", yama scope {scope}"
    if result != 0 or scope == "3":
        return Finding(
            name,
            title,
            GOOD,
            found,
            "recording does not need it: the recorder loads the program itself",
        )
    return Finding(name, title, GOOD, found, "not needed for recording and replaying")


def _vdso() -> Finding:
    present = "[vdso]" in (_read("/proc/self/maps") or "")
    name, title = "vdso", "vDSO"
    if present:
        return Finding(
            name, title, GOOD, "present", "clock reads are recorded at nearly native speed"
        )
    return Finding(
        name,
        title,
        LIMITED,
        "absent",
        "every clock read is a system call: programs that read clocks often are slower",
        "boot without vdso=0",
    )


def _read(path: str) -> str | None:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read().strip()
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.EACCES, errno.EPERM):
            return None
        raise
