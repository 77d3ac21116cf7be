"""What a client is told where a process ends, besides the signal that may have ended it."""

from __future__ import annotations

import signal

from reenact.session.session import Session
from reenact.session.values import Stop, StopReason


def is_death(session: Session, stop: Stop) -> bool:
    """Whether a stop is at the signal that ends the process."""
    return session.death is not None and stop.event == session.death.event


def death_text(session: Session, stop: Stop) -> str:
    """Why the program ended itself, or at the end of all how it ended; empty: nothing to say."""
    death = session.death
    if death is None and stop.reason == StopReason.END:
        return _exit_text(session)
    if death is None or not is_death(session, stop):
        return ""
    if stop.reason == StopReason.END:
        return f"reenact: {death.name} has ended the process here\n"
    if not death.is_logged:
        return (
            f"reenact: {death.name} has ended the process, and nothing tells where; "
            "this is the last moment of it that was recorded\n"
        )
    words = session.last_words()
    what = "abort" if death.signal == signal.SIGABRT else death.name
    return f"reenact: {what}: {words}\n" if words else ""


def _exit_text(session: Session) -> str:
    """How a process ended by itself: a client says of both ends that nothing follows."""
    process = next(one for one in session.trace.processes if one.number == session.process)
    if process.exit_status is not None:
        return f"reenact: the process exits here, with status {process.exit_status}\n"
    if not process.is_complete:
        return "reenact: the recording of the process ends here\n"
    return ""
