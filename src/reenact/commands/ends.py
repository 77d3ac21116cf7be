"""How a recorded process ended, in words."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from reenact.events import Process


def ending(process: Process) -> str:
    """How a process ended, for people: "exit 0", "SIGSEGV (core dumped)", "cut"."""
    if process.exit_status is not None:
        return f"exit {process.exit_status}"
    if process.signal is not None:
        from reenact.terminal import signal_name

        return signal_name(process.signal) + (" (core dumped)" if process.dumped_core else "")
    return "unknown" if process.is_complete else "cut"
