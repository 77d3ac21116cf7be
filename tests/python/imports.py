"""What Python imports for a piece of code."""

import subprocess
import sys


def loaded(code: str) -> set[str]:
    """Names of the modules that are there when it is done; what it prints is their business."""
    done = subprocess.run(
        [
            sys.executable,
            "-I",
            "-S",
            "-c",
            f"import sys; sys.path[:] = {sys.path!r}\n{code}\nprint(*sys.modules)",
        ],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return set(done.stdout.split())
