"""Recording a program: the driver of the supervisor, which is native code.

No dataclass here: importing `dataclasses` costs more than the rest of `reenact record` does.
"""

from __future__ import annotations

import os

from reenact import _native, environment, kept_sources, places, programs
from reenact.errors import ProgramError, RecordingError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

#: Reasons not to record (`SupervisorError::kind`, crates/supervisor) that lie in the program.
_PROGRAM_KINDS = frozenset(
    (
        "command-not-found",
        "is-directory",
        "not-executable",
        "not-a-program",
        "damaged-program",
        "no-linker",
        "interpreted",
        "thirty-two-bit",
        "foreign-architecture",
        "privileged",
        "bad-script",
    )
)


#: When a ring becomes a trace at the end.
SAVE_ON = ("always", "error", "signal", "never")
#: The wait status of a process that has not ended (`NOT_KNOWN` in crates/supervisor).
_NOT_KNOWN = -1


class Recording:
    """What came of a recording.

    Arguments:
        trace: path of the trace directory.
        wait_status: how the program ended, as `os.waitpid` tells it.
        messages: what the trace does not cover, one sentence each.
        is_kept: whether the trace is there; somebody may have removed it meanwhile.
        is_saved: whether there was to be one: of a ring, `save_on` decides.
        chaos_seed: the seed of its schedule; None when threads were scheduled fairly.
        timed_out: whether we ended the program because it ran for too long.
        interrupted: whether Ctrl-C was pressed meanwhile.
    """

    __slots__ = (
        "chaos_seed",
        "interrupted",
        "is_kept",
        "is_saved",
        "messages",
        "timed_out",
        "trace",
        "wait_status",
    )

    def __init__(
        self,
        trace: str,
        wait_status: int,
        messages: Sequence[str] = (),
        *,
        is_kept: bool = True,
        is_saved: bool = True,
        chaos_seed: int | None = None,
        timed_out: bool = False,
        interrupted: bool = False,
    ) -> None:
        self.trace = trace
        self.wait_status = wait_status
        self.messages = tuple(messages)
        self.is_kept = is_kept
        self.is_saved = is_saved
        self.chaos_seed = chaos_seed
        self.timed_out = timed_out
        self.interrupted = interrupted

    def __repr__(self) -> str:
        return f"Recording(trace={self.trace!r}, exit_status={self.exit_status})"

    @property
    def exit_status(self) -> int:
        """The program's exit status, or the negative number of the signal it died by."""
        return os.waitstatus_to_exitcode(self.wait_status)


def record(
    argv: Sequence[str],
    trace: str | None = None,
    *,
    checksum_interval: int = 0,
    leave_code: bool = False,
    chaos_seed: int | None = None,
    timeout: float | None = None,
    is_latest: bool = True,
    with_sources: bool = True,
    ring: int | None = None,
    save_on: str = "error",
) -> Recording:
    """Run a program and record it, with our standard input, output and error as its own.

    Arguments:
        argv: the program (searched for in PATH) and its arguments.
        trace: directory to make; None: a new one in the default place.
        checksum_interval: checksum the program's memory every so many system calls; 0: never.
        leave_code: put nothing into the program's code, for programs that check it.
        chaos_seed: schedule threads at random, from this seed; None: fairly.
        timeout: seconds after which the program is ended (SIGABRT, then SIGKILL); None: never.
        with_sources: keep the source files that debug information names.
        is_latest: let `latest` name the trace when it is in the default place.
        ring: keep only the last part, so many bytes, in memory; None: all, in the trace.
        save_on: when a ring becomes a trace at the end: "always", "error" (the program fails, or
            one of its processes by a fault), "signal" (such a fault, or a signal ends the program)
            or "never".

    Errors: `ProgramError` for what cannot be recorded, `RecordingError` when it cannot begin.
    Does not raise when the program fails: look at `exit_status`.
    """
    if not argv or not argv[0]:
        raise ProgramError("no program was named", "reenact record -- PROGRAM ARGUMENTS")
    mechanism = environment.MECHANISM.get() or "auto"
    if mechanism not in ("auto", "dispatch", "seccomp"):
        raise RecordingError(
            f"{environment.MECHANISM.name} is {mechanism}, which is no way to catch system calls",
            f"unset {environment.MECHANISM.name}, or set it to dispatch or seccomp",
        )
    ring_socket = _checked_ring(ring, save_on)

    def make(directory: str) -> _native.RecordOutcome:
        return _native.record(
            directory,
            list(argv),
            recorder=programs.recorder(),
            checksum_interval=checksum_interval,
            leaves_code=leave_code,
            mechanism=mechanism,
            chaos_seed=chaos_seed,
            timeout=timeout,
            ring=ring,
            save_on=save_on,
            ring_socket=ring_socket,
        )

    recording = _made(argv[0], trace, make, is_latest=is_latest, with_sources=with_sources)
    recording.chaos_seed = chaos_seed
    return recording


