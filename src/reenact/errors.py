"""The one way to fail: every failure a person may see is a `ReenactError`."""

from __future__ import annotations

#: Exit status of reenact's own failures. A guest's exit status is never replaced by it.
FAILURE = 125
#: Exit status of `reenact verify` when the replay departs from the recording.
DIVERGENCE = 1
#: Status of a command that Ctrl-C ended, as shells report it.
INTERRUPTED = 130


#: In a hint: the trace that a person has named, where it is known.
_TRACE = " TRACE"


class Hint(str):
    """What to do about a failure, for each place where it may be shown.

    Arguments:
        python: for who uses the Python API, and what it is as a text.
        gdb: at gdb's prompt.
        line: on the command line; there `TRACE` becomes the trace that was named.
    """

    gdb: str
    line: str

    def __new__(cls, python: str, *, gdb: str, line: str) -> Hint:
        """Made of the three."""
        made = super().__new__(cls, python)
        made.gdb, made.line = gdb, line
        return made


class ReenactError(Exception):
    """A failure told as one sentence, with the remedy.

    Arguments:
        message: one clear sentence, without a full stop at its end.
        hint: what to do about it; empty when nothing can be done. A `Hint` where it is another
            thing in gdb and on the command line.
        exit_status: status the command line ends with.
    """

    def __init__(self, message: str, hint: str = "", exit_status: int = FAILURE) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.exit_status = exit_status

    @property
    def hint_in_gdb(self) -> str:
        """What to do about it at gdb's prompt."""
        return self.hint.gdb if isinstance(self.hint, Hint) else self.hint

    def hint_on_line(self, trace: str | None) -> str:
        """What to do about it on the command line.

        Arguments:
            trace: what the person called the trace, as a word of a shell; None: the latest.
        """
        hint = self.hint.line if isinstance(self.hint, Hint) else self.hint
        return hint.replace(_TRACE, "" if trace is None else f" {trace}")


class UsageError(ReenactError):
    """The command line asks for something that does not exist or does not fit."""


class UnknownNameError(UsageError):
    """An expression has a name that means nothing where it is asked."""


class ProgramError(ReenactError):
    """The program to record cannot be recorded: missing, a directory, not an x86-64 ELF file."""


class RecordingError(ReenactError):
    """Recording could not begin, or could not be brought to its end."""


class TraceError(ReenactError):
    """A trace is missing, is not one, is damaged, or was written by a newer version."""


class ReplayError(ReenactError):
    """The replayer could not be started or failed; a divergence is a result, not this."""


class MemoryLimitError(ReplayError):
    """The replay was ended as it took more memory than it may."""
