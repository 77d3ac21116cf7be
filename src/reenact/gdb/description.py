"""Registers as gdb wants them: the target description, and their bytes in its order.

Source: gdb's features/i386/64bit-*.xml for names and order; Intel SDM volume 1, chapter 13, for
where the XSAVE area has them.
"""

from __future__ import annotations

from dataclasses import dataclass

from reenact.session.values import Registers

#: Of a process in 64-bit mode under Linux (arch/x86/include/asm/segment.h); fs, gs and the data
#: segments are 0.
_SEGMENTS = {"cs": 0x33, "ss": 0x2B, "ds": 0, "es": 0, "fs": 0, "gs": 0}
#: gdb's names of the general registers of its core feature, in its order.
_GENERAL = (
    "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "rsp",
    "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "rip",
)  # fmt: skip
_X87_CONTROL = ("fctrl", "fstat", "ftag", "fiseg", "fioff", "foseg", "fooff", "fop")
_LEGACY_SIZE = 576
_YMM_END = _LEGACY_SIZE + 16 * 16
_NONE = (1 << 64) - 1


@dataclass(frozen=True)
class Register:
    """A register: its name in gdb and its size in bytes."""

    name: str
    size: int
    type: str
    feature: str
    group: str = ""


def _layout() -> tuple[Register, ...]:
    core, sse, avx = "org.gnu.gdb.i386.core", "org.gnu.gdb.i386.sse", "org.gnu.gdb.i386.avx"
    found = []
    for name in _GENERAL:
        kind = {"rip": "code_ptr", "rsp": "data_ptr", "rbp": "data_ptr"}.get(name, "int64")
        found.append(Register(name, 8, kind, core))
    found.append(Register("eflags", 4, "i386_eflags", core))
    found += [Register(name, 4, "int32", core) for name in _SEGMENTS]
    found += [Register(f"st{number}", 10, "i387_ext", core) for number in range(8)]
    found += [Register(name, 4, "int", core, "float") for name in _X87_CONTROL]
    found += [Register(f"xmm{number}", 16, "vec128", sse) for number in range(16)]
    found.append(Register("mxcsr", 4, "i386_mxcsr", sse, "vector"))
    found.append(Register("orig_rax", 8, "int", "org.gnu.gdb.i386.linux", "system"))
    segments = "org.gnu.gdb.i386.segments"
    found += [Register(name, 8, "int", segments) for name in ("fs_base", "gs_base")]
    found += [Register(f"ymm{number}h", 16, "uint128", avx) for number in range(16)]
    return tuple(found)


#: All registers, by gdb's number.
REGISTERS = _layout()

_FLAGS = """<flags id="i386_eflags" size="4"><field name="CF" start="0" end="0"/>\
<field name="PF" start="2" end="2"/><field name="AF" start="4" end="4"/>\
<field name="ZF" start="6" end="6"/><field name="SF" start="7" end="7"/>\
<field name="TF" start="8" end="8"/><field name="IF" start="9" end="9"/>\
<field name="DF" start="10" end="10"/><field name="OF" start="11" end="11"/></flags>"""
_VECTORS = """<vector id="v4f" type="ieee_single" count="4"/>\
<vector id="v2d" type="ieee_double" count="2"/><vector id="v16i8" type="int8" count="16"/>\
<vector id="v8i16" type="int16" count="8"/><vector id="v4i32" type="int32" count="4"/>\
<vector id="v2i64" type="int64" count="2"/><union id="vec128">\
<field name="v4_float" type="v4f"/><field name="v2_double" type="v2d"/>\
<field name="v16_int8" type="v16i8"/><field name="v8_int16" type="v8i16"/>\
<field name="v4_int32" type="v4i32"/><field name="v2_int64" type="v2i64"/>\
<field name="uint128" type="uint128"/></union><flags id="i386_mxcsr" size="4">\
<field name="IE" start="0" end="0"/><field name="ZE" start="2" end="2"/></flags>"""
_TYPES = {"org.gnu.gdb.i386.core": _FLAGS, "org.gnu.gdb.i386.sse": _VECTORS}


