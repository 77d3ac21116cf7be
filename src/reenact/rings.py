"""Recordings in a ring that run now: finding them, and asking them something.

Each has a socket, to which a line of JSON is written and from which one is read
(crates/supervisor/src/ring_server.rs).
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import stat
from typing import Any

from reenact import environment, places
from reenact.errors import RecordingError

#: Most bytes of an address of a socket, with its NUL (unix(7)).
_LONGEST = 108
#: Seconds until an answer has to be there: a ring is written to the disk meanwhile.
_PATIENCE = 120.0


class RunningRing:
    """A recording in a ring that runs now.

    Arguments:
        path: of its socket.
        status: what it holds; docs/internals/ring-protocol.md.
    """

    def __init__(self, path: str, status: dict[str, Any]) -> None:
        self._path = path
        self.status = status

    @property
    def name(self) -> str:
        """What it is called: the name that its trace will have."""
        return os.path.basename(str(self.status.get("trace", "")))

    @property
    def pids(self) -> set[int]:
        """Of `reenact record`, and of all its processes that live."""
        processes = self.status.get("processes", [])
        return {
            self.status.get("pid", 0),
            *(one["pid"] for one in processes if not one["ended"]),
        }

    def save(self, trace: str) -> dict[str, Any]:
        """Write what it holds now; `trace`: absolute path of an empty directory.

        Errors: `RecordingError` when that does not work; the recording goes on.
        """
        return _asked(self._path, {"do": "save", "trace": trace})

    def where(self, pid: int) -> tuple[int, int]:
        """Where a process of it is: its number in the recording, and the event it logs next.

        Errors: `RecordingError` when it is none of this recording.
        """
        answer = _asked(self._path, {"do": "where", "pid": pid})
        return answer["process"], answer["event"]

    def save_on(self, moment: str) -> None:
        """Change when it becomes a trace at the end: "always", "error", "signal" or "never".

        Errors: `RecordingError` for another word.
        """
        _asked(self._path, {"do": "save-on", "moment": moment})

    def stop(self) -> None:
        """Record no longer; the program goes on, and what is held is kept until it ends."""
        _asked(self._path, {"do": "stop"})


def check_size(size: int) -> None:
    """Refuse a ring that this machine's memory cannot hold. Errors: `RecordingError`."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if size > memory // 2:
        raise RecordingError(
            f"a ring of {size >> 20} MiB is more than half of this machine's memory",
            f"choose at most --ring {memory >> 21}M",
        )


def socket_path() -> str:
    """Where a recording of this process can be asked. The directory is made.

    Errors: `RecordingError` when there is no place for it.
    """
    parent = _directory()
    try:
        os.makedirs(parent, mode=0o700, exist_ok=True)
        _check(parent)
        path = os.path.join(parent, f"ring-{os.getpid()}")
        number = 1
        while not _is_free(path):
            # Several of one Python program.
            number += 1
            path = os.path.join(parent, f"ring-{os.getpid()}.{number}")
    except OSError as error:
        raise RecordingError(
            f"there is no place for the socket of the ring: {parent}: {error.strerror}",
            "set XDG_RUNTIME_DIR to a directory of yours",
        ) from error
    return path


def running() -> list[RunningRing]:
    """All of this user's, by the names of their sockets."""
    parent = _directory()
    try:
        _check(parent)
        names = sorted(name for name in os.listdir(parent) if name.startswith("ring-"))
    except OSError:
        return []
    found = []
    for name in names:
        path = os.path.join(parent, name)
        try:
            found.append(RunningRing(path, _asked(path, {"do": "status"})))
        except ConnectionRefusedError:
            with contextlib.suppress(OSError):
                os.unlink(path)
        except (OSError, RecordingError):
            continue  # It is about to end.
    return found


def find(wanted: str) -> RunningRing:
    """The one that is meant, by a pid of it or its name.

    Errors: `RecordingError` where there is none, or several.
    """
    known = running()
    is_pid = wanted.isdecimal()
    found = [one for one in known if (int(wanted) in one.pids if is_pid else one.name == wanted)]
    if len(found) == 1:
        return found[0]
    hint = "see what is being recorded in rings: reenact status"
    if found:
        raise RecordingError(f"several recordings in rings are called {wanted}", hint)
    what = f"process {wanted} is not recorded" if is_pid else f"nothing called {wanted} is recorded"
    raise RecordingError(f"{what} in a ring", hint)


def save(ring: RunningRing, trace: str | None) -> dict[str, Any]:
    """Write what a ring holds now to a trace; what the ring says of it, the path among it.

    Arguments:
        ring: which one.
        trace: directory to make; None: a new one in the default place, which is the latest then.

    Errors: `RecordingError` when that does not work; nothing of it is left, the recording goes on.
    """
    if trace is None:
        command = ring.status.get("command") or [ring.name]
        path = places.create_default(str(command[0]))
    else:
        path = places.create_given(trace)
    try:
        saved = ring.save(path)
    except BaseException:
        import shutil

        # It was empty, and is of this command.
        shutil.rmtree(path, ignore_errors=True)
        raise
    if trace is None:
        places.point_latest(path)
    return saved


def _is_free(path: str) -> bool:
    """Whether nobody listens at a path: nothing is there then."""
    if not os.path.lexists(path):
        return True
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.connect(path)
    except OSError:
        # Of a process that was killed and had this number.
        os.unlink(path)
        return True
    return False


def _directory() -> str:
    chosen = environment.XDG_RUNTIME_DIR.get()
    if chosen is not None and os.path.isabs(chosen):
        parent = os.path.join(chosen, "reenact")
        if len(os.fsencode(parent)) + len("/ring-4194304.99") < _LONGEST:
            return parent
    return f"/tmp/reenact-{os.getuid()}"


def _check(parent: str) -> None:
    """Refuse a directory that is not ours alone."""
    found = os.lstat(parent)
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
        raise PermissionError(0, "it is not this user's alone")


def _asked(path: str, request: dict[str, Any]) -> dict[str, Any]:
    """The answer to a request. Errors: `RecordingError`; `OSError` when nobody listens."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(_PATIENCE)
        connection.connect(path)
        connection.sendall(json.dumps(request).encode() + b"\n")
        with connection.makefile("rb") as file:
            line = file.readline()
    try:
        answer = json.loads(line)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise RecordingError("the recording has ended meanwhile", "see what is left: reenact ls")
    if "error" in answer:
        raise RecordingError(str(answer["error"]), "choose another place with -o TRACE")
    return answer
