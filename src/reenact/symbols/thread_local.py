"""Where the thread-local variables of a module are, for one thread.

Source: Drepper, "ELF Handling For Thread-Local Storage", 3.4.6; the GNU C library's nptl_db, whose
descriptions of the dynamic linker's structures (`_thread_db_…`) are in the library itself.
"""

from __future__ import annotations

import struct

from reenact.symbols.frames import Read
from reenact.symbols.link_maps import link_maps
from reenact.symbols.space import AddressSpace, Loaded

_WORD = 8
_ALL_ONES = (1 << 64) - 1
#: Bits of a field, its number of elements, its offset.
_DESCRIPTION = struct.Struct("<3I")
_MODULE_NUMBER = "_thread_db_link_map_l_tls_modid"
_DISTANCE = "_thread_db_link_map_l_tls_offset"
#: Of a module whose variables are not at a fixed distance from the thread pointer.
_NO_DISTANCES = (0, _ALL_ONES)
#: An element of the vector of a thread's blocks: pointer, and what is to be set free.
_ELEMENT = 16


class ThreadLocals:
    """The thread-local variables at one position.

    Arguments:
        space: the modules.
        read: reads the program's memory.
        program: path of the program itself.
    """

    def __init__(self, space: AddressSpace, read: Read, program: str) -> None:
        self._space = space
        self._read = read
        self._program = program

    def of_module(self, loaded: Loaded, thread_pointer: int) -> int | None:
        """Where those of a module begin; None: not known, or the thread has none of them yet."""
        own = loaded.module.thread_local
        if own is None or thread_pointer == 0:
            return None
        if loaded.path == self._program:
            # The program's own end at the thread pointer, whatever C library it has.
            size, alignment = own
            return thread_pointer - -(-size // max(alignment, 1)) * max(alignment, 1)
        for link_map in link_maps(self._space, self._read):
            if link_map.bias == loaded.bias:
                return self.of_link_map(link_map.address, thread_pointer)
        return None

    def of_link_map(self, link_map: int, thread_pointer: int) -> int | None:
        """The same, of the module that the dynamic linker describes at an address; 0: the program.

        The vector of a thread's blocks has the ones that were made when the thread asked for them.
        """
        if link_map == 0:
            known = (one for one in self._space.modules if one.path == self._program)
            program = next(known, None)
            return None if program is None else self.of_module(program, thread_pointer)
        distance = self._field(link_map, _DISTANCE)
        number = self._field(link_map, _MODULE_NUMBER)
        if not distance and not number:
            return None
        if distance is not None and distance not in _NO_DISTANCES:
            return thread_pointer - distance
        vector = self._word(thread_pointer + _WORD)
        if not vector or number is None or number > (self._word(vector - _ELEMENT) or 0):
            return None
        block = self._word(vector + _ELEMENT * number)
        return None if block in (None, *_NO_DISTANCES) else block

    def _field(self, structure: int, name: str) -> int | None:
        """A field of a structure that the C library describes under a name."""
        for description, _ in self._space.variables(name):
            content = self._read(description, _DESCRIPTION.size)
            if len(content) == _DESCRIPTION.size:
                bits, _, offset = _DESCRIPTION.unpack(content)
                return self._word(structure + offset) if bits == 8 * _WORD else None
        return None

    def _word(self, address: int) -> int | None:
        content = self._read(address, _WORD)
        return int.from_bytes(content, "little") if len(content) == _WORD else None
