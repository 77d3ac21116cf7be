"""A bare client of the Debug Adapter Protocol, as editors speak it to an adapter.

Source: https://microsoft.github.io/debug-adapter-protocol/specification.
"""

from __future__ import annotations

import json
import select
import subprocess
import time
from typing import Any

#: An adapter that hangs fails its test; nothing depends on the time else.
LONGEST = 120


class Adapter:
    """A debug adapter at the other end of pipes; used with `with`.

    Arguments:
        words: the command that opens it.
    """

    def __init__(self, *words: str) -> None:
        self._process = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self._number = 0
        self._content = b""
        self._pending: list[dict[str, Any]] = []

    def __enter__(self) -> Adapter:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        self._process.stdin.close()
        self._process.stdout.close()

    def send(self, command: str, **arguments: object) -> int:
        """Send a request; the number by which its answer is known."""
        self._number += 1
        request = {
            "seq": self._number,
            "type": "request",
            "command": command,
            "arguments": arguments,
        }
        content = json.dumps(request).encode()
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(content), content))
        self._process.stdin.flush()
        return self._number

    def answer(self, number: int) -> dict[str, Any]:
        """What the answer to a request holds."""
        found = self._wanted("response", "request_seq", number)
        assert found["success"], found
        return found.get("body") or {}

    def ask(self, command: str, **arguments: object) -> dict[str, Any]:
        """Send a request, and take its answer."""
        return self.answer(self.send(command, **arguments))

    def event(self, name: str) -> dict[str, Any]:
        """The next event with a name; others are kept."""
        return self._wanted("event", "event", name).get("body") or {}

    def _wanted(self, kind: str, key: str, value: object) -> dict[str, Any]:
        end = time.monotonic() + LONGEST
        while True:
            for number, message in enumerate(self._pending):
                if message["type"] == kind and message[key] == value:
                    return self._pending.pop(number)
            self._read(end)

    def _read(self, end: float) -> None:
        """Take in more of what it says."""
        ready, _, _ = select.select([self._process.stdout], [], [], max(end - time.monotonic(), 0))
        part = self._process.stdout.read1(1 << 16) if ready else b""
        assert part, f"the adapter does not answer: {self._pending}"
        self._content += part
        while b"\r\n\r\n" in self._content:
            head, _, rest = self._content.partition(b"\r\n\r\n")
            length = int(head.rpartition(b":")[2])
            if len(rest) < length:
                return
            self._pending.append(json.loads(rest[:length]))
            self._content = rest[length:]
