"""The subcommands of `reenact`, one module each.

A command module has `HELP` (one line), `DESCRIPTION`, `EXAMPLES`, `add_arguments(parser)` and
`run(arguments) -> int` (the exit status). Only the module of the command that was asked for is
imported: `reenact record` must start quickly.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType

#: Names of the commands, in the order help shows them.
NAMES = (
    "record",
    "attach",
    "detach",
    "save",
    "status",
    "stop",
    "verify",
    "index",
    "replay",
    "trace",
    "follow",
    "bookmark",
    "info",
    "ps",
    "dump",
    "pack",
    "pdb",
    "unpack",
    "report",
    "collect",
    "ls",
    "mv",
    "rm",
    "gc",
    "cache",
    "doctor",
    "completion",
)


def load(name: str) -> ModuleType:
    """The module of a command."""
    # `importlib`, the module, is more to import than it does here.
    module: ModuleType = getattr(__import__(f"reenact.commands.{name}").commands, name)
    return module
