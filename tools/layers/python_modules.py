"""Which modules of a Python package, or of a folder of plain modules, use which.

What an `__init__` only imports and passes on is no use of it: whoever names it uses the module
that defines it.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class _Source:
    """The imports of one module, and the names it uses otherwise."""

    #: (module, name) of each `from module import name`, by the name it has here.
    names: dict[str, tuple[str, str]] = field(default_factory=dict)
    #: Modules of `import module`.
    modules: set[str] = field(default_factory=set)
    used: set[str] = field(default_factory=set)


class Package:
    """The modules below a folder.

    Args:
        folder: where the modules are.
        name: what their names begin with; empty for modules that are imported by their own names.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._prefix = f"{name}." if name else ""
        self._sources: dict[str, _Source] = {}
        self.files: dict[str, Path] = {}
        # A compiled module has a stub alone.
        for file in sorted((*folder.rglob("*.pyi"), *folder.rglob("*.py"))):
            parts = list(file.relative_to(folder).with_suffix("").parts)
            if parts[-1] == "__init__" and len(parts) > 1:
                parts.pop()
            module = parts[-1] if not name else ".".join(parts)
            self.files[module] = file
            self._sources[module] = self._read(file)

    def graph(self) -> dict[str, set[str]]:
        """For each module, without the package's name, those it imports anything from."""
        return {
            module: self._used_by(module, source) - {module}
            for module, source in self._sources.items()
        }

    def _read(self, file: Path) -> _Source:
        source = _Source()
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"), str(file))):
            if isinstance(node, ast.Import):
                ours = [self._inside(alias.name) for alias in node.names]
                source.modules.update(module for module in ours if module is not None)
            elif isinstance(node, ast.ImportFrom) and node.module is not None and not node.level:
                module = self._inside(node.module)
                if module is not None:
                    source.names.update(
                        {alias.asname or alias.name: (module, alias.name) for alias in node.names}
                    )
            elif isinstance(node, ast.Name):
                source.used.add(node.id)
        return source

    def _inside(self, dotted: str) -> str | None:
        """A module's name without the package's; None when it is not one of ours."""
        if not self._prefix:
            return dotted
        if f"{dotted}." == self._prefix:
            return "__init__"
        return dotted.removeprefix(self._prefix) if dotted.startswith(self._prefix) else None

    def _used_by(self, module: str, source: _Source) -> set[str]:
        passes_on = self.files[module].name == "__init__.py"
        found = {self._definer(used, None, set()) for used in source.modules}
        found |= {
            self._definer(used, name, set())
            for local, (used, name) in source.names.items()
            if not passes_on or local in source.used
        }
        return {used for used in found if used is not None}

    def _definer(self, module: str, name: str | None, seen: set[tuple[str, str]]) -> str | None:
        """The module that defines a name of a module; the module itself without a name."""
        if name is not None:
            inner = name if module == "__init__" else f"{module}.{name}"
            if inner in self._sources:
                return inner
            source = self._sources.get(module)
            if source is not None and self.files[module].name == "__init__.py":
                passed = source.names.get(name)
                if passed is not None and passed not in seen:
                    return self._definer(*passed, seen | {passed})
        while module and module not in self._sources:
            module = module.rpartition(".")[0]
        return module or None
