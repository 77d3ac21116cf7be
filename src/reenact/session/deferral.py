"""Ctrl-C in a script, while something is in the middle of a change of its own state.

Python raises `KeyboardInterrupt` between any two instructions. A session that was left there would
not know any more where its copies stand. So Ctrl-C asks for the end of what runs, and is raised
behind it.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType


@contextlib.contextmanager
def deferred(end: Callable[[], None]) -> Iterator[None]:
    """Inside, Ctrl-C calls `end`; `KeyboardInterrupt` comes behind. The second one comes at once.

    Where somebody else handles Ctrl-C, or in another thread than the main one, nothing changes.
    """
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    pending: list[tuple[int, FrameType | None]] = []

    def note(number: int, frame: FrameType | None) -> None:
        if pending:
            signal.default_int_handler(number, frame)
        pending.append((number, frame))
        end()

    signal.signal(signal.SIGINT, note)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        if pending:
            signal.default_int_handler(*pending[0])
