"""Signals by gdb's own numbers (include/gdb/signals.def of gdb), which are nobody else's."""

from __future__ import annotations

#: gdb's number of each signal of Linux on x86-64, where it is another one.
_NUMBERS = {
    7: 10, 10: 30, 12: 31, 16: 143, 17: 20, 18: 19, 19: 17, 20: 18, 23: 16, 29: 23, 30: 32, 31: 12,
    32: 77, 64: 78,
}  # fmt: skip
_FIRST_REALTIME = 33
_LAST_REALTIME = 63
#: gdb's number of the first real-time signal.
_REALTIME = 45


def to_gdb(signal: int) -> int:
    """Gdb's number of a signal of Linux."""
    if _FIRST_REALTIME <= signal <= _LAST_REALTIME:
        return _REALTIME + signal - _FIRST_REALTIME
    return _NUMBERS.get(signal, signal)
