"""Whether the kernel lets an ordinary program watch what it executes (`perf_event_open`)."""

from __future__ import annotations

import ctypes
import functools
import os
import struct

_PERF_EVENT_OPEN = 298
_SIZE = 128


@functools.cache
def are_allowed() -> bool:
    """Whether a breakpoint register can be had, with a signal for each hit."""
    exclude_kernel, exclude_hypervisor, remove_on_exec, sigtrap = 1 << 5, 1 << 6, 1 << 36, 1 << 37
    flags = exclude_kernel | exclude_hypervisor | remove_on_exec | sigtrap
    kind, execution, length = 5, 4, 8
    fields = struct.pack(
        "=IIQQQQQIIQQ", kind, _SIZE, 0, 1, 0, 0, flags, 0, execution, 0x1000, length
    )
    attributes = ctypes.create_string_buffer(fields, _SIZE)
    library = ctypes.CDLL(None, use_errno=True)
    library.syscall.restype = ctypes.c_long
    descriptor = library.syscall(
        ctypes.c_long(_PERF_EVENT_OPEN),
        attributes,
        ctypes.c_int(0),
        ctypes.c_int(-1),
        ctypes.c_int(-1),
        ctypes.c_ulong(8),
    )
    if descriptor < 0:
        return False
    os.close(descriptor)
    return True
