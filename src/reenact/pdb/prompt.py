"""Where commands come from: prompt_toolkit where it is installed, else plain lines."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator, Sequence

from reenact.pdb.debugger import Debugger

_PROMPT = "(reenact pdb) "


def commands(debugger: Debugger, given: Sequence[str]) -> Iterator[str]:
    """Commands: those that were given first, then those that somebody types, up to their end."""
    yield from given
    if sys.stdin.isatty() and sys.stdout.isatty():
        yield from _with_toolkit(debugger)
        return
    for line in sys.stdin:
        yield line.rstrip("\n")


def _with_toolkit(debugger: Debugger) -> Iterator[str]:
    """With completion and a history, where the extra is installed."""
    try:
        toolkit = importlib.import_module("prompt_toolkit")
        completion = importlib.import_module("prompt_toolkit.completion")
    except ImportError:
        yield from _plain()
        return
    completer = completion.WordCompleter(lambda: [*debugger.names, *debugger.bound_names()])
    session = toolkit.PromptSession(completer=completer, complete_while_typing=False)
    while True:
        try:
            yield str(session.prompt(_PROMPT))
        except KeyboardInterrupt:
            continue
        except EOFError:
            return


def _plain() -> Iterator[str]:
    while True:
        try:
            yield input(_PROMPT)
        except KeyboardInterrupt:
            print()
        except EOFError:
            print()
            return
