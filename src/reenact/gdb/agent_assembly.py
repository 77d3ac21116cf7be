"""Agent expressions as text, as gdb's `maintenance agent-eval` writes them, made into bytes. Pure.

gdb sends the conditions of breakpoints by itself, those of watchpoints it does not; but it says
what they would be. Source: "Bytecode Descriptions" in gdb's manual (appendix F).
"""

from __future__ import annotations

import re

from reenact.compiling.instructions import OPCODES
from reenact.errors import UsageError

_LINE = re.compile(r"\s*(?P<at>\d+)\s+(?P<name>[a-z_0-9]+)(?:\s+(?P<operand>-?\d+))?\s*")


def assembled(lines: list[str]) -> bytes:
    """The bytes of an expression, one instruction a line: its place, its name, its operand.

    Errors: `UsageError` for what is no such text.
    """
    code = b""
    for line in lines:
        match = _LINE.fullmatch(line)
        opcode = None if match is None else OPCODES.get(match["name"])
        if match is None or opcode is None or int(match["at"]) != len(code):
            raise UsageError(f"{line.strip()!r} is no instruction of an agent expression")
        number, size = opcode
        operand = int(match["operand"] or 0) % 2 ** (8 * size)
        code += bytes((number,)) + operand.to_bytes(size, "big")
    return code


def uses_registers(code: bytes) -> bool:
    """Whether an expression means a frame: it has another value elsewhere."""
    sizes = dict(OPCODES.values())
    at = 0
    while at < len(code):
        if code[at] == OPCODES["reg"][0]:
            return True
        at += 1 + sizes[code[at]]
    return False
