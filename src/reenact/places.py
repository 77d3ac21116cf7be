"""Where traces live: the default directory, their names, and the `latest` link.

No pathlib here: importing it costs more than the rest of `reenact record` does.
"""

from __future__ import annotations

import fcntl
import os

from reenact import environment
from reenact.errors import RecordingError, ReenactError, TraceError

LATEST = "latest"
MANIFEST = "manifest.json"


def home() -> str:
    """The directory of traces that were given no place of their own. It need not exist."""
    chosen = environment.TRACE_DIR.get()
    if chosen is not None:
        return os.path.abspath(_expanded(chosen))
    data = environment.XDG_DATA_HOME.get()
    # The XDG specification: a relative path is invalid and to be ignored.
    if data is None or not os.path.isabs(data):
        data = os.path.join(_user_home(), ".local", "share")
    return os.path.join(data, "reenact")


def cache() -> str:
    """The directory of what recordings keep for later ones. It need not exist.

    As `cache_part` in crates/files finds it.
    """
    chosen = environment.XDG_CACHE_HOME.get()
    if chosen is None or not os.path.isabs(chosen):
        chosen = os.path.join(_user_home(), ".cache")
    return os.path.join(chosen, "reenact")


def _expanded(path: str) -> str:
    first, _, rest = path.partition("/")
    return os.path.join(_user_home(), rest) if first == "~" else os.path.expanduser(path)


def _user_home() -> str:
    """The home directory. `os.path.expanduser` takes an empty HOME for the root directory."""
    found = environment.HOME.get()
    if found is None or not os.path.isabs(found):
        import pwd

        try:
            found = pwd.getpwuid(os.getuid()).pw_dir
        except KeyError:
            found = ""
    if not os.path.isabs(found):
        raise ReenactError(
            "there is no place for traces: this user has no home directory",
            "set REENACT_TRACE_DIR, or name a place: reenact record -o TRACE",
        )
    return found


def is_trace(path: str) -> bool:
    """Whether a directory looks like a trace: it has a manifest."""
    return os.path.isfile(os.path.join(path, MANIFEST))


def create_default(program: str, parent: str | None = None) -> str:
    """Make and return the directory `<program>-<n>` for a new trace.

    Arguments:
        program: its name.
        parent: where; None: in `home()`.

    The directory is made at once, so that two recordings started together never share it.
    """
    parent = home() if parent is None else os.path.abspath(parent)
    name = os.path.basename(program.rstrip("/")) or "trace"
    try:
        os.makedirs(parent, mode=0o700, exist_ok=True)
        number = _highest_number(parent, name) + 1
        while True:
            path = os.path.join(parent, f"{name}-{number}")
            try:
                # A trace holds everything the program read: for its owner's eyes only.
                _make_private(path)
            except FileExistsError:
                number += 1
            else:
                return path
    except OSError as error:
        raise RecordingError(
            f"cannot make a trace directory in {parent}: {error.strerror}",
            "choose another place with -o TRACE or REENACT_TRACE_DIR",
        ) from error


def create_given(path: str) -> str:
    """Make the directory a person asked for with `-o`; one that exists must be empty."""
    path = os.path.abspath(path)
    try:
        _make_private(path)
    except FileExistsError:
        if not os.path.isdir(path):
            raise RecordingError(
                f"{path} exists and is not a directory", "choose another place with -o TRACE"
            ) from None
        if _is_populated(path):
            import shlex

            raise RecordingError(
                f"{path} exists and is not empty",
                f"choose another place with -o TRACE, or remove it: reenact rm {shlex.quote(path)}",
            ) from None
    except OSError as error:
        raise RecordingError(
            f"cannot make the trace directory {path}: {error.strerror}",
            "choose another place with -o TRACE or REENACT_TRACE_DIR",
        ) from error
    return path


