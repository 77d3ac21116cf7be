"""Recording a program again and again until it fails, keeping only the failing run."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Sequence

from reenact import kept_sources, places
from reenact.recordings import Recording, record

_SEED_LIMIT = 1 << 63


class Retries:
    """How a series of recordings went.

    Arguments:
        last: the last run. Its trace exists only when it failed.
        runs: how many runs there were.
        failed: whether the last one failed.
        interrupted: whether Ctrl-C ended the series.
    """

    __slots__ = ("failed", "interrupted", "last", "runs")

    def __init__(self, last: Recording, runs: int, *, failed: bool, interrupted: bool) -> None:
        self.last = last
        self.runs = runs
        self.failed = failed
        self.interrupted = interrupted

    def __repr__(self) -> str:
        return f"Retries(runs={self.runs}, failed={self.failed}, last={self.last!r})"


def record_until_failure(
    argv: Sequence[str],
    trace: str | None = None,
    *,
    checksum_interval: int = 0,
    leave_code: bool = False,
    chaos_seed: int | None = None,
    timeout: float | None = None,
    runs: int | None = None,
    seconds: float | None = None,
    with_sources: bool = True,
) -> Retries:
    """Record a program until a run of it fails; the traces of the others are removed.

    A run fails that ends with another exit status than 0, by a signal, or not within `timeout`.

    Arguments:
        argv: the program (searched for in PATH) and its arguments.
        trace: directory to make; None: a new one in the default place.
        checksum_interval: checksum the program's memory every so many system calls; 0: never.
        leave_code: put nothing into the program's code, for programs that check it.
        chaos_seed: schedule threads at random; the run with number n, from 0, has this seed + n.
        timeout: seconds a run may take.
        runs: most runs to make; None: any number.
        with_sources: keep the source files that debug information names.
        seconds: begin no run later than this; None: any time.

    Errors: those of `reenact.recordings.record`.
    """
    end = None if seconds is None else time.monotonic() + seconds
    count = 0
    while True:
        seed = None if chaos_seed is None else (chaos_seed + count) % _SEED_LIMIT
        last = record(
            argv,
            trace,
            checksum_interval=checksum_interval,
            leave_code=leave_code,
            chaos_seed=seed,
            timeout=timeout,
            is_latest=False,
            with_sources=False,
        )
        count += 1
        # A program may turn Ctrl-C into an exit status: that is not the failure looked for.
        interrupted = last.interrupted or _died_by_ctrl_c(last.wait_status)
        failed = not interrupted and (last.wait_status != 0 or last.timed_out)
        over = (runs is not None and count >= runs) or (end is not None and time.monotonic() >= end)
        if failed and with_sources:
            kept_sources.keep(last.trace)
        if failed and trace is None:
            places.point_latest(last.trace)
        if not failed:
            shutil.rmtree(last.trace, ignore_errors=True)
            last.is_kept = False
        if failed or interrupted or over:
            return Retries(last, count, failed=failed, interrupted=interrupted)


def _died_by_ctrl_c(wait_status: int) -> bool:
    return os.WIFSIGNALED(wait_status) and os.WTERMSIG(wait_status) in (
        signal.SIGINT,
        signal.SIGQUIT,
    )
