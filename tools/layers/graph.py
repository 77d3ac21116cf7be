"""A graph of modules, and the circles in it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping

#: For each module the modules it uses, both by their names inside their crate or package.
Graph = Mapping[str, Iterable[str]]


def circles(graph: Graph) -> list[list[str]]:
    """The groups of modules that all reach each other, each sorted, the largest first."""
    reached = {module: _reached_from(graph, module) for module in graph}
    groups: list[list[str]] = []
    placed: set[str] = set()
    for module in sorted(graph):
        if module in placed or module not in reached[module]:
            continue
        group = sorted(other for other in reached[module] if module in reached.get(other, ()))
        placed.update(group)
        groups.append(group)
    return sorted(groups, key=lambda group: (-len(group), group))


def _reached_from(graph: Graph, start: str) -> set[str]:
    """Modules that a walk of at least one step comes to."""
    found: set[str] = set()
    waiting = list(graph.get(start, ()))
    while waiting:
        module = waiting.pop()
        if module not in found:
            found.add(module)
            waiting.extend(graph.get(module, ()))
    return found


def shortest_circle(graph: Graph, group: Iterable[str]) -> list[str]:
    """A shortest circle in a group of modules that reach each other; it ends where it began."""
    members = set(group)
    ways = [way for module in sorted(members) if (way := _way_back(graph, module, members))]
    return min(ways, key=len)


def _way_back(graph: Graph, start: str, members: set[str]) -> list[str] | None:
    """The shortest way from a module to itself, inside a group."""
    before: dict[str, str] = {}
    waiting = deque([start])
    while waiting:
        module = waiting.popleft()
        for used in sorted(set(graph.get(module, ())) & members):
            if used == start:
                way = [start, module] if module != start else [start]
                while way[-1] in before:
                    way.append(before[way[-1]])
                if way[-1] != start:
                    way.append(start)
                return way[::-1]
            if used not in before:
                before[used] = module
                waiting.append(used)
    return None
