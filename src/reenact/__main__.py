"""`python -m reenact` is the same as `reenact`; `python -m reenact SCRIPT` records a script."""

import os
import sys

from reenact.command_line import program


def _recorded(words: list[str]) -> list[str]:
    """Arguments of `reenact` for ours: a script (`app.py`), or a module (`-m app`), is recorded."""
    is_module = words[:1] == ["-m"]
    if is_module or (words and words[0].endswith(".py") and os.path.isfile(words[0])):
        return ["record", "--", sys.executable, *words]
    return words


if __name__ == "__main__":
    sys.argv[1:] = _recorded(sys.argv[1:])
    program()
