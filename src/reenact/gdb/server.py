"""The conversation with one client: packets in, answers out.

Source: gdb's manual, appendix E. It is Python on purpose: all that packets ask for is logic over
a Python session; a Rust stub would call back into Python for each packet and save nothing.
"""

from __future__ import annotations

import contextlib
import queue
import re
import socket
import struct
import threading
import traceback
from collections.abc import Callable

from reenact import _native, environment
from reenact.errors import ReenactError, ReplayError, UsageError
from reenact.gdb import description, identifiers
from reenact.gdb.client_paths import ClientPaths
from reenact.gdb.debugged import Debugged
from reenact.gdb.files import TraceFiles
from reenact.gdb.identifiers import Names
from reenact.gdb.monitor import Monitor
from reenact.gdb.packets import (
    Foreign,
    Interrupt,
    Packet,
    PacketParser,
    framed,
    told_error,
    unescaped,
)
from reenact.gdb.process_files import ProcessFiles
from reenact.gdb.process_outline import ProcessOutline
from reenact.gdb.resumption import Resumption, resumption
from reenact.gdb.signals import to_gdb
from reenact.gdb.target import INTERRUPT, Target
from reenact.gdb.transfer import OBJECTS, Objects
from reenact.gdb.user_checkpoints import UserCheckpoints
from reenact.printable import printable_lines
from reenact.symbols.files import ModuleFiles, numbers_here

_SUPPORTED = (
    "PacketSize=10000;ReverseStep+;ReverseContinue+;vContSupported+;swbreak+;"
    "hwbreak+;ConditionalBreakpoints+;QCatchSyscalls+;QPassSignals+;"
    + "".join(f"qXfer:{kind}:read+;" for kind in OBJECTS)
    + "multiprocess+;fork-events+;vfork-events+;exec-events+"
)
#: Milestones by the feature with which a client says that it wants to be told.
_EVENTS = {"fork-events+": "fork", "vfork-events+": "vfork", "exec-events+": "exec"}
#: Seconds between two requests to end the movement of a client that has gone.
_AGAIN = 0.1
#: Seconds that a client has to go away once it has been told that all is over.
_FAREWELL = 2.0
#: A condition of a point, with its length.
_CONDITION = re.compile("X(?P<length>[0-9a-fA-F]+),(?P<code>[0-9a-fA-F]*)")
_ERROR = "E01"
_NO_MEMORY = "E0e"
#: What a packet that is not as the protocol has it leads to.
_MALFORMED = (ValueError, IndexError, TypeError, OverflowError, struct.error)


