"""A program that records itself: start, save and stop from inside.

Example:
    >>> from reenact import recorder
    >>> recorder.is_recording()
    False

The recording is made by another process, which attaches to this one as `reenact attach` does: it
needs the same permission, and begins with a snapshot of the program as it stands.
"""

from __future__ import annotations

import contextlib
import os
import socket
import sys

from reenact.errors import RecordingError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

#: Seconds until the program that records has to be there.
_PATIENCE = 60.0
#: Of a recording that `recording` made, when it has not been said.
_DEFAULT_RING = 256 << 20
_YAMA = "/proc/sys/kernel/yama/ptrace_scope"


class _Line:
    """The socket to whoever records us: lines of fields that are divided by tabs.

    docs/internals/inside-protocol.md.
    """

    def __init__(self, line: socket.socket) -> None:
        self._line = line
        self._lines = line.makefile("rb")
        self.owner = os.getpid()

    def ask(self, *fields: str) -> list[str]:
        """Say something, and read what is answered. Errors: `RecordingError`."""
        self.tell(*fields)
        return self.read()

    def tell(self, *fields: str) -> None:
        """Say something; who has gone away does not hear it."""
        with contextlib.suppress(OSError):
            self._line.sendall(os.fsencode("\t".join(fields) + "\n"))

    def read(self) -> list[str]:
        """The fields of the next line. Errors: `RecordingError` when it says that one happened."""
        try:
            line = self._lines.readline()
        except OSError:
            line = b""
        if not line.endswith(b"\n"):
            raise RecordingError(
                "the program that records this one has ended", "see what is left: reenact ls"
            )
        word, *rest = os.fsdecode(line[:-1]).split("\t")
        if word == "error":
            raise RecordingError(rest[0], "".join(rest[1:2]))
        return [word, *rest]

    def close(self) -> None:
        """Hear no more."""
        self._lines.close()
        self._line.close()


_current: _Line | None = None


def is_recording() -> bool:
    """Whether this process has started a recording of itself that goes on."""
    return _current is not None and _current.owner == os.getpid()


def start(
    trace: str | os.PathLike[str] | None = None,
    *,
    ring: int | None = None,
    save_on: str = "error",
    sources: bool = True,
) -> None:
    """Record this process from now on, with all its threads and whatever it starts.

    Arguments:
        trace: directory for the trace, which must not exist or be empty; None: a new one in the
            default place.
        ring: keep only the last part of the recording, about so many bytes, in memory, until
            `save` is called or `save_on` says so; None: all of it, in the trace.
        save_on: with `ring`, when that becomes a trace if the program ends: "always", "error" (the
            program fails, or one of its processes by a fault), "signal" (a signal ends the
            program, or at such a fault) or "never".
        sources: keep the source files that debug information names with the trace.

    Errors: `RecordingError` when it cannot be recorded, or is already; it goes on then.
    """
    global _current  # noqa: PLW0603 - a process is recorded once
    if is_recording():
        raise RecordingError("this process is recorded already", "stop that recording first")
    if ring is not None:
        from reenact import recordings

        recordings.check_ring(ring, save_on)
    words = ["attach", str(os.getpid()), "--sources", "yes" if sources else "no"]
    if trace is not None:
        words += ["-o", os.path.abspath(os.fspath(trace))]
    if ring is not None:
        words += ["--ring", str(ring), "--save-on", save_on]
    line = _started(words)
    try:
        _, pid = line.read()
        with _may_trace(int(pid)):
            line.ask("go")
    except BaseException:
        line.close()
        raise
    _current = line


def save(trace: str | os.PathLike[str] | None = None) -> str:
    """Write what the ring holds now to a trace; the program and the recording go on.

    A ring from outside, of `reenact record --ring` or `reenact attach --ring`, is saved as well.

    Arguments:
        trace: directory for it, as for `start`.

    Returns: its path.

    Errors: `RecordingError` when there is no ring, or it cannot be written; nothing is left then.
    """
    path = None if trace is None else os.path.abspath(os.fspath(trace))
    if not is_recording():
        from reenact import rings

        return str(rings.save(rings.find(str(os.getpid())), path)["trace"])
    return _line().ask("save", *([] if path is None else [path]))[1]


def where() -> str:
    """The position in the recording where this process is, as `0:4711`: good to have in a log.

    Errors: `RecordingError` when this process is not recorded in a ring, by itself or from outside.
    """
    from reenact import rings

    process, event = rings.find(str(os.getpid())).where(os.getpid())
    return f"{process}:{event}"


