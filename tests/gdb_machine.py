"""gdb on a recording, driven through its machine interface by pygdbmi."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from debugger_session import is_at_an_end, need_gdb
from pygdbmi.IoManager import IoManager
from remote_client import child_of

_Self = TypeVar("_Self", bound="Interface")

#: A gdb that hangs fails its test instead of all of them; nothing depends on the time else.
LONGEST = 300


@dataclass
class Answer:
    """What gdb said to one command.

    Arguments:
        text: what it printed as on a console.
        error: the message of a failure, or nothing.
        log: what it said about its own work.
        stops: the records of the stops the command led to, the last one last.
    """

    text: str = ""
    error: str = ""
    log: str = ""
    stops: list[dict[str, Any]] = field(default_factory=list)

    @property
    def reason(self) -> str:
        """Why the program stopped last, in words of the machine interface."""
        if self.stops and is_at_an_end(self.text):
            # Of a command that was typed as on a console this is told there only.
            return "no-history"
        return str(self.stops[-1].get("reason", "")) if self.stops else ""

    def __str__(self) -> str:
        return f"{self.text}{self.error and 'error: ' + self.error}{self.stops or ''}"


class Interface:
    """A gdb that speaks its machine interface; used with `with`.

    Arguments:
        words: the command that opens it.
    """

    def __init__(self, *words: str) -> None:
        need_gdb()
        self.process = subprocess.Popen(
            words,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            bufsize=0,
            env={**os.environ, "TERM": "dumb", "DEBUGINFOD_URLS": ""},
        )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self._stream = IoManager(self.process.stdin, self.process.stdout, None, 0.001)
        self._number = 0
        self._pending: list[dict[str, Any]] = []

    def __enter__(self: _Self) -> _Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End gdb, and with it the replay."""
        if self.process.poll() is None:
            self.send("-gdb-exit")
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            # gdb is its child, and is waited for.
            children = (child_of(self.process.pid, "gdb"), self.process.pid)
            for child in filter(None, children):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(child, signal.SIGKILL)
            self.process.wait()
            raise
        finally:
            for pipe in (self.process.stdin, self.process.stdout):
                pipe.close()

    def send(self, line: str) -> int:
        """Give it a line of the machine interface; the number its answer will have."""
        self._number += 1
        self._stream.write(f"{self._number}{line}", read_response=False)
        return self._number

    def tell(self, command: str) -> Answer:
        """Give it a command as a person types it, and wait until it is done."""
        quoted = command.replace("\\", "\\\\").replace('"', '\\"')
        return self.wait(self.send(f'-interpreter-exec console "{quoted}"'))

    def ask(self, line: str) -> dict[str, Any]:
        """Give it a line of the machine interface; what its answer holds."""
        number = self.send(line)
        for record in self._records():
            if record.get("token") == number:
                assert record["message"] == "done", record
                return record["payload"] or {}
        raise AssertionError("not reached")

    def until_stopped(self) -> dict[str, Any]:
        """Wait for the next stop, and tell it."""
        for record in self._records():
            if record["type"] == "notify" and record["message"] == "stopped":
                return record["payload"] or {}
        raise AssertionError("not reached")

    def until_running(self) -> None:
        """Wait until the program runs; nothing of what is said until then is lost."""
        seen = []
        for record in self._records():
            seen.append(record)
            if record["type"] == "notify" and record["message"] == "running":
                break
        self._pending[:0] = seen

    def until_begun(self, number: int) -> None:
        """Wait until the program runs, or a command is done; nothing of what is said is lost."""
        seen = []
        for record in self._records():
            seen.append(record)
            is_running = record["type"] == "notify" and record["message"] == "running"
            if is_running or record.get("token") == number:
                break
        self._pending[:0] = seen

    def wait(self, number: int, longest: float = LONGEST) -> Answer:
        """Wait for the answer with a number and, if the program runs then, for its stop.

        Ctrl-C may end gdb's own work at any moment, also while it writes the record of a stop: then
        it says "Quit" or an error, and never tells the stop. So it is asked whether the program
        runs for it. Where it does, a stop has to come.
        """
        answer = Answer()
        is_running = is_told = False
        asked: int | None = None
        for record in self._records(longest):
            kind, message, payload = record["type"], record["message"], record["payload"]
            is_in_doubt = False
            if kind in ("console", "target", "output"):
                answer.text += str(payload or "")
            elif kind == "log":
                answer.log += str(payload or "")
                is_in_doubt = "Quit" in str(payload)
            elif kind == "notify" and message == "running":
                is_running = True
            elif kind == "notify" and message == "stopped":
                is_running = False
                answer.stops.append(payload or {})
            elif kind == "result" and record.get("token") == asked:
                asked = None
                says_running = _says_running(message, payload)
                if says_running is None:
                    asked = self.send("-thread-info")
                is_running = is_running and says_running is not False
            elif kind == "result" and record.get("token") == number:
                is_told = True
                if message == "error":
                    answer.error = str(payload["msg"])
                    is_in_doubt = True
                elif message == "running" and not answer.stops:
                    is_running = True
            if is_in_doubt and is_running and asked is None:
                asked = self.send("-thread-info")
            if is_told and not is_running and asked is None:
                return answer
        raise AssertionError("not reached")

    def _records(self, longest: float = LONGEST):
        end = time.monotonic() + longest
        seen = []
        while time.monotonic() < end:
            for record in self._stream.get_gdb_response(1, raise_error_on_timeout=False):
                seen.append(record)
                self._pending.append(record)
            while self._pending:
                yield self._pending.pop(0)
            if self.process.poll() is not None:
                break
        raise AssertionError(f"gdb does not answer: {seen[-20:]}")


def _says_running(message: str, payload: dict[str, Any]) -> bool | None:
    """Whether an answer to `-thread-info` says that the program runs in gdb's view.

    None: it had the answer to a question that Ctrl-C has ended before.
    """
    if message == "error":
        return True if "while the target is running" in payload["msg"] else None
    return any(thread["state"] == "running" for thread in payload["threads"])


class Machine(Interface):
    """A gdb opened by `reenact replay`.

    Arguments:
        reenact: the command under test.
        trace: what it replays.
        options: further options of `reenact replay`.
    """

    def __init__(self, reenact, trace: Path, *options: str) -> None:
        words = [*reenact.command, "replay", str(trace), *options]
        super().__init__(*words, "--", "-nx", "--interpreter=mi3")
        # gdb takes commands while it is still connecting; they would find nothing there.
        self.until_stopped()
        for command in ("set width 0", "set height 0", "set confirm off", "set pagination off"):
            self.tell(command)
