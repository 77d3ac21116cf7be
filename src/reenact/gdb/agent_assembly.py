"""Agent expressions as text, as gdb's `maintenance agent-eval` writes them, made into bytes. Pure.

gdb sends the conditions of breakpoints by itself, those of watchpoints it does not; but it says
what they would be. Source: "Bytecode Descriptions" in gdb's manual (appendix F).
"""

from __future__ import annotations

import re

from reenact.errors import UsageError

#: Number and bytes of the operand of each instruction.
_OPCODES = {
    "add": (0x02, 0), "sub": (0x03, 0), "mul": (0x04, 0), "div_signed": (0x05, 0),
    "div_unsigned": (0x06, 0), "rem_signed": (0x07, 0), "rem_unsigned": (0x08, 0),
    "lsh": (0x09, 0), "rsh_signed": (0x0A, 0), "rsh_unsigned": (0x0B, 0), "trace": (0x0C, 0),
    "trace_quick": (0x0D, 1), "log_not": (0x0E, 0), "bit_and": (0x0F, 0), "bit_or": (0x10, 0),
    "bit_xor": (0x11, 0), "bit_not": (0x12, 0), "equal": (0x13, 0), "less_signed": (0x14, 0),
    "less_unsigned": (0x15, 0), "ext": (0x16, 1), "ref8": (0x17, 0), "ref16": (0x18, 0),
    "ref32": (0x19, 0), "ref64": (0x1A, 0), "if_goto": (0x20, 2), "goto": (0x21, 2),
    "const8": (0x22, 1), "const16": (0x23, 2), "const32": (0x24, 4), "const64": (0x25, 8),
    "reg": (0x26, 2), "end": (0x27, 0), "dup": (0x28, 0), "pop": (0x29, 0),
    "zero_ext": (0x2A, 1), "swap": (0x2B, 0), "pick": (0x32, 1), "rot": (0x33, 0),
}  # fmt: skip
_LINE = re.compile(r"\s*(?P<at>\d+)\s+(?P<name>[a-z_0-9]+)(?:\s+(?P<operand>-?\d+))?\s*")


def assembled(lines: list[str]) -> bytes:
    """The bytes of an expression, one instruction a line: its place, its name, its operand.

    Errors: `UsageError` for what is no such text.
    """
    code = b""
    for line in lines:
        match = _LINE.fullmatch(line)
        opcode = None if match is None else _OPCODES.get(match["name"])
        if match is None or opcode is None or int(match["at"]) != len(code):
            raise UsageError(f"{line.strip()!r} is no instruction of an agent expression")
        number, size = opcode
        operand = int(match["operand"] or 0) % 2 ** (8 * size)
        code += bytes((number,)) + operand.to_bytes(size, "big")
    return code


def uses_registers(code: bytes) -> bool:
    """Whether an expression means a frame: it has another value elsewhere."""
    sizes = dict(_OPCODES.values())
    at = 0
    while at < len(code):
        if code[at] == _OPCODES["reg"][0]:
            return True
        at += 1 + sizes[code[at]]
    return False
