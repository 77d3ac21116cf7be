"""Every environment variable reenact reads, declared in one place.

`docs/environment.md` is generated from `VARIABLES`.
"""

from __future__ import annotations

import os


class Variable:
    """An environment variable: its name, what it does, and what holds when it is not set."""

    __slots__ = ("default", "meaning", "name")

    def __init__(self, name: str, meaning: str, default: str) -> None:
        self.name = name
        self.meaning = meaning
        self.default = default

    def __repr__(self) -> str:
        return f"Variable({self.name!r})"

    def get(self) -> str | None:
        """The value, or None when the variable is unset or empty."""
        return os.environ.get(self.name) or None

    def is_set(self) -> bool:
        """Whether the variable has a value that is not empty."""
        return self.get() is not None


TRACE_DIR = Variable(
    "REENACT_TRACE_DIR",
    "Directory for traces that were given no place of their own by `record -o`.",
    "`$XDG_DATA_HOME/reenact`, else `~/.local/share/reenact`",
)
DEBUG = Variable(
    "REENACT_DEBUG",
    "Set to 1: failures show their Python traceback besides the message.",
    "no traceback",
)
RECORDER = Variable(
    "REENACT_RECORDER",
    "Path of another recorder program, for work on the recorder.",
    "the one in the package",
)
REPLAYER = Variable(
    "REENACT_REPLAYER",
    "Path of another replayer program, for work on the replayer.",
    "the one in the package",
)
REPLAY_MEMORY = Variable(
    "REENACT_REPLAY_MEMORY",
    "Memory that all processes of a replay may take together, MiB; one that takes more is ended.",
    "nine tenths of what is available when it begins",
)
RECORDED_TESTS = Variable(
    "REENACT_RECORDED_TESTS",
    "Set by `pytest --reenact` for the pytest that it records.",
    "pytest begins a recording",
)
DEBUG_PATH = Variable(
    "REENACT_DEBUG_PATH",
    "Directories with separate files of debug information, divided by colons, as below "
    "`/usr/lib/debug`: `.build-id/ab/cdef.debug`, or by the name of `.gnu_debuglink`.",
    "only `/usr/lib/debug`",
)
DEBUGINFOD_URLS = Variable(
    "DEBUGINFOD_URLS",
    "Servers of debug information (debuginfod(8)), divided by spaces: asked for what this machine "
    "does not have, about recordings that were made on it; by gdb for source files, too.",
    "no server is asked",
)
DEBUGINFOD = Variable(
    "REENACT_DEBUGINFOD",
    "Set to `always`: the servers of `DEBUGINFOD_URLS` are asked about recordings of other "
    "machines, too.",
    "only about this machine's own",
)
ENGINE = Variable(
    "REENACT_ENGINE",
    "Set to `translated`: sessions execute none of the program's own code, to compare the two.",
    "the program's own code runs where nothing is counted or seen",
)
MECHANISM = Variable(
    "REENACT_MECHANISM",
    "How system calls are caught: `dispatch` (Syscall User Dispatch) or `seccomp`.",
    "`dispatch` where the kernel has it, else `seccomp`",
)
SLOT = Variable(
    "REENACT_SLOT",
    "Set and removed by the recorder itself while a program is being loaded; never set it.",
    "not set",
)
HOME = Variable(
    "HOME",
    "The user's home directory, below which are the places of traces and of the cache.",
    "the one of the user database",
)
XDG_DATA_HOME = Variable(
    "XDG_DATA_HOME",
    "The user's data directory; traces go to `reenact/` below it.",
    "`~/.local/share`",
)
XDG_CACHE_HOME = Variable(
    "XDG_CACHE_HOME",
    "The user's cache directory; what later recordings can use again goes to `reenact/` below it: "
    "copies of the programs and libraries that were recorded, which traces on the same file system "
    "share by hard links, and what was found in them.",
    "`~/.cache`",
)
XDG_RUNTIME_DIR = Variable(
    "XDG_RUNTIME_DIR",
    "The user's directory for sockets; those of recordings in rings go to `reenact/` below it.",
    "`/tmp/reenact-UID`",
)
STORE_TOKEN = Variable(
    "REENACT_STORE_TOKEN",
    "What web servers with packs are told to be allowed (`Authorization: Bearer`): the token of a "
    "collector, to read or to send.",
    "no token",
)
REMOTE_CACHE = Variable(
    "REENACT_REMOTE_CACHE",
    "MiB of what is kept of packs that were opened by a URL; the oldest are forgotten beyond it.",
    "4096",
)
NO_COLOR = Variable(
    "NO_COLOR",
    "Set to anything: output has no colours (https://no-color.org).",
    "colours on a terminal",
)

VARIABLES = (
    TRACE_DIR,
    DEBUG,
    RECORDER,
    REPLAYER,
    REPLAY_MEMORY,
    RECORDED_TESTS,
    DEBUG_PATH,
    DEBUGINFOD_URLS,
    DEBUGINFOD,
    ENGINE,
    MECHANISM,
    SLOT,
    HOME,
    XDG_DATA_HOME,
    XDG_CACHE_HOME,
    XDG_RUNTIME_DIR,
    STORE_TOKEN,
    REMOTE_CACHE,
    NO_COLOR,
)
