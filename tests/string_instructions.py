"""Every string instruction: a program that executes each once, and what each accesses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

WIDTHS = {"b": 1, "w": 2, "l": 4, "q": 8}
#: Bytes of the memory that belongs to one operand of one instruction.
REGION = 512
#: Where in it the first element is; elements of a repetition; the one that ends it early.
FIRST, COUNT, ENDING = 256, 5, 2


@dataclass(frozen=True)
class StringInstruction:
    """One of them: what it does, on what, how often and in which direction."""

    operation: str
    width: str
    prefix: str
    is_backward: bool
    is_short: bool
    count: int = COUNT

    @property
    def reads(self) -> tuple[str, ...]:
        """What it reads: "source", "target"."""
        return {"movs": ("source",), "lods": ("source",), "scas": ("target",),
                "cmps": ("source", "target")}.get(self.operation, ())  # fmt: skip

    @property
    def writes(self) -> tuple[str, ...]:
        """What it writes."""
        return ("target",) if self.operation in ("movs", "stos") else ()

    @property
    def extent(self) -> range:
        """The bytes it accesses of a region."""
        size = WIDTHS[self.width]
        elements = self.count if self.prefix else 1
        if self.prefix in ("repe", "repne"):
            elements = min(elements, ENDING + 1)
        if self.is_backward:
            return range(FIRST - (elements - 1) * size, FIRST + size) if elements else range(0)
        return range(FIRST, FIRST + elements * size)

    def content(self, operand: str) -> bytes:
        """What is in a region before it."""
        size = WIDTHS[self.width]
        # The source and the accumulator are zero: what is compared with them is, or is not.
        same, other = (0, 1) if self.prefix == "repe" else (1, 0)
        bytes_ = bytearray([same]) * REGION if operand == "target" else bytearray(REGION)
        if operand == "target":
            at = FIRST + ENDING * size * (-1 if self.is_backward else 1)
            bytes_[at : at + size] = bytes([other]) * size
        return bytes(bytes_)


def all_string_instructions() -> Iterator[StringInstruction]:
    """All of them."""
    for operation in ("movs", "stos", "lods", "cmps", "scas"):
        repeated = ("repe", "repne") if operation in ("cmps", "scas") else ("rep",)
        for width in WIDTHS:
            for prefix in ("", *repeated):
                for is_backward in (False, True):
                    for is_short in (False, True):
                        yield StringInstruction(operation, width, prefix, is_backward, is_short)
        for prefix in repeated:
            yield StringInstruction(operation, "q", prefix, False, False, count=0)


def source_text(instructions: list[StringInstruction]) -> str:
    """A program that executes all of them, in assembler."""
    code, source, target = [], [], []
    for number, one in enumerate(instructions):
        address = "addr32 " if one.is_short else ""
        code += [
            f"    lea source + {number * REGION + FIRST}, %rsi",
            f"    lea target + {number * REGION + FIRST}, %rdi",
            f"    mov ${one.count}, %ecx",
            "    xor %eax, %eax",
            "    std" if one.is_backward else "    cld",
        ]
        if one.is_short:
            # What is above does not count.
            code += [f"    btsq $40, %{register}" for register in ("rcx", "rsi", "rdi")]
        code.append(f"    {address}{one.prefix} {one.operation}{one.width}")
        for operand, lines in (("source", source), ("target", target)):
            content = one.content(operand)
            lines.append("    .byte " + ", ".join(map(str, content)))
    return "\n".join(
        (
            "    .globl source, target, main",
            "    .text",
            "main:",
            *code,
            "    cld",
            "    xor %eax, %eax",
            "    ret",
            "    .data",
            "    .type source, @object",
            "source:",
            *source,
            "    .type target, @object",
            "target:",
            *target,
            '    .section .note.GNU-stack, "", @progbits',
            "",
        )
    )
