"""The replayer's process: starting it, reading its reports and output, ending it."""

from __future__ import annotations

import os
import selectors
from collections.abc import Iterator
from types import TracebackType
from typing import Union

from reenact.errors import ReplayError
from reenact.replay.frames import Frame, FrameParser
from reenact.replay.process_group import ReplayerGroup
from reenact.replay.reports import LineReader, Report

_READ_SIZE = 1 << 20
_PROGRESS_MILLISECONDS = 100
#: Where nobody says how many processes a trace has.
MOST_PROCESSES = 4096


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
    ) -> None:
        self._selector = selectors.DefaultSelector()
        self._lines = LineReader()
        self._frames = FrameParser()
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
                trace, options, [*inherited, *passed], processes=processes, keeps_errors=True
            )
        except BaseException:
            self._close()
            raise
        finally:
            for descriptor in inherited:
                os.close(descriptor)

    def __iter__(self) -> Iterator[Union[Report, Frame]]:
        """Reports and frames as they come, until the replayer is done."""
        self._selector.register(self._reports_from, selectors.EVENT_READ, self._take_reports)
        if self._output_from is not None:
            self._selector.register(self._output_from, selectors.EVENT_READ, self._take_output)
        while self._selector.get_map():
            for key, _ in self._selector.select():
                data = os.read(key.fd, _READ_SIZE)
                if not data:
                    self._selector.unregister(key.fd)
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

    def _take_reports(self, data: bytes) -> Iterator[Report]:
        return self._lines.feed(data)

    def _take_output(self, data: bytes) -> Iterator[Frame]:
        return self._frames.feed(data)

    def _close(self) -> None:
        self._selector.close()
        os.close(self._reports_from)
        if self._output_from is not None:
            os.close(self._output_from)
