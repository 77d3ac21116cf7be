"""Objects that a client reads in parts (`qXfer` packets): descriptions, threads, vectors.

Source: "General Query Packets", on qXfer, in gdb's manual (appendix E.4).
"""

from __future__ import annotations

from xml.sax.saxutils import quoteattr

from reenact import _native
from reenact.gdb import description
from reenact.gdb.identifiers import Names
from reenact.gdb.image import Image
from reenact.gdb.packets import escaped
from reenact.gdb.target import Target
from reenact.printable import printable
from reenact.symbols.link_maps import link_maps, path_of

#: What `qSupported` promises of this module.
OBJECTS = ("features", "auxv", "exec-file", "threads", "siginfo", "libraries-svr4")
#: Escaping may double a part, and the packet is limited.
_MOST_AT_ONCE = 0x7000


class Objects:
    """All that can be transferred.

    Arguments:
        target: what is debugged.
        trace: its trace.
        names: how threads are written.
    """

    def __init__(self, target: Target, trace: _native.Trace, names: Names) -> None:
        self._target = target
        self._trace = trace
        self._names = names

    def part(self, rest: str) -> bytes:
        """The answer to `qXfer:` and `rest`."""
        kind, action, annex, place = rest.split(":")
        content = self._content(kind, annex) if action == "read" else None
        if content is None:
            return b"E00"
        offset, length = (int(part, 16) for part in place.split(","))
        found = content[offset : offset + min(length, _MOST_AT_ONCE)]
        is_rest = offset + len(found) >= len(content)
        return (b"l" if is_rest else b"m") + escaped(found)

    def _content(self, kind: str, annex: str) -> bytes | None:
        if kind == "features":
            return description.target_xml() if annex == "target.xml" else None
        if kind == "threads":
            return self._threads()
        if kind == "libraries-svr4":
            return self._libraries()
        if kind == "siginfo":
            return self._signal_information()
        image = self._target.image
        if image is None:
            return None
        return _of_image(image, kind)

    def _threads(self) -> bytes:
        lines = (
            f'<thread id="{self._names.of(tid)}" name={quoteattr(printable(name))}>{more}</thread>'
            if name
            else f'<thread id="{self._names.of(tid)}">{more}</thread>'
            for tid, name, more in self._target.listed_threads()
        )
        return f'<?xml version="1.0"?><threads>{"".join(lines)}</threads>'.encode()

    def _libraries(self) -> bytes:
        """What the dynamic linker has loaded: one answer instead of many reads of memory."""
        read, main, lines = self._target.session.memory.read, "", []
        for found in link_maps(self._target.session.symbols, read):
            if found.is_first and not main:
                main = f' main-lm="{found.address:#x}"'
                continue
            # XML cannot tell control characters, and the client would print them.
            path = printable(path_of(found, read).decode(errors="surrogateescape"))
            # As for gdb itself, what has no path is no file.
            if path:
                lines.append(
                    f'<library name={quoteattr(path)} lm="{found.address:#x}" '
                    f'l_addr="{found.bias:#x}" l_ld="{found.dynamic:#x}" '
                    f'lmid="{found.namespace:#x}"/>'
                )
        text = f'<library-list-svr4 version="1.0"{main}>{"".join(lines)}</library-list-svr4>'
        return text.encode()

    def _signal_information(self) -> bytes | None:
        """The `siginfo_t` of the signal or fault that has just been told."""
        session = self._target.session
        if session.death is not None and session.is_at_death:
            return session.death.information or None
        position, raised = self._target.position, self._target.raised.event
        number = position.event if raised is None else raised.index
        for event in self._trace.events(position.process, number, number):
            for tag, _, content in event.attachments():
                if tag == "signal-info":
                    return content
        return None


def _of_image(image: Image, kind: str) -> bytes | None:
    if kind == "auxv":
        return image.auxv
    return printable(image.program).encode() if kind == "exec-file" else None