def point_latest(trace: str) -> None:
    """Let `latest` in `home()` name a trace, replacing what it named in one step."""
    parent = home()
    temporary = os.path.join(parent, f".{LATEST}-{os.getpid()}")
    target = os.path.relpath(trace, parent) if os.path.dirname(trace) == parent else trace
    try:
        os.makedirs(parent, mode=0o700, exist_ok=True)
        os.symlink(target, temporary)
        os.replace(temporary, os.path.join(parent, LATEST))
    except OSError:
        # The link is a convenience; the recording that was made matters more.
        try:
            os.unlink(temporary)
        except OSError:
            return


def repair_latest() -> None:
    """After a removal: let `latest` name the newest trace left, or take it away."""
    link = os.path.join(home(), LATEST)
    if not os.path.islink(link) or os.path.exists(link):
        return
    left = all_traces()
    if left:
        point_latest(left[-1])
        return
    try:
        os.unlink(link)
    except OSError:
        return  # In a shared directory it can be another user's.


def hold(trace: str) -> int:
    """Mark a trace as being recorded, until the returned descriptor is closed or we die."""
    descriptor = os.open(trace, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        # A file system without locks: the mark is lost, the recording is not.
        return descriptor
    return descriptor


def is_kept(trace: str, held: int) -> bool:
    """Whether a directory that is held (see `hold`) still is the trace of that path."""
    try:
        now = os.stat(trace)
        os.stat(MANIFEST, dir_fd=held, follow_symlinks=False)
    except OSError:
        return False
    return os.path.samestat(now, os.fstat(held))


def is_being_recorded(trace: str) -> bool:
    """Whether somebody holds a trace (see `hold`)."""
    try:
        descriptor = os.open(trace, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise TraceError(f"cannot open {trace}: {error.strerror}") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return False


def locate(given: str | None) -> str:
    """The trace a person means: a path, a name in `home()`, or by default the latest one."""
    if given is None:
        path = os.path.join(home(), LATEST)
        if not os.path.isdir(path):
            raise TraceError(
                "no trace was named and there is no latest one",
                "record something first: reenact record -- PROGRAM",
            )
        if _is_planted(path):
            raise TraceError(
                f"{path} is another user's, so it is not followed",
                "name the trace; see the traces: reenact ls",
            )
        return os.path.realpath(path)
    if os.path.lexists(given):
        return os.path.abspath(given)
    named = os.path.join(home(), given)
    if "/" not in given and os.path.isdir(named):
        return os.path.realpath(named)
    raise TraceError(f"there is no trace {given}", "see the traces there are: reenact ls")


def _is_planted(path: str) -> bool:
    """Whether another user has made what lies in a directory that several may write to.

    The kernel's rule for symbolic links in such directories, and a stricter one: it looks at the
    sticky bit, too (fs.protected_symlinks in proc_sys_fs(5)).
    """
    owner = os.lstat(path).st_uid
    if owner in (0, os.geteuid()):
        return False
    around = os.stat(os.path.dirname(path))
    return around.st_uid != owner or around.st_mode & 0o022 != 0


def all_traces() -> list[str]:
    """Paths of all traces in `home()`, oldest first."""
    parent = home()
    found: list[tuple[float, str]] = []
    try:
        entries = list(os.scandir(parent))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise TraceError(f"cannot read {parent}: {error.strerror}") from error
    for entry in entries:
        try:
            if entry.is_dir(follow_symlinks=False) and is_trace(entry.path):
                made = os.stat(os.path.join(entry.path, MANIFEST)).st_mtime
                found.append((made, entry.path))
        except OSError:
            continue  # It is being removed, or is not for us to look at.
    return [path for _, path in sorted(found)]


def _make_private(path: str) -> None:
    os.mkdir(path, 0o700)
    # The file mode mask may have taken the owner's rights away.
    os.chmod(path, 0o700)


def _highest_number(parent: str, name: str) -> int:
    highest = 0
    for entry in os.listdir(parent):
        stem, _, number = entry.rpartition("-")
        if stem == name and number.isdecimal():
            highest = max(highest, int(number))
    return highest


def _is_populated(path: str) -> bool:
    with os.scandir(path) as entries:
        return any(True for _ in entries)
