"""`reenact cache`: what recordings keep for later ones, how much it takes, and clearing it."""

from __future__ import annotations

import argparse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from reenact.kept_copies import Part

HELP = "show or clear what recordings keep for later ones"
DESCRIPTION = (
    "Show what recordings keep below the user's cache directory so that later ones are quicker: "
    "copies of programs and libraries, which traces share by hard links, and what was found in "
    "them. Copies that no trace has any more are forgotten after a day, and sooner when they take "
    "more than 1 GiB or are more than 1,000. Traces are not touched by clearing the cache."
)
EXAMPLES = (
    ("reenact cache", "what it takes"),
    ("reenact cache --unused", "remove the copies that no trace has"),
    ("reenact cache --clear", "remove all of it"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    change = parser.add_mutually_exclusive_group()
    change.add_argument(
        "--unused", action="store_true", help="remove the copies that no trace has any more"
    )
    change.add_argument("--clear", action="store_true", help="remove everything in the cache")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(arguments: argparse.Namespace) -> int:
    """Remove what was asked for, then show what there is."""
    from reenact import kept_copies, places

    directory = places.cache()
    if arguments.clear:
        kept_copies.clear(directory)
    elif arguments.unused:
        from reenact import _native

        _native.forget_unused_copies()
    _print(directory, kept_copies.parts(directory), as_json=arguments.json)
    return 0


def _print(directory: str, parts: list[Part], *, as_json: bool) -> None:
    from reenact import terminal

    if as_json:
        listed = [
            {
                "part": part.name,
                "files": part.files,
                "bytes": part.size,
                "unused_bytes": part.unused,
            }
            for part in parts
        ]
        terminal.print_json({"directory": directory, "parts": listed})
        return
    if not parts:
        print(f"nothing is kept in {directory}")
        return
    terminal.print_table(
        ("what", "files", "size", "in no trace"),
        [
            (
                part.meaning,
                f"{part.files:,}",
                terminal.size(part.size),
                terminal.size(part.unused),
            )
            for part in parts
        ],
        right=("files", "size", "in no trace"),
    )
    print(f"in {directory}")
