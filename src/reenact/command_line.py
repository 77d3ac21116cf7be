"""Entry point of the `reenact` command: from arguments to an exit status, whatever happens."""

from __future__ import annotations

import os
import sys

from reenact import commands, environment
from reenact.errors import INTERRUPTED, ReenactError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType


def main(words: Sequence[str] | None = None) -> int:
    """Run a command line (without the program's name) and return its exit status.

    No exception leaves this function: a person is told one sentence and a remedy.
    """
    number = 0
    try:
        status = _dispatch(sys.argv[1:] if words is None else words)
        # A full disk or a closed pipe shows when the last bytes are written.
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:
        # The reader of our output has seen enough.
        _silence_stdout()
        return 0
    except _Terminated as termination:
        status, number = 0, termination.signal
    except (Exception, KeyboardInterrupt) as error:
        if environment.DEBUG.is_set():
            import traceback

            traceback.print_exc()
        failure = _explained(error)
        _tell(failure)
        return failure.exit_status
    if number:
        # Everything has been tidied up on the way here, and by what the traceback still held.
        from reenact.ending import end_like

        return end_like(number)
    return status


def program() -> None:
    """What the installed `reenact` script runs: `main`, then the end of the process."""
    is_recording = sys.argv[1:2] in (["record"], ["attach"], ["report"])
    if not is_recording:
        # While something is recorded, signals go to the program, or end the recording.
        _end_tidily()
    status = main()
    if is_recording or sys.argv[1:2] == ["verify"]:
        # Nothing is left to be done: `main` has written everything. Tidying up the interpreter
        # would take a tenth of a short recording.
        os._exit(status)
    sys.exit(status)


class _Terminated(BaseException):
    """Somebody wants this process to end; `signal` is how."""

    def __init__(self, signal: int) -> None:
        super().__init__(signal)
        self.signal = signal


def _end_tidily() -> None:
    """Have signals that end this process unwind it first: children end, temporary files go."""
    import signal

    def end(number: int, _frame: object) -> None:
        for other in numbers:
            signal.signal(other, signal.SIG_IGN)
        raise _Terminated(number)

    # What is ignored, as by nohup, stays ignored.
    ending = (signal.SIGTERM, signal.SIGHUP)
    numbers = [number for number in ending if signal.getsignal(number) == signal.SIG_DFL]
    for number in numbers:
        signal.signal(number, end)


def _explained(error: BaseException) -> ReenactError:
    """What to tell a person about any exception at all."""
    if isinstance(error, ReenactError):
        return error
    if isinstance(error, KeyboardInterrupt):
        return ReenactError("interrupted", exit_status=INTERRUPTED)
    if isinstance(error, (MemoryError, OSError, RuntimeError)) and (told := _resources(error)):
        return ReenactError(*told)
    if isinstance(error, ImportError):
        return ReenactError(
            f"reenact is not completely installed: {error}",
            "install it again; from its source: make build",
        )
    return ReenactError(
        f"reenact has a bug: {type(error).__name__}: {error}",
        "run it again with REENACT_DEBUG=1 and report what it shows",
    )


def _resources(error: MemoryError | OSError | RuntimeError) -> tuple[str, str] | None:
    """What the system refuses, and what to do about it; None for an error of our own."""
    if isinstance(error, MemoryError):
        return "out of memory", ""
    # Unlike a write that would have to wait, a fork that is refused has written nothing.
    is_refused = isinstance(error, BlockingIOError) and not hasattr(error, "characters_written")
    if is_refused or "start new thread" in str(error):
        return "the system allows no more processes or threads", "see ulimit -u, and end some"
    if not isinstance(error, OSError):
        return None
    _silence_stdout()
    message = str(error.strerror or error)
    if isinstance(error.filename, (str, bytes)):
        message = f"{os.fsdecode(error.filename)}: {message}"
    return message, ""


def _dispatch(words: Sequence[str]) -> int:
    # Help, usage errors and the like are argparse's business, which ends by SystemExit.
    try:
        if words and words[0] in commands.NAMES:
            return _run_command(words[0], words[1:])
        return _run_top_level(words)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0


def _run_command(name: str, words: Sequence[str]) -> int:
    module = commands.load(name)
    if name == "record":
        status: int = module.run(_recording_arguments(module, words))
        return status
    arguments = module.quick_arguments(words) if name == "verify" else None
    if arguments is None:
        arguments = _parsed(name, words)
    try:
        status = module.run(arguments)
    except ReenactError as error:
        error.hint = error.hint_on_line(_named_trace(arguments))
        raise
    return status


def _parsed(name: str, words: Sequence[str]) -> object:
    from reenact import parsing

    parser = parsing.command_parser(name)
    if name == "report":
        options, program = parsing.split_program(parser, words)
        reported = parser.parse_args(options)
        reported.program = program
        return reported
    if name != "replay" or "--" not in words:
        return parser.parse_args(words)
    # What follows is the debugger's: argparse would take it for ours.
    place = list(words).index("--")
    arguments = parser.parse_args(words[:place])
    arguments.gdb_arguments = list(words[place + 1 :])
    return arguments


def _named_trace(arguments: object) -> str | None:
    """What a command line calls the trace that it is about; None: it means the latest."""
    import shlex

    named = getattr(arguments, "trace", "TRACE")
    return shlex.quote(named) if isinstance(named, str) else None


def _recording_arguments(module: ModuleType, words: Sequence[str]) -> object:
    arguments = module.quick_arguments(words)
    if arguments is None:
        from reenact import parsing

        parser = parsing.command_parser("record")
        options, program = parsing.split_program(parser, words)
        arguments = parser.parse_args(options, module.Arguments())
        arguments.program = program
    return arguments


def _run_top_level(words: Sequence[str]) -> int:
    from reenact import parsing

    if words and not words[0].startswith("-"):
        raise _unknown_command(words[0])
    parser = parsing.whole_parser()
    arguments = parser.parse_args(words)
    if arguments.version:
        from reenact.version import version

        print(f"reenact {version()}")
        return 0
    parser.print_help()
    return 0


def _unknown_command(word: str) -> UsageError:
    import difflib

    close = difflib.get_close_matches(word, commands.NAMES, 1)
    hint = f"did you mean: reenact {close[0]}" if close else "see reenact --help"
    if not close and ("/" in word or _in_path(word)):
        hint = f"to record a program: reenact record -- {word}"
    return UsageError(f"there is no command {word}", hint)


def _in_path(word: str) -> bool:
    import shutil

    return shutil.which(word) is not None


def _tell(failure: ReenactError) -> None:
    from reenact.printable import printable

    # Messages name files, functions and processes of traces.
    text = f"reenact: {printable(failure.message)}\n"
    if failure.hint:
        text += f"  hint: {printable(failure.hint)}\n"
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except (OSError, ValueError, AttributeError):
        return  # Nobody can be told; the exit status still says it.


def _silence_stdout() -> None:
    """Let Python's own flush at exit go nowhere instead of failing a second time."""
    try:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stdout.fileno())
        os.close(null)
    except (OSError, ValueError, AttributeError):
        return
