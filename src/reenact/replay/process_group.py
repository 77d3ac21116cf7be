"""A replayer and all that it forks: a process group of its own, which ends when we end."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import signal
import subprocess
from collections.abc import Sequence

from reenact import _native, programs
from reenact.errors import MemoryLimitError, ReplayError
from reenact.replay import memory_watch
from reenact.replay.known_landings import KnownLandings
from reenact.replay.memory_watch import MemoryWatch
from reenact.stores.place import is_remote
from reenact.trace_files import check_kept_files

#: `fcntl` command that Python does not name (asm-generic/fcntl.h).
_F_SETSIG = 10


class ReplayerGroup:
    """A replayer's first process and the group of all that it forks.

    Arguments:
        trace: path of the trace directory, whose kept files must be as they were recorded.
        options: the rest of its command line.
        descriptors: what it inherits; the caller still has to close them.
        process: the one of its processes that is replayed; None: all.
        processes: how many of its processes replay at one moment, at most.
        keeps_errors: what it says on standard error can be read from `process.stderr`.

    Errors: `ReplayError` when it cannot be started, `TraceError` for a kept file that was changed.
    """

    def __init__(
        self,
        trace: str,
        options: Sequence[str],
        descriptors: Sequence[int],
        *,
        process: int | None,
        processes: int,
        keeps_errors: bool = False,
    ) -> None:
        # The replayer maps them unread.
        check_kept_files(trace, _fetched(trace, process))
        self._owner = os.getpid()
        most_memory = memory_watch.most_memory()
        program = programs.replayer()
        self._landings = KnownLandings(trace)
        self._life, life_of_replayer = os.pipe()
        inherited = [*descriptors, life_of_replayer]
        own = ["--life", str(life_of_replayer), "--processes", str(processes)]
        if self._landings.descriptor is not None:
            inherited.append(self._landings.descriptor)
            own += ["--landings", str(self._landings.descriptor)]
        try:
            self.process = subprocess.Popen(
                [program, *options, *own, trace],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE if keeps_errors else subprocess.DEVNULL,
                pass_fds=inherited,
                # A group of its own: it forks a process for each recorded one, and for copies.
                start_new_session=True,
            )
            _end_with_us(life_of_replayer, self.process.pid)
            self._memory = MemoryWatch(self.process.pid, most_memory, self.kill)
        except BaseException as error:
            os.close(self._life)
            self._landings.close()
            if isinstance(error, OSError):
                hint = "see ulimit -u, and end some" if error.errno == errno.EAGAIN else ""
                message = f"the replayer cannot be started: {error.strerror}"
                raise ReplayError(message, hint) from error
            raise
        finally:
            os.close(life_of_replayer)

    def excess(self) -> ReplayError | None:
        """Why it was ended, if that was for the memory it took."""
        if not self._memory.is_exceeded:
            return None
        return MemoryLimitError(
            f"the replay was ended: it took more than {self._memory.most >> 20} MiB of memory",
            "allow it more if the machine has it: REENACT_REPLAY_MEMORY, in MiB",
        )

    def ended(self) -> os.waitid_result | None:
        """How the first process has ended; it keeps its number, which is that of the group."""
        flags = os.WEXITED | os.WNOHANG | os.WNOWAIT
        return os.waitid(os.P_PID, self.process.pid, flags)

    def kill(self) -> None:
        """End all of its processes."""
        # Also when the first process is gone: its copies are still in the group. The number of
        # a group is not given away while one of them lives or the first has not been waited for.
        if self.process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)

    def close(self) -> None:
        """End all of its processes, and wait until the first is gone."""
        # A process that was forked from ours has copies of our objects, but not our replayer.
        if os.getpid() == self._owner:
            self._memory.close()
            self.kill()
            self.process.wait()
            self._landings.close()
        self._landings.forget()
        if self.process.stderr is not None:
            self.process.stderr.close()
        os.close(self._life)


def _fetched(trace: str, process: int | None) -> set[int] | None:
    """Have what a replay maps of a trace that is elsewhere; the files to check, None: all."""
    if not is_remote(trace):
        return None
    from reenact.stores import remote

    try:
        numbers = None if process is None else _native.Trace(trace).mapped_files(process)
    except _native.TraceError:
        numbers = None  # The replayer says what is wrong with it.
    remote.have(trace, numbers)
    return numbers


def killed_by(number: int) -> ReplayError:
    """What it means that a signal has ended the first process."""
    hints: dict[int, str] = {
        signal.SIGSYS: "it tried what no replay does: do not trust this trace, or report it if it "
        "is your own",
        signal.SIGKILL: "the machine may have run out of memory",
    }
    return ReplayError(f"the replayer was killed by signal {number}", hints.get(number, ""))


def _end_with_us(life: int, group: int) -> None:
    """Have the kernel kill the replayer's group when we end, however that happens.

    Arguments:
        life: the writing end of a pipe whose reading end only we have; the replayer inherits it.
            Nothing is ever written: the one thing that can happen to it is that we are gone.
        group: the replayer's process group.
    """
    fcntl.fcntl(life, fcntl.F_SETOWN, -group)
    fcntl.fcntl(life, _F_SETSIG, signal.SIGKILL)
    fcntl.fcntl(life, fcntl.F_SETFL, fcntl.fcntl(life, fcntl.F_GETFL) | os.O_ASYNC)
