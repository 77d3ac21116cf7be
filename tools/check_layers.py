#!/usr/bin/env python3
"""Check that layers import downward only: Python modules and Rust crates.

Each group may import the groups above it in the table, its own members, and nothing else of
ours. `make lint` runs it. Needs nothing but Python and the source tree.
"""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "src" / "reenact"

#: Layers of the Python package, lowest first; a name covers the modules below it.
PYTHON_LAYERS = (
    ("errors", "_native"),
    ("environment", "version", "printable"),
    ("places", "programs", "terminal", "events"),
    ("manifest", "attachment_text"),
    ("trace",),
    ("recording", "replay", "doctor"),
    ("symbols",),
    ("session",),
    ("gdb",),
    ("retrying",),
    ("__init__",),
    ("ending", "commands"),
    ("parsing",),
    ("reference",),
    ("command_line",),
    ("__main__",),
)

#: Exceptions: (importing module, imported module), with the reason.
ALLOWED = {
    # Completion is a command about all commands; it is imported only when it runs.
    ("commands.completion", "parsing"),
    ("commands.completion", "reference.completion"),
    # The tables of the documentation list what these modules declare.
    # Methods of the public Trace that are shorthand for higher layers, imported when called.
    ("trace", "replay.verification"),
    ("trace", "session.bookmarks"),
    ("trace", "session.session"),
}

#: What each Rust crate may depend on, of ours.
RUST_DEPENDENCIES: dict[str, set[str]] = {
    "trace": set(),
    "sites": {"trace"},
    "freestanding": set(),
    "syscalls": {"trace"},
    "translator": {"trace"},
    "recorder": {"trace", "syscalls", "freestanding", "sites"},
    "replayer": {"trace", "syscalls", "freestanding", "translator", "sites"},
    "store": {"trace"},
    "supervisor": {"trace", "syscalls", "sites"},
    "symbols": set(),
    "python": {"trace", "syscalls", "store", "supervisor", "symbols"},
    "replayer-tests": {"trace"},
}

_DEPENDENCY = re.compile(r"^\s*reenact-([a-z-]+)\s*[=.]", re.MULTILINE)


def layer_of(module: str) -> int | None:
    """Index of the layer a module (without the package's name) belongs to."""
    for index, layer in enumerate(PYTHON_LAYERS):
        if module.split(".", maxsplit=1)[0] in layer:
            return index
    return None


def imports_of(path: Path) -> set[str]:
    """Modules of ours that a file imports, anywhere in it, without the package's name."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), str(path))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        found.update(name.partition(".")[2] for name in names if name.startswith("reenact."))
    return {existing_module(name) for name in found}


def existing_module(name: str) -> str:
    """Cut a dotted name back to the module that exists (`errors.TraceError` to `errors`)."""
    parts = name.split(".")
    while parts:
        path = PACKAGE.joinpath(*parts)
        if path.is_dir() or path.with_suffix(".py").exists() or parts == ["_native"]:
            return ".".join(parts)
        parts.pop()
    return "__init__"


def python_faults() -> list[str]:
    """One line for each import that goes upward, and for modules of no layer."""
    faults = []
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = list(path.relative_to(PACKAGE).with_suffix("").parts)
        if parts[-1] == "__init__" and len(parts) > 1:
            parts.pop()
        module = ".".join(parts)
        own = layer_of(module)
        where = path.relative_to(ROOT)
        if own is None:
            faults.append(f"{where}: belongs to no layer; name it in tools/check_layers.py")
            continue
        for imported in sorted(imports_of(path)):
            other = layer_of(imported)
            if (module, imported) in ALLOWED or other is None or other <= own:
                continue
            faults.append(f"{where}: {module} imports {imported}, which is a layer above it")
    return faults


def rust_faults() -> list[str]:
    """One line for each dependency between crates that the table does not allow."""
    faults = []
    for manifest in sorted((ROOT / "crates").glob("*/Cargo.toml")):
        crate = manifest.parent.name
        text = manifest.read_text(encoding="utf-8")
        # A crate may use any other one in its tests.
        text = re.split(r"^\[dev-dependencies", text, flags=re.MULTILINE)[0]
        used = set(_DEPENDENCY.findall(text)) - {crate}
        if crate not in RUST_DEPENDENCIES:
            faults.append(f"crates/{crate}: belongs to no layer; name it in tools/check_layers.py")
            continue
        faults += [
            f"crates/{crate}: depends on {other}, which is not below it"
            for other in sorted(used - RUST_DEPENDENCIES[crate])
        ]
    return faults


def main() -> int:
    """Print the faults; 1 when there are any."""
    faults = python_faults() + rust_faults()
    for fault in faults:
        print(fault)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
