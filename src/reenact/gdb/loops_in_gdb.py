"""Runs inside of gdb (`gdb -x`): tells the server of loops before gdb steps back through them.

gdb steps back instruction by instruction, and asks after each whether it is still in the range of
the line table that it steps through. While it is inside of one that loops and calls nothing, it
asks for the next one in any case: the server may answer with the first place there at once.
Only what gdb's own Python offers is used: this file is never imported by reenact.
"""

from __future__ import annotations

import contextlib
import re
from typing import Any

import gdb  # type: ignore[import-untyped]

#: Functions that are looked at, bytes.
_LARGEST = 1 << 16
#: Instructions that lead into other frames, or to the kernel.
_LEAVING = re.compile(r"(?:\w+\s+)?(?:l?call|l?ret|iret|sys|int\b|ud2|hlt|bnd (?:call|ret))")
_JUMP = re.compile(r"(?:bnd |notrack )?(?:j|loop)\w*\s+(0x[0-9a-f]+)")
#: Loops of functions by where they begin, and by the files that are loaded.
_known: dict[tuple[object, ...], list[tuple[int, int]]] = {}


def _rows(frame: Any) -> list[tuple[int, int]]:
    """The ranges that gdb steps through in the function of a frame: begin and end."""
    block = frame.block()
    while block is not None and block.function is None:
        block = block.superblock
    symtab = frame.find_sal().symtab
    if block is None or symtab is None or block.end - block.start > _LARGEST:
        return []
    key = (gdb.current_progspace().filename, symtab.filename, block.start, block.end)
    if key not in _known:
        inside = (row.pc for row in symtab.linetable() if block.start <= row.pc < block.end)
        found = {(sal.pc, sal.last + 1) for sal in map(gdb.find_pc_line, inside) if sal.last}
        architecture = frame.architecture()
        _known[key] = [row for row in sorted(found) if _is_loop(architecture, *row)]
    return _known[key]


def _is_loop(architecture: Any, begin: int, end: int) -> bool:
    """Whether a range jumps back into itself, and neither calls nor returns."""
    is_loop = False
    for instruction in architecture.disassemble(begin, end - 1):
        text = instruction["asm"]
        if _LEAVING.match(text):
            return False
        jump = _JUMP.match(text)
        is_loop = is_loop or (jump is not None and begin <= int(jump[1], 16) <= instruction["addr"])
    return is_loop


class LoopsBack(gdb.Command):  # type: ignore[misc]
    """Used by reenact: before steps back by lines, and before those by instructions."""

    def __init__(self) -> None:
        super().__init__("_reenact-loops-back", gdb.COMMAND_OBSCURE)
        self._is_told = False
        # Not a hook behind the command: that may come while the program still runs.
        gdb.events.stop.connect(self._stopped)

    def invoke(self, argument: str, _from_terminal: object) -> None:
        """Called by gdb."""
        rows: list[tuple[int, int]] = []
        if argument == "before":
            with contextlib.suppress(gdb.error, RuntimeError, AttributeError):
                rows = _rows(gdb.newest_frame())
        if rows or self._is_told:
            # Also where Ctrl-C ends it: who is told twice knows no more than before.
            self._is_told = True
            _tell(rows)
            self._is_told = bool(rows)

    def _stopped(self, _event: Any) -> None:
        """A command has come to its end, whatever has become of it."""
        if self._is_told:
            with contextlib.suppress(gdb.error, KeyboardInterrupt):
                _tell([])
                self._is_told = False


def _tell(rows: list[tuple[int, int]]) -> None:
    words = " ".join(f"{begin:#x}-{end:#x}" for begin, end in rows)
    gdb.execute(f"monitor loops-back {words}", to_string=True)


LoopsBack()
for _name in ("reverse-next", "reverse-step"):
    gdb.execute(f"define hook-{_name}\n_reenact-loops-back before\nend", to_string=True)
# Whatever has become of the command before.
for _name in ("reverse-stepi", "reverse-nexti"):
    gdb.execute(f"define hook-{_name}\n_reenact-loops-back behind\nend", to_string=True)
