"""`reenact completion`: completion scripts for shells."""

from __future__ import annotations

import argparse

HELP = "print a completion script for a shell"
DESCRIPTION = "Print a script that lets a shell complete reenact's commands, options and traces."
EXAMPLES = (
    ('eval "$(reenact completion bash)"', "bash: for this shell, or in ~/.bashrc"),
    ("reenact completion zsh > ~/.zfunc/_reenact", "zsh: a directory of $fpath"),
    ("reenact completion fish > ~/.config/fish/completions/reenact.fish", "fish"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("shell", choices=("bash", "zsh", "fish"), help="the shell")


def run(arguments: argparse.Namespace) -> int:
    """Print the script."""
    from reenact.parsing import whole_parser
    from reenact.reference.completion import bash, fish, zsh

    writers = {"bash": bash, "zsh": zsh, "fish": fish}
    print(writers[arguments.shell](whole_parser()), end="")
    return 0
