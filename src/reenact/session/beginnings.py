"""Where the log of a process begins that does not begin with the process, in words."""

from __future__ import annotations

from reenact.events import Process


def told(processes: tuple[Process, ...], number: int) -> str:
    """One sentence about the oldest position of a process; empty where that is its start."""
    for process in processes:
        if process.number == number and process.begins_behind is not None:
            return (
                f"the recording of process {number} reaches back to event "
                f"{process.begins_behind}: what was before it has not been kept"
            )
    return ""
