"""Debug information of the files a trace kept, opened when first asked for."""

from __future__ import annotations

import os
from collections.abc import Callable
from collections.abc import Mapping as Dictionary
from dataclasses import dataclass
from functools import partial

from reenact import _native, environment
from reenact.stores.place import is_remote
from reenact.symbols.debuginfod import Servers, servers_for

#: Where distributions put separate files of debug information.
_SYSTEM_DIRECTORY = "/usr/lib/debug"


@dataclass(frozen=True)
class File:
    """A file of a trace.

    Arguments:
        path: where it was on the machine that was recorded.
        open: a new descriptor of its copy in the trace; `OSError` or `TraceError` of `_native`
            where it has none that is as it was.
    """

    path: str
    open: Callable[[], int]


def debug_directories() -> list[str]:
    """Directories with separate debug files: those of REENACT_DEBUG_PATH, then the system's."""
    own = environment.DEBUG_PATH.get() or ""
    return [*filter(None, own.split(":")), _SYSTEM_DIRECTORY]


def _open_kept(trace: _native.Trace, path: str, number: int) -> int:
    if is_remote(path):
        from reenact.stores import remote

        remote.have(path, [number])
    return trace.open_kept(number)


def numbers_here(trace: _native.Trace, path: str) -> list[int]:
    """Numbers of the files of a trace; of one that is elsewhere, of those that were fetched."""
    numbers = [file.id for file in trace.files()]
    if is_remote(path):
        from reenact.stores import remote

        return remote.present(path, numbers)
    return numbers


class ModuleFiles:
    """Modules by number of their file.

    Arguments:
        files: the files of a trace.
        directories: roots with separate debug files; None: `debug_directories()`.
        servers: asked for debug files that are in none of them; None: nobody.
    """

    def __init__(
        self,
        files: Dictionary[int, File],
        directories: list[str] | None = None,
        servers: Servers | None = None,
    ) -> None:
        self._files = files
        self._directories = debug_directories() if directories is None else directories
        self._servers = servers
        self._modules: dict[int, _native.Module | None] = {}

    @staticmethod
    def of_trace(path: str) -> ModuleFiles:
        """The files of the trace at a path. Errors: `TraceError` of `_native`."""
        trace = _native.Trace(path)
        stored = trace.files()
        files = {f.id: File(f.path, partial(_open_kept, trace, path, f.id)) for f in stored}
        return ModuleFiles(files, servers=servers_for(path))

    def path(self, file: int) -> str:
        """Where a file was on the recorded machine; "" for none that is known."""
        found = self._files.get(file)
        return "" if found is None else found.path

    def open(self, file: int) -> int | None:
        """A new descriptor of the trace's copy of a file; None where it has none."""
        found = self._files.get(file)
        if found is None:
            return None
        try:
            return found.open()
        except (OSError, _native.TraceError):
            return None

    def module(self, file: int) -> _native.Module | None:
        """A file's debug information; None where it is no ELF file or cannot be read."""
        if file not in self._modules:
            self._modules[file] = self._read(file)
        return self._modules[file]

    def _read(self, file: int) -> _native.Module | None:
        descriptor = self.open(file)
        if descriptor is None:
            return None
        try:
            module = _native.Module(descriptor, self.path(file), self._directories)
            if self._servers is None or module.has_debug_information or module.build_id is None:
                return module
            if not self._servers.fetch(module.build_id):
                return module
            roots = [*self._directories, self._servers.directory]
            return _native.Module(descriptor, self.path(file), roots)
        except _native.SymbolError:
            # A data file that is mapped: it names nothing.
            return None
        finally:
            os.close(descriptor)
