"""The processor: whether CPUID can be caught, and the vector registers."""

from __future__ import annotations

from reenact.doctor.findings import GOOD, LIMITED, Finding
from reenact.doctor.kernel_calls import SYS_ARCH_PRCTL, call, in_child

# arch/x86/include/uapi/asm/prctl.h
_ARCH_SET_CPUID = 0x1012


def look() -> list[Finding]:
    """All findings about the processor."""
    model, flags = _describe()
    return [_cpuid_faulting(), _vectors(model, flags)]


def _describe() -> tuple[str, frozenset[str]]:
    model, flags = "unknown processor", frozenset[str]()
    with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
        for line in file:
            key, _, value = line.partition(":")
            if key.strip() == "model name":
                model = value.strip()
            elif key.strip() == "flags":
                flags = frozenset(value.split())
                break
    return model, flags


def _cpuid_faulting() -> Finding:
    result = in_child(lambda: call(SYS_ARCH_PRCTL, _ARCH_SET_CPUID, 0))
    name, title = "cpuid-faulting", "CPUID faulting"
    if result == 0:
        return Finding(name, title, GOOD, "available", "every CPUID instruction can be caught")
    return Finding(
        name,
        title,
        GOOD,
        "not available",
        "CPUID instructions are found by decoding a program's code; usual on virtual machines",
    )


def _vectors(model: str, flags: frozenset[str]) -> Finding:
    widest = next(
        (name for flag, name in _VECTORS if flag in flags),
        "SSE",
    )
    if "xsave" not in flags:
        return Finding(
            "vectors",
            "Processor",
            LIMITED,
            f"{model}, {widest}, no XSAVE",
            "vector registers in signal handlers are kept by the older FXSAVE",
        )
    return Finding(
        "vectors",
        "Processor",
        GOOD,
        f"{model}, {widest}",
        "traces that use its vector instructions replay on processors that have them too",
    )


_VECTORS = (("avx512f", "AVX-512"), ("avx2", "AVX2"), ("avx", "AVX"))
