"""Opening the debugger a person has on a session, or waiting for one elsewhere."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator

from reenact import _native, environment
from reenact.errors import ReenactError, UsageError
from reenact.gdb.debugged import Debugged
from reenact.gdb.process_outline import ProcessOutline
from reenact.gdb.server import Conversation
from reenact.gdb.sysroot import BY_NAME, build, source_rules
from reenact.gdb.user_checkpoints import UserCheckpoints
from reenact.kept_sources import Sources
from reenact.session.session import Session
from reenact.symbols.debuginfod import answering, named, servers_for
from reenact.symbols.files import ModuleFiles, debug_directories, numbers_here

_HERE = os.path.dirname(os.path.abspath(__file__))
_COMMANDS = os.path.join(_HERE, "commands_in_gdb.py")
_LOOPS = os.path.join(_HERE, "loops_in_gdb.py")
#: Where a socket can be: the address of one has 108 bytes (unix(7)).
_SOCKET_PLACE = re.compile(r"/[A-Za-z0-9_./+@=-]{0,80}")
#: A gdb before 12, or built without it, has no such setting.
_DEBUGINFOD = (
    "python exec(\"try: gdb.execute('set debuginfod enabled {}')\\nexcept gdb.error: pass\")"
)
#: Directories that gdb looks for debug files in, before those that the user's own settings name.
_DEBUG_FILES = (
    "python own = {!r}.split(':'); its = str(gdb.parameter('debug-file-directory') or '');"
    " gdb.execute('set debug-file-directory '"
    " + ':'.join(own + [one for one in its.split(':') if one and one not in own]))"
)
#: An option of gdb that names an interpreter for programs, with or without its value.
_INTERPRETER = re.compile(r"--?(?:i|interp|interpreter)(?:=(.*))?")
#: Seconds a debugger may take to end when asked to.
_PATIENCE = 5.0
_INSTALLED_SCRIPTS = os.path.join(_HERE, "installed_scripts_in_gdb.py")


def find_gdb(name: str | None) -> str:
    """Path of gdb. Errors: `ReenactError` when there is none."""
    found = shutil.which(name or "gdb")
    if found is None:
        raise ReenactError(
            f"{name or 'gdb'} is not installed",
            "install gdb (on Debian: apt install gdb), or use another machine's: "
            "reenact replay --server HOST:PORT",
        )
    return found


def run_gdb(session: Session, gdb: str, arguments: list[str]) -> int:
    """Open gdb on a session; returns when it has ended, with its exit status.

    Arguments:
        session: what it debugs.
        gdb: path of gdb.
        arguments: further arguments for it, which it looks at once it is connected.
    """
    with _socket_directory() as directory, contextlib.ExitStack() as stack:
        path = os.path.join(directory, "gdb")
        conversations: list[Conversation] = []
        with socket.socket(socket.AF_UNIX) as listener, _interrupts_for(conversations):
            listener.bind(path)
            listener.listen(1)
            sysroot = _sysroot(session, directory)
            debugged = stack.enter_context(contextlib.closing(Debugged(session)))
            command = [gdb, "-quiet", *_without_scripts_of(session.trace.path)]
            command += ["-ex", f"set sysroot {sysroot}", "-x", _INSTALLED_SCRIPTS]
            command += ["-ex", f"set solib-search-path {sysroot}/{BY_NAME}"]
            servers = servers_for(session.trace.path)
            urls = [] if servers is None else answering(named())
            command += ["-iex", _DEBUGINFOD.format("on" if urls else "off")]
            fetched = [] if servers is None else [servers.directory]
            directories = ":".join([*debug_directories(), *fetched])
            if directories.isprintable():
                command += ["-ex", _DEBUG_FILES.format(directories)]
            command += ["-x", _source_rules(session, directory)]
            # A call that a branch cannot make ends where it began.
            command += ["-ex", "set unwindonsignal on"]
            # On a busy machine an answer may take longer than the two seconds that gdb waits.
            command += ["-ex", "set remotetimeout 600"]
            connect = f"target extended-remote {path}"
            if not _has_front_end(arguments):
                # What gdb says of each file that it opens is of no use to a person.
                connect = f"python gdb.execute('{connect}', to_string=True)"
            command += ["-ex", connect, "-x", _COMMANDS, "-x", _LOOPS]
            command += arguments
            # One that does not answer would be waited for at each file.
            debugger = subprocess.Popen(
                command, env={**os.environ, environment.DEBUGINFOD_URLS.name: " ".join(urls)}
            )
            try:
                _serve_debugger(debugged, directory, listener, debugger, conversations)
                status = debugger.wait()
                # As a shell says that a signal has ended it.
                return status if status >= 0 else 128 - status
            finally:
                _end(debugger)


def _sysroot(session: Session, directory: str) -> str:
    """A tree with the files of the recorded machine, as far as the trace has them."""
    root = os.path.join(directory, f"files-{session.process}")
    if os.path.isdir(root):
        return root
    trace = _native.Trace(session.trace.path)
    files = ModuleFiles.of_trace(session.trace.path)
    try:
        os.mkdir(root, 0o700)
        numbers = numbers_here(trace, session.trace.path)
        build(root, files, numbers, ProcessOutline.of(trace, session.process).images)
    except OSError as error:
        raise ReenactError(
            f"the recorded files cannot be shown to gdb in {root}: {error.strerror}",
            "set TMPDIR to a directory in which there is room",
        ) from error
    return root


def _source_rules(session: Session, directory: str) -> str:
    """A script that tells gdb where it finds the sources that the trace has kept."""
    script = os.path.join(directory, "sources.gdb")
    try:
        rules = source_rules(os.path.join(directory, "sources"), Sources(session.trace.path))
        with open(script, "x", encoding="ascii") as file:
            file.writelines(f"set substitute-path {before} {now}\n" for before, now in rules)
        return script
    except OSError as error:
        raise ReenactError(
            f"the kept sources cannot be shown to gdb in {directory}: {error.strerror}",
            "set TMPDIR to a directory in which there is room",
        ) from error


@contextlib.contextmanager
def _socket_directory() -> Iterator[str]:
    """A directory of our own, where nobody else can connect to a socket.

    Its path becomes an argument of a command of gdb and the address of a socket, which is short.
    Errors: `ReenactError` where there is no place for it.
    """
    for place in (tempfile.gettempdir(), "/tmp"):
        if _SOCKET_PLACE.fullmatch(place):
            with contextlib.suppress(OSError):
                directory = tempfile.mkdtemp(prefix="reenact-", dir=place)
                break
    else:
        raise ReenactError(
            "there is no place for the socket that connects gdb",
            "set TMPDIR to a directory with a short path of letters and digits, in which you may "
            "write",
        )
    try:
        yield directory
    finally:
        try:
            shutil.rmtree(directory, ignore_errors=True)
        except BaseException:
            # A signal that ends us, which comes once.
            shutil.rmtree(directory, ignore_errors=True)
            raise


def wait_for_client(session: Session, address: str) -> None:
    """Serve debuggers at an address, one after the other, until Ctrl-C.

    Arguments:
        session: what they debug.
        address: HOST:PORT, or only PORT on this machine alone.

    Errors: `UsageError` for what is no address, or one that cannot be had.
    """
    host, _, port = address.rpartition(":")
    host = host.strip("[]") or "localhost"
    if not port.isdecimal() or int(port) > 65535:
        raise UsageError(f"{address!r} is no address", "write HOST:PORT or PORT")
    chosen = int(port)
    announce = True
    checkpoints = UserCheckpoints()
    debugged = Debugged(session)
    while True:
        try:
            listener = socket.create_server((host, chosen), backlog=1)
        except OSError as error:
            raise UsageError(f"cannot wait at {host}:{chosen}: {error.strerror}") from error
        with listener:
            chosen = listener.getsockname()[1]
            if announce:
                print(f"waiting at {host}:{chosen}", flush=True)
                print(f"  gdb: target extended-remote {host}:{chosen}", flush=True)
                print(f"  lldb: gdb-remote {host}:{chosen}", flush=True)
                announce = False
            connection, _ = listener.accept()
        # Packets are small, and each waits for the one before.
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # Nobody listens now: a second client is told at once that it cannot connect.
        Conversation(debugged, connection, checkpoints).serve()


def _serve_debugger(
    debugged: Debugged,
    directory: str,
    listener: socket.socket,
    debugger: subprocess.Popen[bytes],
    conversations: list[Conversation],
) -> None:
    listener.settimeout(0.2)
    checkpoints = UserCheckpoints()
    while debugger.poll() is None:
        try:
            connection, _ = listener.accept()
        except TimeoutError:
            continue
        connection.settimeout(None)
        debugged.has_changed = False
        conversation = Conversation(debugged, connection, checkpoints, has_commands=True)
        conversations[:] = [conversation]
        conversation.serve()
        if debugged.has_changed:
            # The client connects again, and looks there.
            _sysroot(debugged.session, directory)


def _end(debugger: subprocess.Popen[bytes]) -> None:
    """End a debugger that has not ended by itself."""
    if debugger.poll() is None:
        debugger.terminate()
        try:
            debugger.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            debugger.kill()
            debugger.wait()


def _has_front_end(arguments: list[str]) -> bool:
    """Whether gdb talks to a program: newer ones tell it of no stop in what a script has run."""
    for option, following in zip(arguments, [*arguments[1:], ""]):
        match = _INTERPRETER.fullmatch(option)
        if match and (match[1] or following).startswith(("mi", "dap")):
            return True
    return False


def _without_scripts_of(trace: str) -> list[str]:
    """Options for gdb, which looks for a script in the current directory before all else."""
    current, trace = os.path.realpath(os.curdir), os.path.realpath(trace)
    if os.path.commonpath([current, trace]) != trace:
        return []
    return ["-iex", "set auto-load local-gdbinit off"]


@contextlib.contextmanager
def _interrupts_for(conversations: list[Conversation]) -> Iterator[None]:
    """Ctrl-C is for gdb, which asks us to stop; only during a `monitor` command it cannot."""

    def interrupt(*_: object) -> None:
        for conversation in conversations:
            conversation.interrupt_command()

    # A handler, as gdb would inherit SIG_IGN.
    before = signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
