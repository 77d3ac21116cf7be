"""Starting a replayer that serves, ending it, and finding out why it has died."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from typing import Union

from reenact import programs
from reenact.errors import ReplayError
from reenact.replay.life import end_with_us
from reenact.replay.reports import Divergence, Failed, parse
from reenact.session.server import Server

#: How long a replayer whose socket is closed may take to be gone, seconds. A copy may die alone.
_PATIENCE = 1.0


class ServingReplayer:
    """The replayer's first process and the group of all its copies.

    Arguments:
        trace: path of the trace directory.
        process: number of the process to serve.

    Errors: `ReplayError` when it cannot be started, or does not reach the process.
    """

    def __init__(self, trace: str, process: int) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._reports, reports_to = os.pipe()
        self._life, life_of_replayer = os.pipe()
        inherited = [theirs.fileno(), reports_to, life_of_replayer]
        options = ["--process", str(process), "--control", str(theirs.fileno())]
        try:
            self._process = subprocess.Popen(
                [programs.replayer(), *options, "--report", str(reports_to), trace],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=inherited,
                # A group of its own: it forks copies of itself.
                start_new_session=True,
            )
            end_with_us(life_of_replayer, self._process.pid)
        except OSError as error:
            ours.close()
            self._close_descriptors()
            raise ReplayError(f"the replayer cannot be started: {error.strerror}") from error
        finally:
            theirs.close()
            os.close(reports_to)
            os.close(life_of_replayer)
        self._is_closed = False
        self._cause: ReplayError | None = None
        try:
            self.first = Server(ours, self.explain, self._process.pid)
        except BaseException:
            ours.close()
            self.close()
            raise

    def explain(self) -> ReplayError:
        """Why it has died: what it reported, or how it ended. Its copies are ended, too."""
        if self._cause is None:
            self._cause = self._find_cause()
            self._kill()
        return self._cause

    def _find_cause(self) -> ReplayError:
        if self._is_closed:
            return ReplayError("the session has been closed", "open another one")
        failure = self._reported_failure()
        if isinstance(failure, Divergence):
            return ReplayError(
                f"the replay departs from the recording before process {failure.process} can be "
                f"looked at: {failure.message}",
                "see all of it: reenact verify TRACE",
            )
        if failure is not None:
            where = "" if failure.process is None else f" (process {failure.process})"
            return ReplayError(f"the replay failed: {failure.message}{where}", failure.hint)
        ended = self._ended()
        is_killed = ended is not None and ended.si_code in (os.CLD_KILLED, os.CLD_DUMPED)
        how = f"was killed by signal {ended.si_status}" if ended and is_killed else "has died"
        return ReplayError(f"the replayer {how}", "open the session again")

    def _ended(self) -> os.waitid_result | None:
        """How the first process has ended; it keeps its number, which is that of the group."""
        return os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)

    def _reported_failure(self) -> Union[Failed, Divergence, None]:
        os.set_blocking(self._reports, False)
        content = b""
        deadline = time.monotonic() + _PATIENCE
        is_over = False
        while not is_over:
            # Once more after its end: what it said last.
            is_over = self._ended() is not None or time.monotonic() > deadline
            with contextlib.suppress(BlockingIOError):
                while part := os.read(self._reports, 1 << 16):
                    content += part
            if not is_over:
                time.sleep(0.01)
        reports = [parse(line) for line in content.split(b"\n") if line]
        failures = [report for report in reports if isinstance(report, (Failed, Divergence))]
        return failures[0] if failures else None

    def close(self) -> None:
        """End all of its processes."""
        if self._is_closed:
            return
        self._is_closed = True
        self._kill()
        self._process.wait()
        self._close_descriptors()

    def _kill(self) -> None:
        # Also when the first process is gone: its copies are still in the group. The number of
        # a group is not given away while one of them lives or the first has not been waited for.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def _close_descriptors(self) -> None:
        os.close(self._reports)
        os.close(self._life)
