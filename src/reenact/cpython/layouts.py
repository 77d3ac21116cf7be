"""Where CPython keeps what: offsets in its structures, by version. Pure: no I/O.

From 3.13 on the interpreter itself says where the fields are that change (`_Py_DebugOffsets`, at
the beginning of `_PyRuntime`); the older ones, and the layouts of objects, are given here. They
were taken by `offsetof` from the headers of 3.9.18, 3.10.13, 3.11.2, 3.11.7, 3.12.1 and 3.13.0;
what a release series has once it keeps. The two well-kept libraries that know them (py-spy and
pystack) read running processes and core files only, and cannot be given memory.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass

from reenact.errors import UsageError

#: The series whose layout is known.
OLDEST, NEWEST = (3, 9), (3, 14)

#: The same in all of them.
_COMMON = {
    "object.type": 8, "object.size": 16,
    "type.name": 24, "type.basic_size": 32, "type.item_size": 40, "type.flags": 168,
    "type.members": 240, "type.base": 256, "type.dict": 264, "type.dict_offset": 288,
    "type.mro": 344,
    "unicode.length": 16, "unicode.state": 32,
    "long.digits": 24, "bytes.data": 32, "bytearray.start": 40, "list.items": 24,
    "tuple.items": 24, "float.value": 16,
    "dict.used": 16, "dict.keys": 32, "dict.values": 40,
    "set.used": 24, "set.mask": 32, "set.table": 40,
    "exception.args": 24, "traceback.next": 16, "traceback.frame": 24, "traceback.line": 36,
    "module.dict": 16, "cell.value": 16, "method.function": 16, "method.self": 24,
    "thread.next": 8, "thread.interpreter": 16,
}  # fmt: skip

#: From 3.11 on: frames that are no objects, code with its instructions in it.
_NEW_FRAMES = {
    "exception.traceback": 40, "exception.context": 48, "exception.cause": 56,
    "keys.log2_size": 8, "keys.log2_index_bytes": 9, "keys.kind": 10, "keys.entries": 24,
    "keys.indices": 32,
    "exc_info.value": 0, "exc_info.previous": 8,
    "frame_object.frame": 24,
    "function.code": 48, "function.qualified_name": 40,
    "code.flags": 48, "code.constants": 24, "code.names": 32,
    "code.filename": 112, "code.name": 120, "code.qualified_name": 128, "code.local_names": 96,
    "code.local_kinds": 104, "code.line_table": 136,
}  # fmt: skip

#: From 3.12 on.
_COMPACT = {
    "unicode.ascii": 40, "unicode.compact": 56, "long.tag": 16,
    "heap_type.cached_keys": 880, "generator.frame": 72,
    "code.first_line": 68, "code.argument_count": 52,
    "frame.code": 0, "frame.previous": 8, "frame.globals": 24, "frame.locals": 40,
    "frame.instruction": 56, "frame.owner": 70, "frame.fast": 72,
}  # fmt: skip

#: 3.9 and 3.10.
_FRAME_OBJECTS = {
    "exception.traceback": 32, "exception.context": 40, "exception.cause": 48,
    "unicode.ascii": 48, "unicode.compact": 72,
    "interpreter.next": 0, "interpreter.threads": 8, "interpreter.modules": 856,
    "runtime.interpreters": 32,
    "thread.thread_id": 176, "thread.current_frame": 24, "thread.exc_info": 144,
    "thread.exception_value": 96, "thread.exception_traceback": 104,
    "exc_info.value": 8, "exc_info.previous": 24,
    "frame.code": 32, "frame.previous": 24, "frame.globals": 48, "frame.locals": 56,
    "code.flags": 36, "code.constants": 56, "code.names": 64, "code.filename": 104,
    "code.name": 112, "code.first_line": 40, "code.argument_count": 16, "code.local_names": 72,
    "code.cell_names": 88, "code.free_names": 80, "code.code_bytes": 48, "code.line_table": 120,
    "generator.frame": 16,
}  # fmt: skip

_OFFSETS: dict[tuple[int, int], dict[str, int]] = {
    (3, 9): {
        **_FRAME_OBJECTS, "frame.instruction": 104, "frame.fast": 360,
        "heap_type.cached_keys": 864, "function.code": 16, "function.qualified_name": 104,
    },
    (3, 10): {
        **_FRAME_OBJECTS, "frame.instruction": 96, "frame.fast": 352,
        "heap_type.cached_keys": 872, "function.code": 48, "function.qualified_name": 40,
    },
    (3, 11): {
        **_NEW_FRAMES, "unicode.ascii": 48, "unicode.compact": 72,
        "runtime.interpreters": 40, "interpreter.next": 0, "interpreter.threads": 16,
        "interpreter.modules": 888,
        "thread.thread_id": 152, "thread.cframe": 56, "thread.exc_info": 120,
        "thread.exception_value": 104, "thread.exception_traceback": 112,
        "cframe.current_frame": 8, "cframe.previous": 16,
        "frame.code": 32, "frame.previous": 48, "frame.globals": 8, "frame.locals": 24,
        "frame.instruction": 56, "frame.owner": 69, "frame.fast": 72,
        "code.first_line": 72, "code.argument_count": 56, "code.instructions": 184,
        "code.first_traceable": 168,
        "heap_type.cached_keys": 872, "generator.frame": 80, "values.values": 0,
    },
    (3, 12): {
        **_NEW_FRAMES, **_COMPACT,
        "runtime.interpreters": 40, "interpreter.next": 0, "interpreter.threads": 72,
        "interpreter.modules": 944,
        "thread.thread_id": 136, "thread.cframe": 56, "thread.current_exception": 96,
        "thread.exc_info": 104, "cframe.current_frame": 0, "cframe.previous": 8,
        "code.instructions": 192, "code.first_traceable": 176, "values.values": 0,
    },
    (3, 13): {
        **_NEW_FRAMES, **_COMPACT,
        "thread.current_exception": 112, "thread.exc_info": 120, "values.values": 8,
        "code.first_traceable": 184,
    },
    (3, 14): {
        **_NEW_FRAMES, **_COMPACT,
        "thread.current_exception": 112, "thread.exc_info": 120, "values.values": 8,
        "tuple.items": 32, "code.first_traceable": 192,
    },
}  # fmt: skip

#: What `_Py_DebugOffsets` begins with, up to the code objects: words, by name; the fields of
#: structures begin with the size of the structure. Later fields are not asked for.
_STRUCTURES = {
    (3, 13): (
        ("runtime", "finalizing interpreters"),
        (
            "interpreter",
            "id next threads gc modules sysdict builtins gil gil_state enabled locked holder",
        ),
        ("thread", "prev next interpreter current_frame thread_id native_id datastack status"),
        ("frame", "previous code instruction fast owner"),
        (
            "code",
            "filename name qualified_name line_table first_line argument_count local_names "
            "local_kinds instructions",
        ),
    ),
    (3, 14): (
        ("runtime", "finalizing interpreters"),
        (
            "interpreter",
            "id next threads main_thread gc modules sysdict builtins gil gil_state enabled locked "
            "holder code_generation tlbc_generation",
        ),
        ("thread", "prev next interpreter current_frame thread_id native_id datastack status"),
        ("frame", "previous code instruction fast owner stack_pointer tlbc_index"),
        (
            "code",
            "filename name qualified_name line_table first_line argument_count local_names "
            "local_kinds instructions tlbc",
        ),
    ),
}
_COOKIE = b"xdebugpy"
#: Cookie, version, whether it is a free-threaded build.
_HEAD = struct.Struct("<8sQQ")
#: Bytes of `_PyRuntime` that are enough for all of it.
HEAD_SIZE = 1024
#: No structure of an interpreter is larger.
_LARGEST = 1 << 24


@dataclass(frozen=True)
class Layout:
    """The offsets of one interpreter.

    Arguments:
        version: its series, such as (3, 11).
        offsets: of fields, bytes, by "structure.field".
    """

    version: tuple[int, int]
    offsets: Mapping[str, int]

    def __getitem__(self, field: str) -> int:
        return self.offsets[field]

    def __contains__(self, field: str) -> bool:
        return field in self.offsets

    @property
    def has_frame_objects(self) -> bool:
        """Whether each frame is an object: before 3.11."""
        return self.version < (3, 11)

    @property
    def name(self) -> str:
        """As people write it."""
        return f"CPython {self.version[0]}.{self.version[1]}"


def layout_of(version: tuple[int, int], runtime: bytes) -> Layout:
    """The layout of a release series.

    Arguments:
        version: the series.
        runtime: what `_PyRuntime` begins with, `HEAD_SIZE` bytes.

    Errors: `UsageError` for a series that is not known, and for free-threaded builds.
    """
    if version not in _OFFSETS:
        raise UsageError(
            f"Python {version[0]}.{version[1]} is not among the versions whose frames can be read",
            f"known are CPython {_text(OLDEST)} to {_text(NEWEST)}",
        )
    offsets = {**_COMMON, **_OFFSETS[version]}
    if version in _STRUCTURES:
        offsets.update(_own_offsets(version, runtime))
    return Layout(version, offsets)


def _own_offsets(version: tuple[int, int], runtime: bytes) -> dict[str, int]:
    """What the interpreter says of itself."""
    if len(runtime) < HEAD_SIZE:
        raise _strange(version)
    cookie, told, is_free_threaded = _HEAD.unpack_from(runtime)
    if cookie != _COOKIE or (told >> 24, told >> 16 & 0xFF) != version:
        raise _strange(version)
    if is_free_threaded:
        raise UsageError(
            f"this is a free-threaded build of Python {_text(version)}, whose frames cannot be "
            "read yet",
            "record the program with the ordinary build",
        )
    found: dict[str, int] = {}
    at = _HEAD.size
    for structure, fields in _STRUCTURES[version]:
        for field in ("size", *fields.split()):
            (value,) = struct.unpack_from("<Q", runtime, at)
            if value > _LARGEST:
                raise _strange(version)
            found[f"{structure}.{field}"] = value
            at += 8
    return found


def _strange(version: tuple[int, int]) -> UsageError:
    return UsageError(
        f"the interpreter says it is Python {_text(version)}, but does not tell its layout as that "
        "does",
        "it may be a build of a version before its release",
    )


def _text(version: tuple[int, int]) -> str:
    return f"{version[0]}.{version[1]}"
