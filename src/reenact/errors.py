"""The one way to fail: every failure a person may see is a `ReenactError`."""

from __future__ import annotations

#: Exit status of reenact's own failures. A guest's exit status is never replaced by it.
FAILURE = 125
#: Exit status of `reenact verify` when the replay departs from the recording.
DIVERGENCE = 1
#: Status of a command that Ctrl-C ended, as shells report it.
INTERRUPTED = 130


class ReenactError(Exception):
    """A failure told as one sentence, with the remedy.

    Arguments:
        message: one clear sentence, without a full stop at its end.
        hint: what to do about it; empty when nothing can be done.
        exit_status: status the command line ends with.
    """

    def __init__(self, message: str, hint: str = "", exit_status: int = FAILURE) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.exit_status = exit_status


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