def save_on(moment: str) -> None:
    """Change when the ring becomes a trace if the program ends.

    Arguments:
        moment: as `save_on` of `start`.

    Errors: `RecordingError` when there is no ring, or for another word.
    """
    if not is_recording():
        from reenact import rings

        rings.find(str(os.getpid())).save_on(moment)
        return
    _line().ask("save-on", moment)


def stop() -> str | None:
    """Record no longer. A ring that was not saved is dropped.

    Returns: path of the trace that there is now; None: there is none, as a ring was not saved.

    Errors: `RecordingError` when this process has not started a recording.
    """
    global _current  # noqa: PLW0603 - a process is recorded once
    line = _line()
    try:
        _, trace, *_ = line.ask("stop")
    finally:
        _current = None
        line.close()
    return trace or None


class Kept:
    """What `recording` has kept.

    Arguments:
        trace: path of the trace; None: nothing was, or not yet.
    """

    def __init__(self) -> None:
        self.trace: str | None = None

    def __repr__(self) -> str:
        return f"Kept(trace={self.trace!r})"


@contextlib.contextmanager
def recording(
    trace: str | os.PathLike[str] | None = None,
    *,
    ring: int = _DEFAULT_RING,
    save_on: str = "error",
) -> Iterator[Kept]:
    """Record a block of this program in a ring, and keep it when that is wanted.

    Arguments:
        trace: directory for the trace, as for `start`.
        ring: about so many bytes of the recording are kept in memory.
        save_on: "error": an exception leaves the block (but for an exit with status 0), or the
            program fails in it; "always"; "signal": a signal ends the program in it; "never".

    Yields: a `Kept`, whose `trace` is set behind the block when there is one.

    Errors: as for `start`.
    """
    kept = Kept()
    start(trace, ring=ring, save_on=save_on)
    is_wanted = save_on == "always"
    try:
        yield kept
    except BaseException as error:
        has_succeeded = isinstance(error, SystemExit) and not error.code
        is_wanted |= save_on == "error" and not has_succeeded
        raise
    finally:
        # Whoever has stopped it in the block has had what there was.
        if is_recording():
            if is_wanted:
                _line().ask("save-on", "always")
            kept.trace = stop()


def _line() -> _Line:
    if _current is None or not is_recording():
        raise RecordingError(
            "this process has not started a recording", "call reenact.recorder.start first"
        )
    return _current


def _started(words: list[str]) -> _Line:
    """Start what records us; it is no child of ours for long."""
    import subprocess

    ours, theirs = socket.socketpair()
    with theirs:
        try:
            made = subprocess.run(
                [*own_command(), *words, "--inside", str(theirs.fileno())],
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                timeout=_PATIENCE,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            ours.close()
            raise RecordingError(
                f"what records this process cannot be started: {error}", "install reenact again"
            ) from error
    if made.returncode != 0:
        ours.close()
        raise RecordingError(
            f"what records this process has ended with status {made.returncode}",
            "see what it has said on standard error",
        )
    return _Line(ours)


def own_command() -> list[str]:
    """Words that run the command of this very package."""
    name = os.path.basename(sys.executable or "")
    if not name.startswith(("python", "pypy")):
        # An application with an interpreter in it.
        return ["reenact"]
    parent = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    # Modules of the directory that the program runs in are not meant.
    program = (
        "import sys; sys.path[:1] = [p for p in sys.path[:1] if p]; "
        f"sys.path.append({parent!r}); from reenact.command_line import program; program()"
    )
    return [sys.executable, "-c", program]


@contextlib.contextmanager
def _may_trace(pid: int) -> Iterator[None]:
    """Permit one process to attach to us where only parents may otherwise (yama's scope 1)."""
    scope = 0
    with contextlib.suppress(OSError, ValueError), open(_YAMA, encoding="ascii") as file:
        scope = int(file.read())
    if scope != 1:
        yield
        return
    _permit(pid)
    try:
        yield
    finally:
        _permit(0)


def _permit(pid: int) -> None:
    import ctypes

    set_ptracer = 0x59616D61  # PR_SET_PTRACER, prctl(2)
    ctypes.CDLL(None).prctl(set_ptracer, ctypes.c_ulong(pid), 0, 0, 0)
