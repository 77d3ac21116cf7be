"""One serving replayer process at the other end of a control socket."""

from __future__ import annotations

import array
import contextlib
import os
import socket
import struct
from collections.abc import Callable, Sequence

from reenact.errors import ReplayError
from reenact.session import messages
from reenact.session.messages import Operation, Reply, Run, RunResult, StopState
from reenact.session.points import Points
from reenact.session.values import Mapping, Registers

_MAPPING = struct.Struct("<QQIIIIQQ")
_NO_FILE = 0xFFFF_FFFF
_READ, _WRITE, _EXECUTE = 1, 2, 4
_MOST_TAG = 2**32 - 1
_SHORTEST = 8
#: Bytes of the name of a thread, and how many are asked for at once.
_NAME, _MOST_NAMES = 16, 1024
#: Address and length of an agent expression.
_PER_CODE = 16
#: More than a replayer keeps of what it collects, bytes.
_MOST_COLLECTED = 16 << 20


def closed() -> ReplayError:
    """What is said of a session that has been closed."""
    return ReplayError("the session has been closed", "open another one")


class ReplayerConnection:
    """A replaying process that stands still, or runs when told to.

    Arguments:
        connection: our end of its control socket.
        explain: says why the replayer has died, once it has.
        pid: its process.
        stands: where it is known to stand; None: its first message is waited for.

    Errors of all methods: `ReplayError` when it has died.
    """

    def __init__(
        self,
        connection: socket.socket,
        explain: Callable[[], ReplayError],
        pid: int,
        stands: RunResult | None = None,
    ) -> None:
        self.pid = pid
        #: Whether its registers or memory were changed: a branch.
        self.is_changed = False
        self._owner = os.getpid()
        self._tag = 0
        #: Whether `last` is where it stands.
        self._is_sure = True
        self._connection = connection
        self._explain = explain
        #: Which set of breakpoints it has been told; the owner's business.
        self.points_version = 0
        #: Those; None: none.
        self.points: Points | None = None
        #: Hits that are given in the place of what it has listed.
        self.found: list[StopState] | None = None
        self._has_conditions = False
        #: What it collects at hits: addresses, and an agent expression of each.
        self.collection: messages.Codes = ()
        self.last = self._take_stop() if stands is None else stands

    @property
    def state(self) -> StopState:
        """Where it stands."""
        if not self._is_sure:
            self._ask_where()
        return self.last.state

    def run(self, run: Run, begun: Callable[[], None] = lambda: None) -> RunResult:
        """Let it run, and wait until it stops; `begun` is called meanwhile.

        Ctrl-C stops it and is passed on.
        """
        self.found = None
        try:
            self._request(Operation.RUN, run.pack())
            begun()
            self.last = self._take_stop()
        except KeyboardInterrupt:
            # It runs, or the reply was lost on its way to us. (Not set while it runs as it should:
            # another thread may look at the place, to show how far the run is.)
            self._is_sure = False
            self._ask_where()
            raise
        return self.last

    def interrupt(self) -> None:
        """Have it stop soon; may be called while another thread waits in `run`."""
        self._send(messages.request(Operation.INTERRUPT))

    def run_free(self, limit: int) -> RunResult:
        """In a branch: execute up to `limit` instructions without events."""
        self.is_changed = True
        self._request(Operation.RUN_FREE, messages.words(limit))
        self.last = self._take_stop()
        return self.last

    def fork(self) -> ReplayerConnection:
        """A copy of it that stands where it stands."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            descriptors = array.array("i", [theirs.fileno()])
            passed = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, descriptors)]
            self._request(Operation.FORK, passed=passed)
            theirs.close()
            pid, is_slow = struct.unpack("<QQ", self._take_data())
            # It stands where this one does, and will say so; where they share nothing that is
            # written, nobody has to wait for that.
            stands = None if is_slow else RunResult(self.state, 0, None, "")
            copy = ReplayerConnection(ours, self._explain, pid, stands)
        except BaseException:
            ours.close()
            theirs.close()
            raise
        copy.points_version, copy.points = self.points_version, self.points
        copy._has_conditions = self._has_conditions
        copy.collection = self.collection
        copy.is_changed = self.is_changed
        return copy

    def set_breakpoints(self, addresses: list[int]) -> None:
        """Stop at these addresses, and no longer at others."""
        self._ask(Operation.BREAKPOINTS, messages.words(*addresses))

    def set_watches(self, watches: list[tuple[int, int, int]]) -> None:
        """Stop before accesses to these ranges: address, length, `messages.READ | WRITE`."""
        flat = [word for watch in watches for word in watch]
        self._ask(Operation.WATCHES, messages.words(*flat))

    def set_conditions(self, conditions: list[messages.PointCondition]) -> None:
        """Tell hits of these only where a condition holds."""
        if conditions or self._has_conditions:
            self._ask(Operation.CONDITIONS, messages.conditions(conditions))
        self._has_conditions = bool(conditions)

    def set_collection(self, codes: messages.Codes) -> None:
        """Collect at these addresses: of each hit the values of all agent expressions there."""
        self.collection = ()
        parts: list[list[tuple[int, bytes]]] = [[]]
        size = 0
        for address, code in codes:
            if size + len(code) > messages.MOST_MEMORY:
                parts.append([])
                size = 0
            parts[-1].append((address, code))
            size += len(code) + _PER_CODE
        for number, part in enumerate(parts):
            self._ask(Operation.COLLECT, messages.collections(part, is_first=number == 0))
        self.collection = codes

    def collected(self) -> bytes:
        """The records of what was collected since they were taken last."""
        parts = []
        size = 0
        while part := self._ask(Operation.COLLECTED):
            parts.append(part)
            size += len(part)
            if size > _MOST_COLLECTED:
                raise _misunderstood()
        return b"".join(parts)

    def listed(self) -> list[StopState]:
        """The last hits of a run that has listed them, in order."""
        if self.found is not None:
            return self.found
        try:
            return messages.hits(self._ask(Operation.HITS))
        except (ValueError, struct.error):
            raise _misunderstood() from None

    def evaluate(self, code: bytes) -> int | None:
        """The value of an agent expression; None: it has none here."""
        problem, value = struct.unpack("<QQ", self._ask(Operation.EVALUATE, code))
        return None if problem else int(value)

    def registers(self, tid: int = 0) -> Registers:
        """Registers of a thread; 0: of the running one."""
        return Registers.from_bytes(self._ask(Operation.READ_REGISTERS, messages.words(tid)))

    def set_registers(self, registers: Registers) -> None:
        """Replace the running thread's registers: from now on this is a branch."""
        self.is_changed = True
        self._ask(Operation.WRITE_REGISTERS, registers.to_bytes())

    def read(self, address: int, length: int) -> bytes:
        """Memory from `address` on, as much of it as can be read."""
        parts = []
        while length > 0:
            wanted = min(length, messages.MOST_MEMORY)
            part = self._ask(Operation.READ_MEMORY, messages.words(address, wanted))
            parts.append(part)
            if len(part) < wanted:
                break
            address += wanted
            length -= wanted
        return b"".join(parts)

    def checksum(self, address: int, length: int) -> tuple[int, int]:
        """How many bytes from `address` on can be read, up to `length`, and their checksum."""
        content = self._ask(Operation.CHECKSUM, messages.words(address, length))
        readable, checksum = array.array("Q", content)
        return readable, checksum

    def write(self, address: int, content: bytes) -> None:
        """Write memory: from now on this is a branch."""
        self.is_changed = True
        for start in range(0, len(content), messages.MOST_MEMORY):
            part = content[start : start + messages.MOST_MEMORY]
            self._ask(Operation.WRITE_MEMORY, messages.words(address + start) + part)

    def map(self, address: int, length: int, protection: int) -> None:
        """Map memory that is zero, in place of what is there: from now on this is a branch."""
        self.is_changed = True
        self._ask(Operation.MAP_MEMORY, messages.words(address, length, protection))

    def threads(self) -> tuple[int, list[int]]:
        """The running thread (0: none), and all others."""
        running, *others = array.array("I", self._ask(Operation.THREADS))
        return running, others

    def thread_names(self, tids: Sequence[int]) -> list[bytes]:
        """What threads are called in the kernel, in this order; empty where it is not known."""
        found = b"".join(
            self._ask(Operation.THREAD_NAMES, messages.words(*tids[first : first + _MOST_NAMES]))
            for first in range(0, len(tids), _MOST_NAMES)
        )
        names = (found[at : at + _NAME] for at in range(0, len(found), _NAME))
        return [name.rstrip(b"\0") for name in names]

    def mappings(self) -> list[Mapping]:
        """All mappings of the program."""
        found: list[Mapping] = []
        while True:
            part = self._ask(Operation.MAPPINGS, messages.words(len(found)))
            if not part:
                return found
            found += map(_mapping, _MAPPING.iter_unpack(part))

    def history(self, first: int) -> array.array[int]:
        """Records of passed events from the `first`-th on, as many as fit: words, three each."""
        return array.array("Q", self._ask(Operation.HISTORY, messages.words(first)))

    def become(self, other: ReplayerConnection) -> None:
        """End what is at the other end, and talk to that of another connection, which is spent."""
        self._connection.close()
        self._connection, self.pid = other._connection, other.pid
        self._explain = other._explain
        self._tag, self._is_sure, self.last = other._tag, other._is_sure, other.last
        self.points_version, self.points = other.points_version, other.points
        self.collection = other.collection
        self._has_conditions = other._has_conditions

    def close(self) -> None:
        """End it."""
        self._connection.close()

    def _ask_where(self) -> None:
        """After Ctrl-C: it may run, and a reply may have been lost on its way to us."""
        self.interrupt()
        self._request(Operation.STATE)
        self.last = self._take_stop()
        self._is_sure = True

    def _ask(self, operation: Operation, content: bytes = b"") -> bytes:
        self._request(operation, content)
        return self._take_data()

    def _request(
        self,
        operation: Operation,
        content: bytes = b"",
        passed: list[tuple[int, int, array.array[int]]] | None = None,
    ) -> None:
        self._tag = self._tag % _MOST_TAG + 1
        self._send(messages.request(operation, content, self._tag), passed)

    def _send(
        self, message: bytes, passed: list[tuple[int, int, array.array[int]]] | None = None
    ) -> None:
        if os.getpid() != self._owner:
            # Two that talk on one socket would take each other's answers.
            raise ReplayError(
                "this session belongs to the process that this one was forked from",
                "open the trace again here",
            )
        try:
            self._connection.sendmsg([message], passed or [])
        except OSError as error:
            raise self._explain() from error

    def _take(self) -> bytes:
        while True:
            try:
                message = self._connection.recv(messages.LONGEST)
            except OSError as error:
                raise self._explain() from error
            if not message:
                raise self._explain()
            # Ctrl-C may have come between an earlier request and its reply.
            if len(message) < _SHORTEST or messages.reply_tag(message) == self._tag:
                return message

    def _take_data(self) -> bytes:
        message = self._take()
        kind = messages.reply_kind(message)
        if kind == Reply.REFUSED:
            reason = messages.content(message).decode("utf-8", "replace")
            raise ReplayError(f"the replayer refuses: {reason}")
        if kind != Reply.DATA:
            raise _misunderstood()
        return messages.content(message)

    def _take_stop(self) -> RunResult:
        message = self._take()
        with contextlib.suppress(ValueError, struct.error):
            if messages.reply_kind(message) == Reply.STOP:
                return messages.stopped(message)
        raise _misunderstood()


def _misunderstood() -> ReplayError:
    return ReplayError(
        "the replayer sent a reply that cannot be understood",
        "the replayer and the Python package may be of different versions: reinstall reenact",
    )


def _mapping(fields: tuple[int, ...]) -> Mapping:
    start, end, protection, _, file, _, offset, memory = fields
    letters = zip("rwx", (_READ, _WRITE, _EXECUTE))
    return Mapping(
        start,
        end,
        "".join(letter if protection & bit else "-" for letter, bit in letters),
        None if file == _NO_FILE else file,
        offset,
        memory,
    )
