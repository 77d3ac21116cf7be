#!/usr/bin/env python3
"""Check that layers import downward only and that modules form no circles.

Looks at the Rust crates, at the modules inside each of them, at the Python package, and at the
modules of benchmarks, tests and tools. The table is `tools/layers/table.py`. What the table permits
and nobody uses is a fault, too. `make lint` runs it. Needs nothing but Python and the source tree.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from layers import table
from layers.graph import Graph, circles, shortest_circle
from layers.python_modules import Package
from layers.rust_modules import Crate

ROOT = Path(__file__).resolve().parent.parent

_DEPENDENCY = re.compile(r"^\s*reenact-([a-z-]+)\s*[=.]", re.MULTILINE)


def layer_of(module: str, layers: Sequence[Sequence[str]], separator: str) -> int | None:
    """Index of the layer a module belongs to: of the one that names it or a module it is in."""
    parts = module.split(separator)
    for length in range(len(parts), 0, -1):
        name = separator.join(parts[:length])
        for index, layer in enumerate(layers):
            if name in layer:
                return index
    return None


def layer_faults(
    where: str,
    graph: Graph,
    layers: Sequence[Sequence[str]],
    separator: str,
    exceptions: frozenset[tuple[str, str]] = frozenset(),
) -> Iterator[str]:
    """One line for each use that goes upward, module of no layer, and entry that nobody needs."""
    known = {module: layer_of(module, layers, separator) for module in graph}
    upward = set()
    for module, own in sorted(known.items()):
        if own is None:
            yield f"{where}: {module} belongs to no layer; name it in tools/layers/table.py"
            continue
        for used in sorted(graph[module]):
            other = known.get(used)
            if other is not None and other > own:
                upward.add((module, used))
                if (module, used) not in exceptions:
                    yield f"{where}: {module} uses {used}, which is a layer above it"
    for module, used in sorted(exceptions - upward):
        yield f"{where}: the table lets {module} use {used}, and it does not: take it out"
    for name in (name for layer in layers for name in layer):
        if not any(f"{module}{separator}".startswith(f"{name}{separator}") for module in graph):
            yield f"{where}: the table names {name}, and there is none: take it out"


def without(graph: Graph, exceptions: Collection[tuple[str, str]]) -> Graph:
    """A graph without the uses that the table excepts."""
    return {
        module: [name for name in used if (module, name) not in exceptions]
        for module, used in graph.items()
    }


def circle_faults(where: str, graph: Graph) -> Iterator[str]:
    """One line for each circle of modules of a crate or folder."""
    for group in circles(graph):
        way = " -> ".join(shortest_circle(graph, group))
        yield f"{where}: {len(group)} modules use each other in a circle: {way}"


def dependency_faults(crates: Path) -> Iterator[str]:
    """One line for each dependency between crates that is not in the table, or that nobody uses."""
    found = set()
    for manifest in sorted(crates.glob("*/Cargo.toml")):
        crate = manifest.parent.name
        found.add(crate)
        if crate not in table.RUST_DEPENDENCIES:
            yield f"crates/{crate}: belongs to no layer; name it in tools/layers/table.py"
            continue
        text = manifest.read_text(encoding="utf-8")
        # A crate may use any other one in its tests.
        text = re.split(r"^\[dev-dependencies", text, flags=re.MULTILINE)[0]
        used = set(_DEPENDENCY.findall(text)) - {crate}
        permitted = table.RUST_DEPENDENCIES[crate]
        for other in sorted(used - permitted):
            yield f"crates/{crate}: depends on {other}, which is not below it"
        for other in sorted(permitted - used):
            yield f"crates/{crate}: the table lets it depend on {other}, and it does not"
        sources = "".join(
            file.read_text(encoding="utf-8")
            for file in sorted((manifest.parent / "src").rglob("*.rs"))
        )
        for other in sorted(used):
            if f"reenact_{other.replace('-', '_')}" not in sources:
                yield f"crates/{crate}: depends on {other}, and no file of it names that crate"
    for crate in sorted(set(table.RUST_DEPENDENCIES) - found):
        yield f"crates/{crate}: is in the table, and there is none"


def graphs(root: Path) -> dict[str, Graph]:
    """The graph of modules of each crate and folder, by its name in the source tree."""
    found: dict[str, Graph] = {
        f"crates/{folder.parent.name}": Crate(folder).graph()
        for folder in sorted((root / "crates").glob("*/src"))
    }
    found["crates/translator/harness"] = Crate(root / "crates/translator/harness").graph()
    found["src/reenact"] = Package(root / "src/reenact", "reenact").graph()
    for folder, name in table.PYTHON_FOLDERS.items():
        found[folder] = Package(root / folder, name).graph()
    return found


def faults() -> Iterator[str]:
    """One line for each fault of the source tree."""
    yield from dependency_faults(ROOT / "crates")
    found = graphs(ROOT)
    yield from layer_faults(
        "src/reenact",
        found["src/reenact"],
        table.PYTHON_LAYERS,
        ".",
        frozenset(table.PYTHON_EXCEPTIONS),
    )
    for crate, layers in table.RUST_LAYERS.items():
        yield from layer_faults(f"crates/{crate}", found[f"crates/{crate}"], layers, "::")
    found["src/reenact"] = without(found["src/reenact"], table.PYTHON_EXCEPTIONS)
    for where, graph in found.items():
        yield from circle_faults(where, graph)


def main() -> int:
    """Print the faults; 1 when there are any."""
    lines = list(faults())
    for line in lines:
        print(line)
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
