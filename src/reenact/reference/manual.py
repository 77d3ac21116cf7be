"""The manual page, from the parser and the declared environment variables."""

from __future__ import annotations

import argparse

from reenact.environment import VARIABLES
from reenact.parsing import DESCRIPTION
from reenact.reference import parser_facts as facts


def page(parser: argparse.ArgumentParser) -> str:
    """The page `reenact(1)` in the format of man(7)."""
    lines = [
        '.TH REENACT 1 "" "reenact" "User Commands"',
        ".SH NAME",
        "reenact \\- record a program natively, replay it exactly",
        ".SH SYNOPSIS",
    ]
    commands = facts.subcommands(parser)
    for command in commands.values():
        lines += [".PP", _escaped(facts.usage(command))]
    lines += [".SH DESCRIPTION", _escaped(DESCRIPTION), ".SH COMMANDS"]
    for name, command in commands.items():
        lines += [f".SS reenact {name}", _escaped(command.description or "")]
        for action in facts.positionals(command):
            lines += _entry(facts.metavar(action), facts.help_text(action))
        for action in facts.options(command):
            spelled = ", ".join(
                facts.spelling(action, index) for index in range(len(action.option_strings))
            )
            lines += _entry(spelled, facts.help_text(action))
    lines.append(".SH ENVIRONMENT")
    for variable in VARIABLES:
        meaning = f"{variable.meaning} Default: {variable.default}."
        lines += _entry(variable.name, meaning.replace("`", ""))
    lines += [
        ".SH EXIT STATUS",
        "Of record: the program's own; when it died by a signal, the same signal ends reenact.",
        "Of verify: 0 without a divergence, 1 with one.",
        "125 whenever reenact itself failed. Otherwise 0.",
        "",
    ]
    return "\n".join(lines)


def _entry(term: str, text: str) -> list[str]:
    return [".TP", f".B {_escaped(term)}", _escaped(text)]


def _escaped(text: str) -> str:
    text = text.replace("\\", "\\e").replace("-", "\\-")
    # A line that begins with a dot or an apostrophe would be a request.
    return "\n".join("\\&" + line if line[:1] in (".", "'") else line for line in text.split("\n"))
