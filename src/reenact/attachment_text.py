"""One line about an attachment of an event, for people. Pure."""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Callable

from reenact.events import Attachment

#: Bytes that are shown of a string, where nothing else is asked for.
SHOWN = 48
#: Those that strace does not write as numbers (`string_quote` in its util.c).
_ESCAPES = {ord(character): f"\\{letter}" for character, letter in zip('\t\n\v\f\r"\\', 'tnvfr"\\')}
_WORD = struct.Struct("<Q")
# MapRecord in crates/trace/src/attachment.rs.
_MAP = struct.Struct("<QIIIIQQ")
_NO_FILE = 0xFFFF_FFFF
_PROTECTIONS = ((1, "r"), (2, "w"), (4, "x"))
# Registers in crates/trace/src/registers.rs, in this order.
_REGISTERS = [
    "rax",
    "rcx",
    "rdx",
    "rbx",
    "rsp",
    "rbp",
    "rsi",
    "rdi",
    "r8",
    "r9",
    "r10",
    "r11",
    "r12",
    "r13",
    "r14",
    "r15",
    "rip",
    "rflags",
    "fs_base",
    "gs_base",
]
# What a landing says of memory; the content follows where it is known.
_CHECKSUM = struct.Struct("<QQ")
# State components of the processor: crates/trace/src/vectors.rs.
_COMPONENTS = {0: "x87", 1: "sse", 2: "avx", 5: "opmask", 6: "zmm-high", 7: "zmm16-31"}
_PATHS = {0: "program", 1: "directory"}


def describe(attachment: Attachment, limit: int = SHOWN) -> str:
    """The line; content that cannot be understood is shown as bytes, at most `limit` of them."""
    describer = _DESCRIBERS.get(attachment.tag)
    if describer is not None:
        with contextlib.suppress(struct.error, ValueError):
            return describer(attachment)
    return _bytes(attachment, limit)


def quoted(content: bytes, limit: int = SHOWN) -> str:
    """Bytes as strace shows them: a string of C with octal escapes, `...` behind it where cut."""
    shown = content[:limit]
    parts = []
    for byte, following in zip(shown, [*shown[1:], 0]):
        if byte in _ESCAPES:
            parts.append(_ESCAPES[byte])
        elif 32 <= byte < 127:
            parts.append(chr(byte))
        else:
            # As short as it can be: a digit behind it would be taken for a part of it.
            parts.append(f"\\{byte:03o}" if following in b"01234567" else f"\\{byte:o}")
    return f'"{"".join(parts)}"' + ("..." if len(content) > limit else "")


def _bytes(attachment: Attachment, limit: int) -> str:
    content = attachment.content
    where = f" {attachment.address:#x}" if attachment.address else ""
    return f"{attachment.tag}{where} {len(content)} bytes {quoted(content, limit)}"


def _map(attachment: Attachment) -> str:
    length, protection, flags, file, _, offset, file_size = _MAP.unpack(attachment.content)
    rights = "".join(letter if protection & bit else "-" for bit, letter in _PROTECTIONS)
    line = f"map {attachment.address:#x}-{attachment.address + length:#x} {rights} flags {flags:#x}"
    if file != _NO_FILE:
        line += f" file {file} of {file_size} bytes from {offset:#x}"
    return line


def written(attachment: Attachment, most: int) -> bytes:
    """The first bytes of what a call has written: those of a `write`, or zeros."""
    if attachment.tag == "zero":
        (length,) = _WORD.unpack(attachment.content)
        return bytes(min(length, most))
    return attachment.content[:most]


def _zero(attachment: Attachment) -> str:
    (length,) = _WORD.unpack(attachment.content)
    return f"zero {attachment.address:#x} {length} bytes"


def _registers(attachment: Attachment) -> str:
    values = struct.unpack(f"<{len(_REGISTERS)}Q", attachment.content)
    return "registers " + " ".join(f"{name}={value:#x}" for name, value in zip(_REGISTERS, values))


def _strings(attachment: Attachment) -> str:
    strings = attachment.content.removesuffix(b"\0").split(b"\0")
    return f"{attachment.tag} " + " ".join(quoted(string, 4096) for string in strings)


def _path(attachment: Attachment) -> str:
    which = _PATHS.get(attachment.address, str(attachment.address))
    return f"{which} {quoted(attachment.content, 4096)}"


def _text(attachment: Attachment) -> str:
    return f"text {quoted(attachment.content, 4096)}"


def _patch(attachment: Attachment) -> str:
    half = len(attachment.content) // 2
    new, old = attachment.content[:half], attachment.content[half:]
    return f"patch {attachment.address:#x} {old.hex(' ')} becomes {new.hex(' ')}"


def _detour(attachment: Attachment) -> str:
    (number,) = _WORD.unpack(attachment.content)
    return f"detour {attachment.address:#x} answers system call {number}"


def _sequence(attachment: Attachment) -> str:
    return f"sequence {attachment.address}"


def _output(attachment: Attachment) -> str:
    return f"output with checksum {attachment.address:#018x}"


def _process(attachment: Attachment) -> str:
    number, pid = struct.unpack("<II", attachment.content)
    return f"process {number} with pid {pid}"


def _memory_checksum(attachment: Attachment) -> str:
    length, checksum = _CHECKSUM.unpack_from(attachment.content)
    known = ", content known" if len(attachment.content) > _CHECKSUM.size else ""
    return f"checksum {attachment.address:#x} {length} bytes {checksum:#018x}{known}"


def _vectors(attachment: Attachment) -> str:
    name = _COMPONENTS.get(attachment.address, str(attachment.address))
    return f"vectors {name} {attachment.content.hex()}"


def _auxv(attachment: Attachment) -> str:
    pairs = struct.iter_unpack("<QQ", attachment.content)
    return "auxv " + " ".join(f"{key}={value:#x}" for key, value in pairs)


_DESCRIBERS: dict[str, Callable[[Attachment], str]] = {
    "map": _map,
    "zero": _zero,
    "registers": _registers,
    "argv": _strings,
    "envp": _strings,
    "path": _path,
    "text": _text,
    "patch": _patch,
    "detour": _detour,
    "sequence": _sequence,
    "output": _output,
    "process": _process,
    "memory-checksum": _memory_checksum,
    "vectors": _vectors,
    "auxv": _auxv,
}
