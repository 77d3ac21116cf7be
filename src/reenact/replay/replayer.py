"""The replayer's process: starting it, reading its reports and output, ending it.

What reads them is imported when it runs: that takes as long as a short replay does.
"""

from __future__ import annotations

import os

from reenact import _native
from reenact.errors import ReplayError
from reenact.replay.process_group import ReplayerGroup

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType

    from reenact.replay.frames import Frame
    from reenact.replay.reports import Report

_READ_SIZE = 1 << 20
_PROGRESS_MILLISECONDS = 100
#: Where nobody says how many processes a trace has.
MOST_PROCESSES = 4096


def how_many(trace: str) -> int:
    """Processes of a trace; whoever reads it next says what is wrong with it."""
    try:
        return min(len(_native.Trace(trace).processes()), MOST_PROCESSES)
    except _native.TraceError:
        return MOST_PROCESSES


class SnapshotsToTake:
    """Snapshots that a replay appends to a file.

    Arguments:
        descriptor: of the file, opened to append.
        milliseconds: of replay between two of a process.
        events: one is taken behind each event whose index is a multiple of it, too; 0: none.
        most: bytes that the file may take, about.
    """

    def __init__(self, descriptor: int, milliseconds: int, events: int, most: int) -> None:
        self.descriptor = descriptor
        #: Of the replayer's command line.
        self.options: list[str] = []
        for name, value in (
            ("--snapshots", descriptor),
            ("--snapshot-interval", milliseconds),
            ("--snapshot-events", events),
            ("--most-snapshots", most),
        ):
            self.options += (name, str(value))


class Replayer:
    """A running replayer; iterate over it to get its reports and frames.

    Arguments:
        trace: path of the trace directory.
        process: replay this process only; None: all.
        jobs: how many processes replay at one moment; None: one for each processor.
        processes: how many there are in the trace: never more replay at one moment.
        wants_output: also hand over what the program printed.
        wants_progress: also report progress.
        native: run the program's own code between events, where that can be.
        shared_changes: a descriptor to append to what processes change in shared memory.
        takes: snapshots that are taken on the way; None: none.
        segments: a descriptor of snapshots between which the logs are replayed side by side.
    """

    def __init__(
        self,
        trace: str,
        *,
        process: int | None = None,
        jobs: int | None = None,
        processes: int = MOST_PROCESSES,
        wants_output: bool = False,
        wants_progress: bool = False,
        native: bool = False,
        shared_changes: int | None = None,
        takes: SnapshotsToTake | None = None,
        segments: int | None = None,
    ) -> None:
        self._reports_from, reports_to = os.pipe()
        inherited = [reports_to]
        options = ["--report", str(reports_to)]
        self._output_from: int | None = None
        if wants_output:
            self._output_from, output_to = os.pipe()
            inherited.append(output_to)
            options += ["--output", str(output_to)]
        passed = [] if shared_changes is None else [shared_changes]
        if shared_changes is not None:
            options += ["--shared-changes", str(shared_changes)]
        if takes is not None:
            passed.append(takes.descriptor)
            options += takes.options
        if segments is not None:
            passed.append(segments)
            options += ["--snapshots", str(segments), "--segments"]
        if process is not None:
            options += ["--process", str(process)]
        if jobs is not None:
            options += ["--jobs", str(jobs)]
        if native:
            options += ["--native"]
        if wants_progress:
            options += ["--progress", str(_PROGRESS_MILLISECONDS)]
        try:
            self._group = ReplayerGroup(
                trace,
                options,
                [*inherited, *passed],
                process=process,
                processes=processes,
                keeps_errors=True,
            )
        except BaseException:
            self._close()
            raise
        finally:
            for descriptor in inherited:
                os.close(descriptor)

    def __iter__(self) -> Iterator[Report | Frame]:
        """Reports and frames as they come, until the replayer is done."""
        import selectors

        from reenact.replay.frames import FrameParser
        from reenact.replay.reports import LineReader

        takers: list[tuple[int, Callable[[bytes], Iterator[Report | Frame]]]]
        takers = [(self._reports_from, LineReader().feed)]
        if self._output_from is not None:
            takers.append((self._output_from, FrameParser().feed))
        with selectors.DefaultSelector() as selector:
            for descriptor, take in takers:
                selector.register(descriptor, selectors.EVENT_READ, take)
            while selector.get_map():
                for key, _ in selector.select():
                    data = os.read(key.fd, _READ_SIZE)
                    if not data:
                        selector.unregister(key.fd)
                        continue
                    yield from key.data(data)

    def wait(self) -> int:
        """Wait for the end; the replayer's exit status, or a negative signal number."""
        return self._group.process.wait()

    def excess(self) -> ReplayError | None:
        """Why it was ended, if that was for the memory it took."""
        return self._group.excess()

    def complaint(self) -> str:
        """What it said on standard error, where only a broken replayer says anything."""
        stream = self._group.process.stderr
        return "" if stream is None else stream.read(4096).decode("utf-8", "replace").strip()

    def __enter__(self) -> Replayer:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._group.close()
        self._close()

    def _close(self) -> None:
        os.close(self._reports_from)
        if self._output_from is not None:
            os.close(self._output_from)
