"""What a client is told where a signal ends the process, besides the signal itself."""

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
