"""Memory: shared memory files, tracking of written pages, the reserved addresses."""

from __future__ import annotations

import ctypes
import os

from reenact.doctor.findings import BAD, GOOD, LIMITED, Finding
from reenact.doctor.kernel_calls import SYS_IOCTL, SYS_USERFAULTFD, call, error_name, in_child

# include/uapi/linux/userfaultfd.h
_UFFD_USER_MODE_ONLY = 1
_UFFDIO_API = 0xC018AA3F
_UFFD_API = 0xAA
_UFFD_FEATURE_WP_ASYNC = 1 << 15
# include/uapi/linux/fs.h: _IOWR('f', 16, struct pm_scan_arg), which has 12 times 8 bytes.
_PAGEMAP_SCAN = 0xC0606610
_PAGE_IS_WRITTEN = 1 << 1


class _ScanArguments(ctypes.Structure):
    """`struct pm_scan_arg`."""

    _fields_ = [
        (name, ctypes.c_uint64)
        for name in (
            "size",
            "flags",
            "start",
            "end",
            "walk_end",
            "vector",
            "vector_length",
            "maximum_pages",
            "category_inverted",
            "category_mask",
            "category_any_mask",
            "return_mask",
        )
    ]


def look() -> list[Finding]:
    """All findings about memory."""
    return [_memfd(), _write_tracking(), _page_scan()]


def _memfd() -> Finding:
    name, title = "memfd", "Shared memory files"
    try:
        os.close(os.memfd_create("reenact-doctor", os.MFD_CLOEXEC))
    except OSError as error:
        return Finding(
            name,
            title,
            BAD,
            f"memfd_create fails ({error.strerror})",
            "the log cannot leave the recorded process, so nothing can be recorded",
            "in a container, a seccomp profile that allows memfd_create(2)",
        )
    return Finding(name, title, GOOD, "memfd_create works", "logs are drained without copying")


def _try_write_tracking() -> int:
    descriptor = call(SYS_USERFAULTFD, os.O_CLOEXEC | _UFFD_USER_MODE_ONLY)
    if descriptor < 0:
        return descriptor
    request = (ctypes.c_uint64 * 3)(_UFFD_API, _UFFD_FEATURE_WP_ASYNC, 0)
    return call(SYS_IOCTL, descriptor, _UFFDIO_API, ctypes.addressof(request))


def _write_tracking() -> Finding:
    result = in_child(_try_write_tracking)
    return Finding(
        "userfaultfd",
        "userfaultfd WP_ASYNC",
        GOOD,
        "available" if result == 0 else f"not available ({error_name(result)})",
        "not used: signals inside computations are placed by checksums of all memory with content",
    )


def _try_page_scan() -> int:
    arguments = _ScanArguments(size=ctypes.sizeof(_ScanArguments))
    regions = (ctypes.c_uint64 * 3)()
    arguments.vector = ctypes.addressof(regions)
    arguments.vector_length = 1
    arguments.category_any_mask = _PAGE_IS_WRITTEN
    arguments.return_mask = _PAGE_IS_WRITTEN
    page = ctypes.addressof(regions) & ~4095
    arguments.start, arguments.end = page, page + 4096
    with open("/proc/self/pagemap", "rb") as pagemap:
        return min(0, call(SYS_IOCTL, pagemap.fileno(), _PAGEMAP_SCAN, ctypes.addressof(arguments)))


def _page_scan() -> Finding:
    result = in_child(_try_page_scan)
    name, title = "pagemap-scan", "PAGEMAP_SCAN"
    if result == 0:
        return Finding(
            name,
            title,
            GOOD,
            "available",
            "signals inside computations are placed by checksums of the pages that have content",
        )
    return Finding(
        name,
        title,
        LIMITED,
        f"not available ({error_name(result)})",
        "a signal inside a computation reads all writable memory, and mappings larger than "
        "256 MiB are left out of what tells its place",
        "Linux 6.7 or later",
    )