class Conversation:
    """Serves one client until it leaves.

    Arguments:
        debugged: the process that is debugged, and the others of the recording.
        connection: the socket to the client.
        checkpoints: what clients have remembered.
        has_commands: the client is a gdb that has been given our own commands.
    """

    def __init__(
        self,
        debugged: Debugged,
        connection: socket.socket,
        checkpoints: UserCheckpoints | None = None,
        *,
        has_commands: bool = False,
    ) -> None:
        session = self._session = debugged.session
        self._connection = connection
        self._packets: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._wants_acknowledgements = True
        self._is_over = False
        #: The client wants the movement to end; it stays set when that had ended already.
        self._is_interrupted = threading.Event()
        self._is_finished = threading.Event()
        self._is_in_command = False
        self._is_foreign = False
        #: Of packets that do not name the thread themselves.
        self._stepped_thread: int | None = None
        trace = _native.Trace(session.trace.path)
        pid = next(p.pid for p in trace.processes() if p.number == session.process)
        self._names = Names(pid)
        outline = ProcessOutline.of(trace, session.process)
        self._target = Target(session, outline, self._names, self._say)
        self._has_commands = self._target.keeps_numbers = has_commands
        self._monitor = Monitor(self._target, checkpoints or UserCheckpoints(), debugged)
        self._objects = Objects(self._target, trace, self._names)
        files = ModuleFiles.of_trace(session.trace.path)
        numbers = numbers_here(trace, session.trace.path)
        self._paths = ClientPaths(map(files.path, numbers), outline.images)
        self._files = TraceFiles(files, numbers, ProcessFiles(session, files, trace))

    def serve(self) -> None:
        """Answer until the client says goodbye or vanishes."""
        reader = threading.Thread(target=self._read, daemon=True)
        try:
            reader.start()
            while not self._is_over:
                packet = self._packets.get()
                if packet is None:
                    return
                self._acknowledge(packet)
                self._send(self._answer(packet))
        except OSError:
            return  # The client has vanished; the session is as good as before.
        finally:
            self._is_finished.set()
            self._hang_up(reader)
            self._connection.close()
            self._files.close()
            self._target.close()

    def _hang_up(self, reader: threading.Thread) -> None:
        """Close the connection: not before a client has acknowledged the last answer."""
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_WR)
            if self._is_over and self._wants_acknowledgements:
                reader.join(_FAREWELL)
            self._connection.shutdown(socket.SHUT_RDWR)
        if reader.is_alive():
            reader.join()

    def interrupt_command(self) -> None:
        """End the `monitor` command that is under way: a client cannot ask for that itself."""
        if self._is_in_command:
            self._session.interrupt()

    def _read(self) -> None:
        """In a thread of its own: an interrupt has to reach a movement that is under way."""
        parser = PacketParser()
        try:
            while data := self._connection.recv(1 << 16):
                if not self._feed(parser, data):
                    break
        except OSError:
            pass
        self._packets.put(None)
        # Nobody waits any more for what is under way, or begins only now.
        while not self._is_finished.wait(_AGAIN):
            self._session.interrupt()

    def _feed(self, parser: PacketParser, data: bytes) -> bool:
        """Take what has come; whether the client is one of this protocol."""
        for found in parser.feed(data):
            if isinstance(found, Foreign):
                return False
            if isinstance(found, Interrupt):
                self._is_interrupted.set()
                self._session.interrupt()
            else:
                self._take(found)
        return True

    def _take(self, packet: Packet) -> None:
        if packet.is_good:
            self._packets.put(packet.content)
        elif self._wants_acknowledgements:
            self._connection.sendall(b"-")

    def _acknowledge(self, packet: bytes) -> None:
        """Say that a packet has come, when all before it have been answered.

        A client that Ctrl-C has kept from reading an answer drops those that come before this.
        """
        if self._wants_acknowledgements:
            self._connection.sendall(b"+")
        if packet == b"QStartNoAckMode":
            self._wants_acknowledgements = False

    def _send(self, content: bytes | str | None) -> None:
        if content is None:
            return
        raw = content.encode() if isinstance(content, str) else content
        self._connection.sendall(framed(raw))

    def _say(self, text: str) -> None:
        """Have the client show a text; only while it waits for the end of a movement."""
        self._send("O" + printable_lines(text).encode().hex())

    def _answer(self, packet: bytes) -> bytes | str | None:
        try:
            if packet.startswith(b"X"):
                return self._write_binary(packet)
            return self._answer_text(packet.decode("latin-1"))
        except (ReenactError, *_MALFORMED) as error:
            if environment.DEBUG.is_set():
                traceback.print_exc()
            return told_error(error.message) if isinstance(error, ReenactError) else _ERROR

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
        registers = self._target.registers()
        if registers is None:
            return description.absent()
        return description.encoded(registers)

    def _set_registers(self, rest: str) -> str:
        registers = self._target.changeable_registers()
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
        registers = self._target.changeable_registers()
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
        named = identifiers.parse(rest)
        self._target.select(named.thread)
        # After a fork a client takes its breakpoints out of the child, which runs elsewhere.
        self._is_foreign = named.process not in (None, self._names.process)
        return "OK"

    def _select_stepped(self, rest: str) -> str:
        self._stepped_thread = identifiers.parse(rest).thread
        return "OK"

    def _is_alive(self, rest: str) -> str:
        named = identifiers.parse(rest)
        is_ours = named.process in (None, self._names.process)
        known = any(tid == named.thread for tid, *_ in self._target.listed_threads())
        return "OK" if is_ours and known else _ERROR

    def _current(self, _rest: str) -> str:
        return f"QC{self._names.of(self._target.running)}"

    def _thread_list(self, _rest: str) -> str:
        return "m" + ",".join(self._names.of(tid) for tid, *_ in self._target.listed_threads())

    def _thread_local(self, rest: str) -> str:
        name, offset, link_map = rest.split(",")
        thread = identifiers.parse(name).thread or self._target.running
        block = self._target.thread_local(thread, int(link_map, 16))
        if block is None:
            raise UsageError("the thread has no variables of this module, or not yet")
        return f"{block + int(offset, 16):x}"

    # Movements

    def _why(self, _rest: str) -> str:
        return self._target.last_reply or self._target.reply(5)

    def _resume(self, rest: str) -> str:
        return self._move(resumption(rest))

    def _step(self, _rest: str) -> str:
        return self._move(Resumption(step=True, thread=self._stepped_thread))

    def _continue(self, _rest: str) -> str:
        return self._move(Resumption())

    def _step_back(self, _rest: str) -> str:
        thread = self._stepped_thread
        is_alone = thread is not None
        return self._move(Resumption(backward=True, step=True, thread=thread, is_alone=is_alone))

    def _continue_back(self, _rest: str) -> str:
        return self._move(Resumption(backward=True))

    def _move(self, wanted: Resumption) -> str:
        # An interrupt comes before this and is seen in it, or within it and ends the movement.
        with self._session.movement():
            if self._is_interrupted.is_set():
                # It came between two movements of one command, as with conditions of breakpoints.
                reply = self._target.reply(INTERRUPT)
            else:
                try:
                    reply = self._target.resume(wanted)
                except ReplayError as error:
                    # Nothing can be asked any more: for the client its program is gone.
                    self._say(f"reenact: {error.message}: {error.hint}\n")
                    process = f";process:{self._names.process:x}"
                    return f"X09{process if self._names.is_multiprocess else ''}"
        if reply.startswith(f"T{INTERRUPT:02x}"):
            self._is_interrupted.clear()
        return reply

    def _restart(self, _rest: str) -> str:
        return self._target.restart()

    def _restart_silently(self, _rest: str) -> None:
        self._target.restart()

    def _killed(self, _rest: str) -> str:
        return "OK"

    def _kill(self, _rest: str) -> None:
        self._is_over = True

    def _detach(self, rest: str) -> str:
        process = int(rest[1:], 16) if rest.startswith(";") else self._names.process
        # A child that was forked is let go: it is recorded for itself.
        self._is_over = process == self._names.process
        return "OK"

    # Points

    def _insert(self, rest: str) -> str:
        if not self._is_foreign:
            self._target.points.insert(*_point(rest), _conditions(rest))
        return "OK"

    def _remove(self, rest: str) -> str:
        if not self._is_foreign:
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

    def _supported(self, rest: str) -> str:
        features = rest.lstrip(":").split(";")
        self._names.is_multiprocess = "multiprocess+" in features
        wanted = {_EVENTS[feature] for feature in features if feature in _EVENTS}
        # A fork is told with the name of a process.
        self._target.told_kinds = wanted if self._names.is_multiprocess else wanted & {"exec"}
        is_gdb = any(feature.startswith("xmlRegisters=") for feature in features)
        self._monitor.is_plain_gdb = is_gdb and not self._has_commands
        # gdb may leave an answer unread when Ctrl-C comes, and takes it for the next one where
        # packets are not acknowledged. Others do not wait as long for that as a command may take.
        return _SUPPORTED + ("" if self._has_commands else ";QStartNoAckMode+")

    def _ok(self, _rest: str) -> str:
        return "OK"

    def _actions(self, _rest: str) -> str:
        return "vCont;c;C;s;S;t;r"

    def _transfer(self, rest: str) -> bytes:
        return self._objects.part(rest)

    def _file(self, rest: str) -> bytes:
        request, _, text = rest.partition(":")
        arguments = text.split(",")
        if request == "open":
            path = bytes.fromhex(arguments[0]).decode(errors="surrogateescape")
            arguments[0] = self._paths.original(path).encode(errors="surrogateescape").hex()
        answer = self._files.answer(request, arguments)
        return b"" if answer is None else answer

    def _command(self, rest: str) -> str:
        line = bytes.fromhex(rest).decode("utf-8", "replace")
        self._is_in_command = True
        try:
            with self._session.movement():
                answer = self._monitor.answer(line)
        finally:
            self._is_in_command = False
        # An empty answer would mean that the command is not known.
        return answer.encode().hex() or "OK"

    #: What packets begin with, longer beginnings first, and who answers.
    _HANDLERS: tuple[tuple[str, Callable[[Conversation, str], bytes | str | None]], ...] = (
        ("qSupported", _supported),
        ("QStartNoAckMode", _ok),
        ("qXfer:", _transfer),
        ("qfThreadInfo", _thread_list),
        ("qsThreadInfo", lambda _self, _rest: "l"),
        ("qAttached", lambda _self, _rest: "1"),
        ("qGetTLSAddr:", _thread_local),
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
        ("Hc", _select_stepped),
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


def _conditions(rest: str) -> tuple[bytes, ...]:
    """The agent expressions of a point: `;X<length>,<bytes>`, any number of them."""
    return tuple(bytes.fromhex(found["code"]) for found in _CONDITION.finditer(rest))
