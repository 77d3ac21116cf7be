"""Agent expressions: their instructions, and putting them together. Pure.

Source: "The GDB Agent Expression Mechanism", appendix F of gdb's manual; who carries them out is
`crates/agent`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Union

from reenact.symbols.frames import DWARF_REGISTERS

#: Number and bytes of the operand of each instruction.
OPCODES = {
    "add": (0x02, 0), "sub": (0x03, 0), "mul": (0x04, 0), "div_signed": (0x05, 0),
    "div_unsigned": (0x06, 0), "rem_signed": (0x07, 0), "rem_unsigned": (0x08, 0),
    "lsh": (0x09, 0), "rsh_signed": (0x0A, 0), "rsh_unsigned": (0x0B, 0), "trace": (0x0C, 0),
    "trace_quick": (0x0D, 1), "log_not": (0x0E, 0), "bit_and": (0x0F, 0), "bit_or": (0x10, 0),
    "bit_xor": (0x11, 0), "bit_not": (0x12, 0), "equal": (0x13, 0), "less_signed": (0x14, 0),
    "less_unsigned": (0x15, 0), "ext": (0x16, 1), "ref8": (0x17, 0), "ref16": (0x18, 0),
    "ref32": (0x19, 0), "ref64": (0x1A, 0), "if_goto": (0x20, 2), "goto": (0x21, 2),
    "const8": (0x22, 1), "const16": (0x23, 2), "const32": (0x24, 4), "const64": (0x25, 8),
    "reg": (0x26, 2), "end": (0x27, 0), "dup": (0x28, 0), "pop": (0x29, 0),
    "zero_ext": (0x2A, 1), "swap": (0x2B, 0), "tracenz": (0x2F, 0), "pick": (0x32, 1),
    "rot": (0x33, 0),
}  # fmt: skip

#: gdb's numbers of the general registers, which agent expressions have: in another order.
_NUMBERS = (
    "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "rsp",
    "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "rip",
)  # fmt: skip
_CONSTANTS = ((1, "const8"), (2, "const16"), (4, "const32"), (8, "const64"))
_REFERENCES = {1: "ref8", 2: "ref16", 4: "ref32", 8: "ref64"}
_WORD = 64
#: Longest expression, bytes: it runs at each hit.
_LONGEST = 8 << 10


class NotCompilableError(Exception):
    """An expression, or something in it, that is evaluated the slow way: where it is asked for."""


class Label:
    """A place in code that is jumped to. Each is one of its own."""


@dataclass(frozen=True)
class Jump:
    """An instruction that goes on at a label."""

    name: str
    to: Label


#: Part of an expression: instructions by name and operand, jumps, and labels where they lead to.
Code = tuple[Union[tuple[str, int], Jump, Label], ...]

ADD: Code = (("add", 0),)
DUP: Code = (("dup", 0),)
POP: Code = (("pop", 0),)
NOT: Code = (("log_not", 0),)
#: An expression that comes here has no value: whoever asked finds out why.
FAIL: Code = (("const8", 0), ("const8", 0), ("div_unsigned", 0))


def constant(value: int) -> Code:
    """Put a number on the stack, as 64 bits."""
    value %= 1 << _WORD
    name = next(name for size, name in _CONSTANTS if value < 1 << 8 * size)
    return ((name, value),)


def register(number: int) -> Code:
    """Put a general register on the stack, by its DWARF number."""
    return (("reg", _NUMBERS.index(DWARF_REGISTERS[number])),)


def reference(size: int) -> Code:
    """In place of an address what is there: so many bytes, without a sign.

    Errors: `NotCompilableError` for a number of bytes that no instruction reads.
    """
    if size not in _REFERENCES:
        raise NotCompilableError(f"{size} bytes are no number")
    return ((_REFERENCES[size], 0),)


def extended(size: int, *, is_signed: bool) -> Code:
    """Cut the top off to so many bytes, and extend what is left to 64 bits."""
    if 8 * size == _WORD:
        return ()
    return (("ext" if is_signed else "zero_ext", 8 * size),)


def need(condition: Code) -> Code:
    """Go on where a condition holds; where it does not, the expression has no value."""
    holds = Label()
    return (*condition, Jump("if_goto", holds), *FAIL, holds)


def chosen(condition: Code, first: Code, second: Code) -> Code:
    """The first where a condition holds, else the second."""
    holds, end = Label(), Label()
    return (*condition, Jump("if_goto", holds), *second, Jump("goto", end), holds, *first, end)


def assembled(code: Code) -> bytes:
    """The bytes of a whole expression. Errors: `NotCompilableError` for one that is too long."""
    places: dict[Label, int] = {}
    at = 0
    for part in code:
        if isinstance(part, Label):
            if part in places:
                raise ValueError("a part of the code is in it twice, and jumps")
            places[part] = at
        else:
            name = part.name if isinstance(part, Jump) else part[0]
            at += 1 + OPCODES[name][1]
    if at >= _LONGEST:
        raise NotCompilableError("it is too long")
    found = b""
    for part in (*code, ("end", 0)):
        if isinstance(part, Label):
            continue
        name, operand = (part.name, places[part.to]) if isinstance(part, Jump) else part
        number, size = OPCODES[name]
        found += bytes((number,)) + operand.to_bytes(size, "big")
    return found
