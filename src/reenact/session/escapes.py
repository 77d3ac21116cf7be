"""Ways out of a function that are no return: `longjmp`, and exceptions of C++ and the like."""

from __future__ import annotations

from reenact.session.view import View

#: Functions whose first argument is a `jmp_buf`.
_JUMPS = ("longjmp", "_longjmp", "siglongjmp", "__longjmp_chk", "__libc_siglongjmp")
#: The unwinder is told where an exception goes on (Itanium C++ ABI, 1.5.1).
_LANDING = "_Unwind_SetIP"

#: The word of a `jmp_buf` with the address (glibc: sysdeps/x86_64/jmpbuf-offsets.h; musl has
#: the same order).
_ADDRESS = 7
#: glibc stores both rotated, and combined with a word of the thread (sysdeps/x86_64/sysdep.h).
_ROTATION = 0x11
_GUARD = 0x30
_MASK = 2**64 - 1


class Escapes:
    """Where such ways out lead, seen when they are taken.

    Arguments:
        view: knows the functions, and the program where it stands.
    """

    def __init__(self, view: View) -> None:
        self._view = view
        self._jumps: frozenset[int] | None = None
        self._landings: frozenset[int] = frozenset()

    def addresses(self) -> frozenset[int]:
        """Where to stop to see one being taken."""
        if self._jumps is None:
            space = self._view.whole()
            self._jumps = frozenset(a for name in _JUMPS for a in space.entries(name))
            self._landings = frozenset(space.entries(_LANDING))
        return self._jumps | self._landings

    def target(self) -> int | None:
        """Where the one goes on that is being taken; None where it cannot be told."""
        registers = self._view.registers(None)
        if registers.rip in self._landings:
            return registers["rsi"]
        buffer = self._view.read(registers["rdi"], 64)
        if len(buffer) < 64:
            return None
        stored = int.from_bytes(buffer[8 * _ADDRESS : 8 * _ADDRESS + 8], "little")
        guard = self._view.read(registers["fs_base"] + _GUARD, 8)
        plain = _rotated(stored) ^ int.from_bytes(guard, "little")
        space = self._view.space()
        return next((a for a in (plain, stored) if space.module_at(a) is not None), None)


def _rotated(word: int) -> int:
    return (word >> _ROTATION | word << 64 - _ROTATION) & _MASK
