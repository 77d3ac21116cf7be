"""The files of `/proc/PID` that a debugger reads, made from the trace and the session.

Source: proc(5); what gdb reads for `info proc` and `gcore` is in its gdb/linux-tdep.c.
"""

from __future__ import annotations

from reenact import _native
from reenact.printable import printable
from reenact.session.images import image_at
from reenact.session.session import Session
from reenact.symbols.files import ModuleFiles


class ProcessFiles:
    """Files of the debugged process at the session's position.

    Arguments:
        session: where it stands.
        files: the files of the trace.
        trace: the same trace.
    """

    def __init__(self, session: Session, files: ModuleFiles, trace: _native.Trace) -> None:
        self._session = session
        self._files = files
        self._process = next(p for p in trace.processes() if p.number == session.process)
        self._trace = trace

    def content(self, path: str) -> bytes | None:
        """What is in a file; None: it is not one of ours."""
        name = self._name(path)
        if name == "maps":
            return self._maps().encode()
        if name == "cmdline":
            image = self._image()
            arguments = [] if image is None else image.argv
            return b"".join(printable(word).encode() + b"\0" for word in arguments)
        if name == "status":
            return self._status().encode()
        return None

    def link(self, path: str) -> bytes | None:
        """Where a symbolic link points to; None: it is not one of ours."""
        name, image = self._name(path), self._image()
        if image is None:
            return None
        found = {"cwd": image.directory, "exe": image.program}.get(name)
        return None if found is None else printable(found).encode()

    def _name(self, path: str) -> str:
        for start in (f"/proc/{self._process.pid}/", "/proc/self/"):
            if path.startswith(start):
                name = path[len(start) :]
                return name.removeprefix(f"task/{self._process.pid}/")
        return ""

    def _image(self) -> _native.Image | None:
        """The program at the position, of its own or of the process it was forked from."""
        found = image_at(self._trace, self._process.number, self._session.position.event)
        if found is not None:
            return found[1]
        return self._process.images[0] if self._process.images else None

    def _maps(self) -> str:
        lines = []
        for mapping in self._session.mappings:
            # One line each, whatever the file is called; a client prints them, too.
            path = "" if mapping.file is None else printable(self._files.path(mapping.file))
            line = (
                f"{mapping.start:08x}-{mapping.end:08x} {mapping.protection}p "
                f"{mapping.offset:08x} 00:00 {0 if mapping.file is None else mapping.file + 1} "
            )
            lines.append(f"{line:<73}{path}".rstrip(" ") if path else line)
        return "".join(f"{line}\n" for line in lines)

    def _status(self) -> str:
        image = self._image()
        name = "" if image is None else printable(image.program.rpartition("/")[2][:15])
        return (
            f"Name:\t{name}\nState:\tt (tracing stop)\nTgid:\t{self._process.pid}\n"
            f"Pid:\t{self._process.pid}\nPPid:\t{self._process.ppid}\n"
            f"Threads:\t{len(self._session.threads)}\n"
        )
