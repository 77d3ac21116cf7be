"""What the writers of completion and reference need to know about the parser."""

from __future__ import annotations

import argparse
from collections.abc import Iterator


def subcommands(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """The parsers of the commands, by name, in order."""
    for action in parser._actions:  # noqa: SLF001 (there is no public way to ask)
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            return dict(action.choices)
    return {}


def summaries(parser: argparse.ArgumentParser) -> dict[str, str]:
    """The one-line help of each command, by name."""
    for action in parser._actions:  # noqa: SLF001
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            return {choice.dest: choice.help or "" for choice in action._choices_actions}  # noqa: SLF001
    return {}


def options(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """The options of a parser, in order, `--help` included."""
    for action in parser._actions:  # noqa: SLF001
        if action.option_strings:
            yield action


def positionals(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """The arguments of a parser that are no options, in order, commands excluded."""
    for action in parser._actions:  # noqa: SLF001
        if not action.option_strings and not isinstance(
            action,
            argparse._SubParsersAction,  # noqa: SLF001
        ):
            yield action


def usage(parser: argparse.ArgumentParser) -> str:
    """The usage on one line, without its leading "usage: ", the same in every Python version."""
    words = [parser.prog]
    for action in options(parser):
        if isinstance(action, argparse._HelpAction):  # noqa: SLF001
            continue
        words.append(f"[{spelling(action, -1)}]")
    for action in positionals(parser):
        name = metavar(action)
        if action.nargs == argparse.REMAINDER:
            words += ["[--]", name, "[ARGUMENT ...]"]
        elif action.nargs == "?":
            words.append(f"[{name}]")
        elif action.nargs == "*":
            words.append(f"[{name} ...]")
        else:
            words.append(name)
    return " ".join(words)


def metavar(action: argparse.Action) -> str:
    """How the value of an action is written in help."""
    if isinstance(action.metavar, str):
        return action.metavar
    if action.choices is not None:
        return "{" + ",".join(map(str, action.choices)) + "}"
    return action.dest.upper()


def spelling(action: argparse.Action, which: int) -> str:
    """One spelling of an option with its value: "--process N"."""
    option = action.option_strings[which]
    return option if action.nargs == 0 else f"{option} {metavar(action)}"


def help_text(action: argparse.Action) -> str:
    """The help of an action."""
    return (action.help or "").replace("%%", "%")


def kind_of_value(action: argparse.Action) -> str:
    """What the value of an action names: "trace", "directory", "program", "choice" or ""."""
    if action.choices is not None:
        return "choice"
    if action.nargs == 0:
        return ""
    if action.option_strings:
        return "directory" if metavar(action) == "TRACE" else ""
    return {"TRACE": "trace", "PROGRAM": "program"}.get(metavar(action), "")
