"""The argument parser: built for one command, or whole for help, completion and the manual."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys

from reenact import commands
from reenact.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType
    from typing import Any, NoReturn

DESCRIPTION = (
    "Record one run of a program, natively and completely, and replay it exactly: "
    "no hardware counters, no root, no kernel module."
)
EPILOG = """\
First steps:
  reenact record -- ls -l      record a run; it behaves as if reenact were not there
  reenact verify               replay the latest recording and check every event of it
  reenact dump                 what the program asked of the kernel, as a list

Exit status of `record`: the program's own. Of the others: 0; 1 when `verify` found a
divergence; 125 when reenact itself failed (also for `record`).
"""


class HelpFormatter(argparse.HelpFormatter):
    """Fills paragraphs to the width of the terminal, and leaves text with line ends as it is."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=28, width=_columns() - 2)

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return text if "\n" in text else super()._fill_text(text, width, indent)


def _columns() -> int:
    """Columns of the terminal, as `shutil.get_terminal_size` tells them.

    argparse makes a formatter for each option that is declared, and would import that module.
    """
    with contextlib.suppress(ValueError):
        if (said := int(os.environ.get("COLUMNS", "0"))) > 0:
            return said
    with contextlib.suppress(AttributeError, ValueError, OSError):
        return os.get_terminal_size(sys.__stdout__.fileno()).columns or 80  # type: ignore[union-attr]
    return 80


class Parser(argparse.ArgumentParser):
    """An argument parser that fails by `UsageError` and never guesses abbreviations."""

    def __init__(self, **settings: object) -> None:
        settings.setdefault("allow_abbrev", False)
        settings.setdefault("formatter_class", HelpFormatter)
        super().__init__(**settings)  # type: ignore[arg-type]

    def _print_message(self, message: str, file: Any = None) -> None:
        # argparse hides a full disk or a closed pipe.
        (sys.stderr if file is None else file).write(message)

    def error(self, message: str) -> NoReturn:
        """Fail as everything here fails, instead of printing the usage."""
        raise UsageError(message, f"see {self.prog} --help")


def command_parser(name: str) -> Parser:
    """The parser of one command alone."""
    module = commands.load(name)
    parser = Parser(prog=f"reenact {name}", description=module.DESCRIPTION, epilog=_epilog(module))
    module.add_arguments(parser)
    return parser


def whole_parser() -> Parser:
    """The parser of everything."""
    parser = Parser(prog="reenact", description=DESCRIPTION, epilog=EPILOG)
    parser.add_argument("--version", action="store_true", help="show the version and exit")
    subparsers = parser.add_subparsers(
        title="commands", dest="command", metavar="COMMAND", parser_class=Parser
    )
    for name in commands.NAMES:
        module = commands.load(name)
        subparser = subparsers.add_parser(
            name, help=module.HELP, description=module.DESCRIPTION, epilog=_epilog(module)
        )
        module.add_arguments(subparser)
    return parser


def split_program(
    parser: argparse.ArgumentParser, words: Sequence[str]
) -> tuple[list[str], list[str]]:
    """Divide `words` into the command's own options and the program with its arguments.

    The program begins at the first word that is no option, or after `--`. argparse cannot do
    this itself: it takes a `--` out of the program's own arguments.
    """
    index = 0
    while index < len(words):
        word = words[index]
        if word == "--":
            return list(words[:index]), list(words[index + 1 :])
        if not word.startswith("-") or word == "-":
            break
        index += 2 if _wants_next_word(parser, word) else 1
    return list(words[:index]), list(words[index:])


def _wants_next_word(parser: argparse.ArgumentParser, word: str) -> bool:
    options = parser._option_string_actions  # noqa: SLF001 (there is no public way to ask)
    if word.startswith("--"):
        action = options.get(word)
        return action is not None and action.nargs != 0
    for position, letter in enumerate(word[1:], start=1):
        action = options.get("-" + letter)
        if action is not None and action.nargs != 0:
            return position == len(word) - 1
    return False


def _epilog(module: ModuleType) -> str:
    lines = ["Examples:"]
    width = max(len(line) for line, _ in module.EXAMPLES)
    lines += [f"  {line:<{width}}   {meaning}" for line, meaning in module.EXAMPLES]
    return "\n".join(lines)
