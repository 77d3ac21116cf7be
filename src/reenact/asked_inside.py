"""Recording a program that has asked for it itself: what `reenact attach --inside FD` does.

The program has started this process and talks with it over a socket, in lines of fields that are
divided by tabs (docs/internals/inside-protocol.md). The other side is `reenact.recorder`, or
`c/reenact.c` in programs that are not Python's.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
import threading

from reenact import recordings, rings
from reenact.errors import ReenactError

#: Most bytes of a line.
_LONGEST = 64 << 10


class Asked:
    """One recording, and the socket to the program in it.

    Arguments:
        line: the socket.
        pid: the program.
        trace: directory to make; None: a new one in the default place.
        ring: keep only the last part, so many bytes, in memory; None: all, in the trace.
        save_on: when a ring becomes a trace at the end.
        with_sources: keep the source files that debug information names.
    """

    def __init__(
        self,
        line: socket.socket,
        pid: int,
        trace: str | None,
        *,
        ring: int | None,
        save_on: str,
        with_sources: bool,
    ) -> None:
        self._line = line
        self._lines = line.makefile("rb")
        self._pid = pid
        self._trace = trace
        self._ring = ring
        self._save_on = save_on
        self._with_sources = with_sources
        self._is_wanted = True

    def run(self) -> None:
        """Record until the program ends or wants no more. Whatever fails is told to it."""
        try:
            self._tell("pid", str(os.getpid()))
            if self._read() != ["go"]:
                return  # It has gone away.
            outcome = recordings.attach(
                self._pid,
                self._trace,
                attached=self._attached,
                with_sources=self._with_sources,
                ring=self._ring,
                save_on=self._save_on,
            )
        except ReenactError as error:
            self._tell("error", error.message, error.hint)
            return
        except Exception as error:
            self._tell("error", f"recording failed: {error!r}")
            return
        is_there = outcome.is_saved and outcome.is_kept
        self._tell("ended", outcome.trace if is_there else "", *outcome.messages)
        if is_there and self._is_wanted:
            # The program has ended: who looks at what it has said is told.
            from reenact.printable import printable

            text = f"reenact: the recording is in {printable(outcome.trace)} (reenact replay)\n"
            with contextlib.suppress(OSError, ValueError):
                sys.stderr.write(text)
                sys.stderr.flush()

    def _attached(self) -> None:
        threading.Thread(target=self._serve, daemon=True).start()
        self._tell("recording")

    def _serve(self) -> None:
        while fields := self._read():
            try:
                self._do(fields)
            except ReenactError as error:
                self._tell("error", error.message, error.hint)

    def _do(self, fields: list[str]) -> None:
        word, *arguments = fields
        if word == "stop":
            self._is_wanted = False
            # As Ctrl-C: `recordings.attach` returns, and tells how it ended.
            os.kill(os.getpid(), signal.SIGINT)
        elif word == "save":
            saved = rings.save(self._own_ring(), arguments[0] if arguments else None)
            self._tell("saved", str(saved["trace"]))
        elif word == "save-on" and arguments:
            self._own_ring().save_on(arguments[0])
            self._tell("done")
        else:
            raise ReenactError("this request is not known", "use one version of reenact")

    def _own_ring(self) -> rings.RunningRing:
        if self._ring is None:
            raise ReenactError(
                "only a recording in a ring can be saved while it runs: all of this one is in its "
                "trace",
                "start it with a size of the ring, or stop it",
            )
        return rings.find(str(self._pid))

    def _read(self) -> list[str]:
        """The fields of the next line; none: it has gone away."""
        with contextlib.suppress(OSError):
            line = self._lines.readline(_LONGEST)
            if line.endswith(b"\n"):
                return os.fsdecode(line[:-1]).split("\t")
        return []

    def _tell(self, *fields: str) -> None:
        words = (field.replace("\t", " ").replace("\n", " ") for field in fields)
        with contextlib.suppress(OSError):
            self._line.sendall(os.fsencode("\t".join(words) + "\n"))


def serve(
    descriptor: int,
    pid: int,
    trace: str | None,
    *,
    ring: int | None,
    save_on: str,
    with_sources: bool,
) -> None:
    """Record a program that talks with us over a descriptor, and belong to it no longer.

    Arguments: as for `Asked`; `descriptor` is that of the socket.
    """
    line = socket.socket(fileno=descriptor)
    line.set_inheritable(False)
    if os.fork():
        # The program waits for its own child no longer; the other one is nobody's.
        os._exit(0)
    os.setsid()
    if trace is not None:
        trace = os.path.abspath(trace)
    asked = Asked(line, pid, trace, ring=ring, save_on=save_on, with_sources=with_sources)
    asked.run()
