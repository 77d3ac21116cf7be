"""Runs inside of gdb (`gdb -x`): pretty printers and the like of the libraries that are recorded.

gdb would load scripts by itself, also those that a recorded file brings along, and would run them
outside of any sandbox: this is switched off. Loaded are only scripts that are installed on this
machine, in gdb's own directories for them (`show auto-load scripts-directory`) and those that a
recorded file names (Go's does), as far as gdb regards their places as safe (`show auto-load
safe-path`); from the trace comes nothing but the name to look for. Only what gdb's own Python
offers is used: this file is never imported by reenact.
"""

from __future__ import annotations

import contextlib
import functools
import os
import re
import struct
import traceback
from collections.abc import Iterator
from typing import Any

import gdb  # type: ignore[import-untyped]

_loaded: set[str] = set()
_declined: set[str] = set()
#: `Elf64_Shdr`: the name's offset, kind, flags, address, offset, size, and what does not matter.
_SECTION = struct.Struct("<IIQQQQ24x")
_COMPRESSED = 1 << 11
#: More than sections with names have, bytes.
_MOST = 1 << 20


class _Installed:
    """An object file as scripts expect it: where it would be on this machine.

    They find their modules by its place; all else is the object file's own.
    """

    def __init__(self, objfile: Any, path: str) -> None:
        self.__dict__["_objfile"] = objfile
        self.__dict__["filename"] = path

    def __getattr__(self, name: str) -> Any:
        return getattr(self._objfile, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._objfile, name, value)


def _directories(parameter: str) -> list[str]:
    """Directories of one of gdb's settings."""
    known = {
        "$debugdir": str(gdb.parameter("debug-file-directory") or ""),
        "$datadir": os.path.dirname(gdb.PYTHONDIR),
    }
    found = []
    for entry in str(gdb.parameter(parameter) or "").split(":"):
        for name, value in known.items():
            if entry == name or entry.startswith(name + "/"):
                # The setting may be several directories itself.
                found += [one + entry[len(name) :] for one in value.split(":") if one]
                break
        else:
            found.append(entry)
    return [os.path.realpath(entry) for entry in found if os.path.isabs(entry)]


def _scripts(path: str) -> Iterator[tuple[str, str]]:
    """Scripts for a file of the recorded machine, each with the path that it is made for."""
    safe = _directories("auto-load safe-path")
    folder, name = os.path.split(path)
    usual = folder.removeprefix("/usr")
    # A library is loaded by a link to it, libstdc++.so.6 for libstdc++.so.6.0.30.
    wanted = re.compile(re.escape(name) + r"(\.[0-9]+)*-gdb\.py")
    for directory in _directories("auto-load scripts-directory"):
        for variant in dict.fromkeys((folder, usual, "/usr" + usual)):
            place = os.path.realpath(directory + variant)
            if not _is_inside(place, [directory]):
                continue
            with contextlib.suppress(OSError):
                for entry in filter(wanted.fullmatch, sorted(os.listdir(place))):
                    script = os.path.realpath(os.path.join(place, entry))
                    if _is_inside(script, safe):
                        yield script, os.path.join(variant, entry.removesuffix("-gdb.py"))


def _named(path: str) -> Iterator[str]:
    """Scripts that a recorded file names by a whole path (gdb's manual, ".debug_gdb_scripts").

    Those that gdb does not regard as safe are told, as gdb itself does it.
    """
    # Whoever regards all files as safe has not thought of those that come along with a trace.
    safe = [directory for directory in _directories("auto-load safe-path") if directory != "/"]
    for entry in _section(path, b".debug_gdb_scripts").split(b"\0"):
        name = os.fsdecode(entry[1:])
        # 1 and 3: a file of Python, of Scheme; 4: text, which would be the trace's own.
        if entry[:1] != b"\1" or not os.path.isabs(name) or not name.endswith(".py"):
            continue
        script = os.path.realpath(name)
        if _is_inside(script, safe):
            yield script
        elif os.path.isfile(script) and script not in _declined:
            _declined.add(script)
            said = (
                f"reenact: {ascii(name)[1:-1]} of this machine shows values of this program: to "
                "have it loaded, start gdb with -iex 'add-auto-load-safe-path "
                f"{ascii(os.path.dirname(script))[1:-1]}' (behind --)\n"
            )
            # What is said while gdb begins is not shown.
            gdb.post_event(functools.partial(gdb.write, said))


def _section(path: str, wanted: bytes) -> bytes:
    """The content of a section of an ELF file, which may be anybody's; empty: there is none."""
    try:
        with open(path, "rb") as file:
            header = file.read(64)
            if header[:6] != b"\x7fELF\2\1":
                return b""
            (table,) = struct.unpack_from("<Q", header, 40)
            size, count, names = struct.unpack_from("<HHH", header, 58)
            if size != _SECTION.size or names >= count:
                return b""
            file.seek(table)
            sections = list(_SECTION.iter_unpack(file.read(size * count)))

            def content(number: int) -> bytes:
                file.seek(sections[number][4])
                return file.read(min(sections[number][5], _MOST))

            texts = content(names)
            for number, (name, _, flags, *_rest) in enumerate(sections):
                is_it = texts[name:].startswith(wanted + b"\0")
                if is_it and not flags & _COMPRESSED:
                    return content(number)
    except (OSError, ValueError, IndexError, OverflowError, struct.error):
        pass
    return b""


def _is_inside(path: str, directories: list[str]) -> bool:
    return any((path + "/").startswith(one.rstrip("/") + "/") for one in directories)


def _load(script: str, objfile: _Installed) -> None:
    with open(script, "rb") as file:
        code = compile(file.read(), script, "exec")
    before = gdb.current_objfile
    # What scripts of libraries ask for while gdb loads them.
    gdb.current_objfile = lambda: objfile
    try:
        exec(code, {"__name__": "__main__", "__file__": script})  # noqa: S102 (it is installed here)
    finally:
        gdb.current_objfile = before


def _on_new_objfile(event: Any) -> None:
    objfile = event.new_objfile
    name = str(objfile.filename or "")
    # Where the recorded machine's files are: a tree of links to the trace's copies.
    root = str(gdb.parameter("sysroot"))
    if not name.startswith(f"{root}/") or "\0" in name:
        return
    for script, path in _scripts(os.path.normpath(name[len(root) :])):
        _load_once(script, objfile, path)
    for script in _named(name):
        _load_once(script, objfile, os.path.normpath(name[len(root) :]))


def _load_once(script: str, objfile: Any, path: str) -> None:
    if script in _loaded:
        return
    _loaded.add(script)
    try:
        _load(script, _Installed(objfile, path))
    except Exception:
        traceback.print_exc()


if gdb.parameter("auto-load python-scripts"):
    gdb.events.new_objfile.connect(_on_new_objfile)
gdb.execute("set auto-load off")