def attach(
    pid: int,
    trace: str | None = None,
    *,
    attached: Callable[[], object] = bool,
    is_latest: bool = True,
    with_sources: bool = True,
    ring: int | None = None,
    save_on: str = "error",
) -> Recording:
    """Record a process that runs already, from now on until it ends or Ctrl-C is pressed.

    Arguments:
        pid: its number.
        trace: directory to make; None: a new one in the default place.
        attached: called when the process is recorded.
        is_latest: let `latest` name the trace when it is in the default place.
        with_sources: keep the source files that debug information names.
        ring: keep only the last part, so many bytes, in memory; None: all, in the trace.
        save_on: when a ring becomes a trace at the end, as for `record`.

    Errors: `RecordingError` when it cannot be attached to; it goes on then as if nothing had been.
    The `wait_status` of what is returned is 0 when it has not ended.
    """
    ring_socket = _checked_ring(ring, save_on)

    def make(directory: str) -> _native.RecordOutcome:
        return _native.attach(
            directory,
            pid,
            recorder=programs.recorder(),
            attached=attached,
            ring=ring,
            save_on=save_on,
            ring_socket=ring_socket,
        )

    recording = _made(_name_of(pid), trace, make, is_latest=is_latest, with_sources=with_sources)
    if recording.wait_status == _NOT_KNOWN:
        recording.wait_status = 0
    return recording


def detach(pid: int) -> None:
    """End the recording of a process that was attached to, and take the recorder out of it.

    Arguments:
        pid: its number.

    Errors: `RecordingError` when nothing of ours is in it, or it cannot be taken out: it goes on
    then as before, or no longer recorded but with the recorder in it, as the message says.
    """
    try:
        _native.detach(pid)
    except _native.RecordError as error:
        raise _explained(error) from error


def check_ring(size: int | None, save_on: str) -> None:
    """Refuse a ring that cannot be. Errors: `RecordingError`.

    Arguments: as `ring` and `save_on` of `record`.
    """
    if save_on not in SAVE_ON:
        raise RecordingError(
            f"save_on is {save_on!r}, which is no moment to save a ring",
            f"say one of {', '.join(SAVE_ON)}",
        )
    if size is not None:
        from reenact import rings

        rings.check_size(size)


def _checked_ring(size: int | None, save_on: str) -> str | None:
    """Where a ring can be asked, once it is known that there can be one; None: there is none."""
    check_ring(size, save_on)
    if size is None:
        return None
    from reenact import rings

    return rings.socket_path()


def _name_of(pid: int) -> str:
    try:
        with open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as file:
            return file.read().strip().replace("/", "_")
    except OSError:
        return ""


def _made(
    name: str,
    trace: str | None,
    make: Callable[[str], _native.RecordOutcome],
    *,
    is_latest: bool,
    with_sources: bool,
) -> Recording:
    """Make a recording in a directory of its own, with what belongs to it."""
    directory = places.create_default(name) if trace is None else places.create_given(trace)
    held = places.hold(directory)
    try:
        outcome = make(directory)
        is_kept = outcome.saved and places.is_kept(directory, held)
    except _native.RecordError as error:
        _remove_if_empty(directory)
        raise _explained(error) from error
    finally:
        os.close(held)
    if not outcome.saved:
        _remove_if_empty(directory)
    if with_sources and is_kept:
        kept_sources.keep(directory)
    if trace is None and is_latest and is_kept:
        places.point_latest(directory)
    return Recording(
        directory,
        outcome.wait_status,
        outcome.messages,
        is_kept=is_kept,
        is_saved=outcome.saved,
        timed_out=outcome.timed_out,
        interrupted=outcome.interrupted,
    )


def misplaced(
    *,
    chaos: bool,
    seed: int | None,
    until_failure: bool,
    runs: int | None,
    retry_for: float | None,
) -> tuple[str, str] | None:
    """A wish for a recording that means nothing without another one, and that one; None: no such.

    Arguments: as for `reenact.record`.
    """
    if seed is not None and not chaos:
        return "seed", "chaos"
    for name, value in (("runs", runs), ("retry_for", retry_for)):
        if value is not None and not until_failure:
            return name, "until_failure"
    return None


def first_seed(chosen: int | None) -> int:
    """The seed of a random schedule: the one chosen, else one short enough to be typed again."""
    return int.from_bytes(os.urandom(4), "little") if chosen is None else chosen


def _explained(error: _native.RecordError) -> ProgramError | RecordingError:
    message, kind, hint = error.args
    if kind in _PROGRAM_KINDS:
        return ProgramError(message, hint)
    return RecordingError(message, hint)


def _remove_if_empty(directory: str) -> None:
    try:
        os.rmdir(directory)
    except OSError:
        return
