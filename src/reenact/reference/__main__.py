"""`python -m reenact.reference DIRECTORY`: write the generated pages below a directory."""

from __future__ import annotations

import sys
from pathlib import Path

from reenact.reference.pages import generated


def main() -> None:
    """Write every page, making directories as needed."""
    target = Path(sys.argv[1])
    for name, content in generated().items():
        path = target / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")


if __name__ == "__main__":
    main()