def target_xml() -> bytes:
    """The description that `qXfer:features:read:target.xml` gives."""
    features: dict[str, list[str]] = {}
    for register in REGISTERS:
        group = f' group="{register.group}"' if register.group else ""
        features.setdefault(register.feature, []).append(
            f'<reg name="{register.name}" bitsize="{8 * register.size}" '
            f'type="{register.type}"{group}/>'
        )
    body = "".join(
        f'<feature name="{feature}">{_TYPES.get(feature, "")}{"".join(lines)}</feature>'
        for feature, lines in features.items()
    )
    return (
        '<?xml version="1.0"?><!DOCTYPE target SYSTEM "gdb-target.dtd"><target>'
        f"<architecture>i386:x86-64</architecture><osabi>GNU/Linux</osabi>{body}</target>"
    ).encode()


def encoded(registers: Registers) -> list[bytes | None]:
    """The bytes of each of `REGISTERS`; None: not available."""
    area = registers.xsave
    words: list[bytes | None] = [registers[name].to_bytes(8, "little") for name in _GENERAL]
    words.append((registers["rflags"] & 0xFFFFFFFF).to_bytes(4, "little"))
    words += [value.to_bytes(4, "little") for value in _SEGMENTS.values()]
    if len(area) < _LEGACY_SIZE:
        words += [None] * (8 + len(_X87_CONTROL) + 17)
    else:
        words += [area[32 + 16 * number : 42 + 16 * number] for number in range(8)]
        words += _x87_control(area)
        words += [area[160 + 16 * number : 176 + 16 * number] for number in range(16)]
        words.append(area[24:28])
    words.append(_NONE.to_bytes(8, "little"))
    words += [registers[name].to_bytes(8, "little") for name in ("fs_base", "gs_base")]
    has_avx = len(area) >= _YMM_END
    # A component in its initial state is not written: its bit in XSTATE_BV is 0.
    is_in_use = has_avx and bool(area[512] & 4)
    for number in range(16):
        place = _LEGACY_SIZE + 16 * number
        upper = area[place : place + 16] if is_in_use else bytes(16)
        words.append(upper if has_avx else None)
    return words


def absent() -> list[bytes | None]:
    """As `encoded`, of a thread that is not there.

    It is at 0: gdb looks at the address of each thread before it goes on, and fails half-way, with
    its client waiting, where one has none (`thread_still_needs_step_over_bp` in gdb/infrun.c).
    """
    found: list[bytes | None] = [None] * len(REGISTERS)
    found[_GENERAL.index("rip")] = bytes(8)
    return found


def changed(registers: Registers, number: int, content: bytes) -> Registers:
    """Registers with one of `REGISTERS` replaced; those a branch does not need stay as they are."""
    register = REGISTERS[number]
    value = int.from_bytes(content[: register.size], "little")
    if register.name in _GENERAL or register.name in ("fs_base", "gs_base"):
        return registers.replaced(**{register.name: value})
    if register.name == "eflags":
        return registers.replaced(rflags=value)
    if register.name.startswith("xmm") and len(registers.xsave) >= _LEGACY_SIZE:
        place = 160 + 16 * int(register.name[3:])
        area = bytearray(registers.xsave)
        area[place : place + 16] = content[:16].ljust(16, b"\0")
        return Registers(registers.general, bytes(area))
    return registers


def _x87_control(area: bytes) -> list[bytes | None]:
    def short(place: int) -> int:
        return int.from_bytes(area[place : place + 2], "little")

    top = short(2) >> 11 & 7
    tags = 0
    for physical in range(8):
        # The area keeps one bit for each register; gdb wants the tag word of FSTENV (SDM 1, 8.1.7).
        kind = 3
        if area[4] >> physical & 1:
            place = 32 + 16 * ((physical - top) & 7)
            exponent = short(place + 8) & 0x7FFF
            mantissa = int.from_bytes(area[place : place + 8], "little")
            kind = 0
            if exponent == 0 and mantissa == 0:
                kind = 1
            elif exponent in (0, 0x7FFF) or not mantissa >> 63:
                kind = 2
        tags |= kind << 2 * physical
    values = (
        short(0), short(2), tags, 0, int.from_bytes(area[8:12], "little"), 0,
        int.from_bytes(area[16:20], "little"), short(6),
    )  # fmt: skip
    return [value.to_bytes(4, "little") for value in values]
