"""The conversation with one client: packets in, answers out.

Source: gdb's manual, appendix E. It is Python on purpose: all that packets ask for is logic over
a Python session; a Rust stub would call back into Python for each packet and save nothing.
"""

from __future__ import annotations

import contextlib
import queue
import socket
import threading
import traceback
from collections.abc import Callable

from reenact import _native, environment
from reenact.errors import ReenactError
from reenact.gdb import description, monitor
from reenact.gdb.files import TraceFiles
from reenact.gdb.image import Image, images
from reenact.gdb.packets import Interrupt, Packet, PacketParser, escaped, framed, unescaped
from reenact.gdb.signals import to_gdb
from reenact.gdb.target import Resumption, Target
from reenact.session.session import Session
from reenact.symbols.files import ModuleFiles

_SUPPORTED = (
    "PacketSize=10000;QStartNoAckMode+;ReverseStep+;ReverseContinue+;vContSupported+;swbreak+;"
    "hwbreak+;QCatchSyscalls+;QPassSignals+;qXfer:features:read+;qXfer:auxv:read+;"
    "qXfer:exec-file:read+;qXfer:threads:read+"
)
_ERROR = "E01"
_NO_MEMORY = "E0e"


class Conversation:
    """Serves one client until it leaves.

    Arguments:
        session: what it debugs; it stays open.
        connection: the socket to the client.
    """

    def __init__(self, session: Session, connection: socket.socket) -> None:
        self._session = session
        self._target = Target(session)
        self._connection = connection
        self._packets: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._wants_acknowledgements = True
        self._is_over = False
        trace = _native.Trace(session.trace.path)
        self._images = images(trace, session.process)
        numbers = [file.id for file in trace.files()]
        self._files = TraceFiles(ModuleFiles.of_trace(session.trace.path), numbers)

    def serve(self) -> None:
        """Answer until the client says goodbye or vanishes."""
        reader = threading.Thread(target=self._read, daemon=True)
        reader.start()
        try:
            while not self._is_over:
                packet = self._packets.get()
                if packet is None:
                    return
                self._send(self._answer(packet))
        except OSError:
            return  # The client has vanished; the session is as good as before.
        finally:
            with contextlib.suppress(OSError):
                self._connection.shutdown(socket.SHUT_RDWR)
            reader.join()
            self._connection.close()
            self._files.close()
            self._target.close()

    def _read(self) -> None:
        """In a thread of its own: an interrupt has to reach a movement that is under way."""
        parser = PacketParser()
        try:
            while data := self._connection.recv(1 << 16):
                for found in parser.feed(data):
                    if isinstance(found, Interrupt):
                        self._session.interrupt()
                    else:
                        self._take(found)
        except OSError:
            pass
        self._session.interrupt()
        self._packets.put(None)

    def _take(self, packet: Packet) -> None:
        if self._wants_acknowledgements:
            self._connection.sendall(b"+" if packet.is_good else b"-")
        if packet.is_good:
            if packet.content == b"QStartNoAckMode":
                self._wants_acknowledgements = False
            self._packets.put(packet.content)

    def _send(self, content: bytes | str | None) -> None:
        if content is None:
            return
        raw = content.encode() if isinstance(content, str) else content
        self._connection.sendall(framed(raw))

    def _answer(self, packet: bytes) -> bytes | str | None:
        try:
            if packet.startswith(b"X"):
                return self._write_binary(packet)
            return self._answer_text(packet.decode("latin-1"))
        except (ReenactError, ValueError, IndexError):
            # The last two: a packet that is not as the protocol has it.
            if environment.DEBUG.is_set():
                traceback.print_exc()
            return _ERROR

    def _answer_text(self, packet: str) -> bytes | str | None:
        for start, handler in self._HANDLERS:
            if packet.startswith(start):
                return handler(self, packet[len(start) :])
        return ""

    # Registers and memory

    def _registers(self, _rest: str) -> str:
        return "".join(
            "xx" * register.size if content is None else content.hex()
            for register, content in zip(description.REGISTERS, self._encoded())
        )

    def _register(self, rest: str) -> str:
        number = int(rest, 16)
        content = self._encoded()[number]
        return "xx" * description.REGISTERS[number].size if content is None else content.hex()

    def _encoded(self) -> list[bytes | None]:
        return description.encoded(self._target.registers())

    def _set_registers(self, rest: str) -> str:
        registers = self._target.registers()
        place = 0
        for number, register in enumerate(description.REGISTERS):
            part = rest[place : place + 2 * register.size]
            if "x" not in part and len(part) == 2 * register.size:
                registers = description.changed(registers, number, bytes.fromhex(part))
            place += 2 * register.size
        self._target.set_registers(registers)
        return "OK"

    def _set_register(self, rest: str) -> str:
        number, _, value = rest.partition("=")
        registers = self._target.registers()
        changed = description.changed(registers, int(number, 16), bytes.fromhex(value))
        self._target.set_registers(changed)
        return "OK"

    def _memory(self, rest: str) -> str:
        address, length = (int(part, 16) for part in rest.split(","))
        content = self._session.memory.read(address, length)
        return content.hex() if content or not length else _NO_MEMORY

    def _write(self, rest: str) -> str:
        place, _, content = rest.partition(":")
        self._target.write(int(place.split(",")[0], 16), bytes.fromhex(content))
        return "OK"

    def _write_binary(self, packet: bytes) -> str:
        place, _, content = packet[1:].partition(b":")
        address, length = (int(part, 16) for part in place.split(b","))
        if length:
            self._target.write(address, unescaped(content))
        return "OK"

    # Threads

    def _select(self, rest: str) -> str:
        thread = int(rest, 16)
        self._target.select(thread if thread > 0 else None)
        return "OK"

    def _is_alive(self, rest: str) -> str:
        thread = int(rest, 16)
        return "OK" if any(known.tid == thread for known in self._target.threads()) else _ERROR

    def _current(self, _rest: str) -> str:
        return f"QC{self._target.running:x}"

    def _thread_list(self, _rest: str) -> str:
        return "m" + ",".join(f"{thread.tid:x}" for thread in self._target.threads())

    def _threads_xml(self) -> bytes:
        lines = (
            f'<thread id="{thread.tid:x}">{"runs here" if thread.is_running else "waits"}</thread>'
            for thread in self._target.threads()
        )
        return f'<?xml version="1.0"?><threads>{"".join(lines)}</threads>'.encode()

    # Movements

    def _why(self, _rest: str) -> str:
        return self._target.last_reply or self._target.reply(5)

    def _resume(self, rest: str) -> str:
        return self._target.resume(_resumption(rest))

    def _step(self, _rest: str) -> str:
        return self._target.resume(Resumption(step=True))

    def _continue(self, _rest: str) -> str:
        return self._target.resume(Resumption())

    def _step_back(self, _rest: str) -> str:
        return self._target.resume(Resumption(backward=True, step=True))

    def _continue_back(self, _rest: str) -> str:
        return self._target.resume(Resumption(backward=True))

    def _restart(self, _rest: str) -> str:
        return self._target.restart()

    def _restart_silently(self, _rest: str) -> None:
        self._target.restart()

    def _killed(self, _rest: str) -> str:
        return "OK"

    def _kill(self, _rest: str) -> None:
        self._is_over = True

    def _detach(self, _rest: str) -> str:
        self._is_over = True
        return "OK"

    # Points

    def _insert(self, rest: str) -> str:
        self._target.points.insert(*_point(rest))
        return "OK"

    def _remove(self, rest: str) -> str:
        self._target.points.remove(*_point(rest))
        return "OK"

    def _catch_calls(self, rest: str) -> str:
        enabled, *numbers = rest.split(";")
        chosen = [int(number, 16) for number in numbers if number]
        self._target.points.catch_calls(chosen if enabled == "1" else None)
        return "OK"

    def _pass_signals(self, rest: str) -> str:
        passed = {int(number, 16) for number in rest.split(";") if number}
        self._target.passed = frozenset(n for n in range(1, 65) if to_gdb(n) in passed)
        return "OK"

    # Everything else

    def _supported(self, _rest: str) -> str:
        return _SUPPORTED

    def _ok(self, _rest: str) -> str:
        return "OK"

    def _actions(self, _rest: str) -> str:
        return "vCont;c;C;s;S;t;r"

    def _transfer(self, rest: str) -> bytes:
        kind, _, annex, place = rest.split(":")
        content = self._object(kind, annex)
        if content is None:
            return b"E00"
        offset, length = (int(part, 16) for part in place.split(","))
        # Escaping may double it, and the packet is limited.
        part = content[offset : offset + min(length, 0x7000)]
        is_rest = offset + len(part) >= len(content)
        return (b"l" if is_rest else b"m") + escaped(part)

    def _object(self, kind: str, annex: str) -> bytes | None:
        if kind == "features":
            return description.target_xml() if annex == "target.xml" else None
        if kind == "threads":
            return self._threads_xml()
        image = self._image()
        if image is None:
            return None
        if kind == "auxv":
            return image.auxv
        return image.program.encode(errors="surrogateescape") if kind == "exec-file" else None

    def _image(self) -> Image | None:
        position = self._target.position.event
        before = [image for image in self._images if image.event <= position]
        return (before or self._images or [None])[-1]  # type: ignore[list-item]

    def _file(self, rest: str) -> bytes:
        request, _, arguments = rest.partition(":")
        answer = self._files.answer(request, arguments.split(","))
        return b"" if answer is None else answer

    def _command(self, rest: str) -> str:
        line = bytes.fromhex(rest).decode("utf-8", "replace")
        return monitor.answer(self._target, line).encode().hex()

    #: What packets begin with, longer beginnings first, and who answers.
    _HANDLERS: tuple[tuple[str, Callable[[Conversation, str], bytes | str | None]], ...] = (
        ("qSupported", _supported),
        ("QStartNoAckMode", _ok),
        ("qXfer:", _transfer),
        ("qfThreadInfo", _thread_list),
        ("qsThreadInfo", lambda _self, _rest: "l"),
        ("qAttached", lambda _self, _rest: "1"),
        ("qRcmd,", _command),
        ("qC", _current),
        ("QCatchSyscalls:", _catch_calls),
        ("QPassSignals:", _pass_signals),
        ("vCont?", _actions),
        ("vCont;", _resume),
        ("vFile:", _file),
        ("vRun", _restart),
        ("vKill", _killed),
        ("!", _ok),
        ("?", _why),
        ("g", _registers),
        ("G", _set_registers),
        ("p", _register),
        ("P", _set_register),
        ("m", _memory),
        ("M", _write),
        ("Hg", _select),
        ("H", _ok),
        ("T", _is_alive),
        ("bs", _step_back),
        ("bc", _continue_back),
        ("s", _step),
        ("c", _continue),
        ("Z", _insert),
        ("z", _remove),
        ("R", _restart_silently),
        ("k", _kill),
        ("D", _detach),
    )


def _point(rest: str) -> tuple[int, int, int]:
    kind, address, size = rest.split(";", maxsplit=1)[0].split(",")
    return int(kind), int(address, 16), int(size, 16)


def _resumption(rest: str) -> Resumption:
    """The first action of a `vCont`: of several, it is that of the thread that is stepped."""
    action, _, thread = rest.split(";", maxsplit=1)[0].partition(":")
    chosen = int(thread, 16) if thread and not thread.startswith("-") else None
    if action.startswith("r"):
        start, end = (int(part, 16) for part in action[1:].split(","))
        return Resumption(step=True, thread=chosen, until=(start, end))
    return Resumption(step=action[0] in "sS", thread=chosen)
