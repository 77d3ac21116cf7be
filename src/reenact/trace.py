"""A trace opened for reading."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Literal

from reenact import _native, manifest, places, trace_sizes
from reenact.errors import TraceError, UsageError
from reenact.events import Attachment, Event, Process, check_kinds, flag_names
from reenact.manifest import Manifest

if TYPE_CHECKING:
    from reenact.kept_sources import Sources
    from reenact.replay.collecting import Verification
    from reenact.session.bookmarks import Bookmarks
    from reenact.session.session import Session
    from reenact.streams.following import Following


class Trace:
    """A recorded run of a program and its processes. Reading never changes it.

    Arguments:
        path: the trace directory.

    Errors: `TraceError` for what is not a trace, is damaged at its beginning, or was written by
    a newer version. A trace that was cut short opens, and ends where it was cut.

    Example:
        >>> trace = reenact.open(trace.path)
        >>> [(process.number, process.exit_status) for process in trace.processes]
        [(0, 0)]
        >>> next(trace.events(0, kinds=("exit",))).kind
        'exit'
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.path.abspath(os.fspath(path))
        self.manifest: Manifest = manifest.read(self.path)
        self._following: Following | None = None
        try:
            self._native = _native.Trace(self.path)
        except _native.TraceError as error:
            settings = self.manifest.fields.get("settings")
            in_ring = isinstance(settings, dict) and settings.get("ring_bytes") is not None
            if in_ring and not os.path.lexists(os.path.join(self.path, "events")):
                raise _only_in_memory(self.path) from error
            raise _explained(error) from error

    def __repr__(self) -> str:
        return f"Trace({self.path!r}, command={list(self.manifest.command)!r})"

    @property
    def processes(self) -> tuple[Process, ...]:
        """All processes, by number."""
        try:
            return tuple(_process(native) for native in self._native.processes())
        except _native.TraceError as error:
            raise _explained(error) from error

    def events(
        self,
        process: int = 0,
        first: int = 0,
        last: int | None = None,
        *,
        kinds: Collection[str] = (),
        codes: Collection[int] = (),
        with_attachments: bool = False,
    ) -> Iterator[Event]:
        """Events of one process, in order.

        Arguments:
            process: number of the process.
            first: index of the first event wanted.
            last: index of the last event wanted; None: to the end.
            kinds: only events of these kinds; empty: of every kind.
            codes: only events with these codes, such as numbers of system calls; empty: all.
            with_attachments: also give the data that belongs to each.

        Errors: `UsageError` for a kind that no event is of, `TraceError` for a damaged log.
        """
        check_kinds((kinds,) if isinstance(kinds, str) else kinds)
        return self._chosen(process, first, last, kinds, codes, with_attachments=with_attachments)

    def _chosen(
        self,
        process: int,
        first: int,
        last: int | None,
        kinds: Collection[str],
        codes: Collection[int],
        *,
        with_attachments: bool,
    ) -> Iterator[Event]:
        try:
            for native in self._native.events(process, first, last):
                is_wanted = not kinds or native.kind in kinds
                if is_wanted and (not codes or native.code in codes):
                    yield self._event(native, with_attachments=with_attachments)
        except _native.TraceError as error:
            raise _explained(error) from error

    def notes(self) -> list[str]:
        """What the recorder refused or does not cover, one sentence each, without repetition."""
        noted = self.manifest.fields.get("messages")
        if isinstance(noted, list):
            return [str(message) for message in noted]
        # A trace that was cut short has no summary: look for the remarks themselves.
        found = (
            event.text
            for process in self.processes
            for event in self.events(process.number, kinds=("note", "recording-end"))
        )
        return list(dict.fromkeys(found))

    def file_paths(self) -> dict[int, str]:
        """Where the files kept in the trace were, by their numbers."""
        return {known.id: known.path for known in self._native.files()}

    def unreadable_bytes(self) -> int:
        """Bytes of the log that are damaged; 0 for a log that merely ends early."""
        return sum(end - start for start, end in self._native.damaged)

    def size(self) -> int:
        """Bytes of all files of the trace (some may share their blocks with the originals)."""
        return trace_sizes.taken(self.path).total

    def verify(
        self, *, process: int | None = None, jobs: int | None = None, translated: bool = False
    ) -> Verification:
        """Replay the trace and check every event; see `reenact.replay.verification.verify`.

        Arguments:
            process: this one only; None: all.
            jobs: how many processes replay at one moment; None: one for each processor.
            translated: translate all code, and count its instructions.
        """
        from reenact.replay.verification import verify

        return verify(self.path, process=process, jobs=jobs, translated=translated)

    def replay(
        self,
        process: int | str | Process = 0,
        *,
        begin: Literal["fork", "exec"] = "fork",
        memory_budget: int | None = None,
    ) -> Session:
        """Walk through the replay of a process; see `reenact.session.session.Session`.

        Arguments:
            process: one of `processes`, its number, or the name of the program that it ran last.
            begin: stand where the process was made ("fork", its first position), or where it
                executes a program for the first time ("exec"), if it does.
            memory_budget: what copies that wait at earlier positions may take together, bytes;
                None: a quarter of the memory that is available.

        Errors: `UsageError` when the trace has no such process, or several of that name,
        `ReplayError` when the replayer cannot be started.

        Example:
            >>> with trace.replay(trace.processes[0]) as session:
            ...     session.position == session.start
            True
        """
        from reenact.choosing import find_process
        from reenact.session.session import Session

        if begin not in ("fork", "exec"):
            raise UsageError(f"a replay cannot begin at {begin!r}", 'say "fork" or "exec"')
        number = process.number if isinstance(process, Process) else process
        if isinstance(number, str):
            number = find_process(self.processes, number)
        session = Session(self, number, memory_budget)
        if begin == "exec":
            try:
                session.goto_program()
            except BaseException:
                session.close()
                raise
        return session

    @property
    def following(self) -> Following:
        r"""From calls that got bytes to the calls of other processes that gave them, and back.

        Example:
            >>> recording = reenact.record(["sh", "-c", "echo hello | cat > /dev/null"])
            >>> piped = reenact.open(recording.trace)
            >>> reads = [
            ...     event
            ...     for event in piped.events(2, kinds=["syscall"], codes=[0])
            ...     if event.result == len("hello\n")
            ... ]
            >>> (sent,) = piped.following.senders(Position(2, reads[-1].index))
            >>> sent.position.process, sent.length, sent.is_compared
            (1, 6, True)
        """
        from reenact.streams.following import Following

        if self._following is None:
            self._following = Following(self)
        return self._following

    @property
    def sources(self) -> Sources:
        """The source files that were kept with the trace."""
        from reenact.kept_sources import Sources

        return Sources(self.path)

    @property
    def bookmarks(self) -> Bookmarks:
        """Positions with a name and a note, kept with the trace."""
        from reenact.session.bookmarks import Bookmarks

        return Bookmarks(self.path)

    def _event(self, native: _native.Event, *, with_attachments: bool) -> Event:
        attachments: tuple[Attachment, ...] = ()
        if with_attachments:
            attachments = tuple(Attachment(*parts) for parts in native.attachments())
        return Event(
            process=native.process,
            index=native.index,
            kind=native.kind,
            code=native.code,
            flags=flag_names(native.flags),
            tid=native.tid,
            seconds=native.seconds,
            ip=native.ip,
            register_checksum=native.register_checksum,
            result=native.result,
            args=tuple(native.args),
            text=native.text,
            attachments=attachments,
        )


def _process(native: _native.Process) -> Process:
    status = native.wait_status
    return Process(
        number=native.number,
        parent=native.parent,
        pid=native.pid,
        ppid=native.ppid,
        start=native.start,
        program=native.program,
        arguments=tuple(native.argv),
        events=native.events,
        exit_status=os.WEXITSTATUS(status) if status is not None and os.WIFEXITED(status) else None,
        signal=os.WTERMSIG(status) if status is not None and os.WIFSIGNALED(status) else None,
        is_complete=native.complete,
        dumped_core=status is not None and os.WIFSIGNALED(status) and os.WCOREDUMP(status),
        begins_behind=native.begins_behind,
    )


def _only_in_memory(path: str) -> TraceError:
    """The failure for a ring that has not been saved."""
    if places.is_being_recorded(path):
        hint = f"make a trace of what there is: reenact save {os.path.basename(path)}"
        return TraceError(f"{path} is being recorded in a ring", hint)
    return TraceError(
        f"{path} was in memory only: its recording was killed before it was saved",
        f"remove what is left: reenact rm {os.path.basename(path)}",
    )


def _explained(error: _native.TraceError) -> TraceError:
    return TraceError(str(error.args[0]), "see how far the trace goes: reenact info TRACE")
