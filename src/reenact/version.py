"""The version of the installed package."""

from __future__ import annotations


def version() -> str:
    """Version as in the package's metadata; "unknown" when it runs from a bare source tree."""
    from importlib import metadata

    try:
        return metadata.version("reenact")
    except metadata.PackageNotFoundError:
        return "unknown"
