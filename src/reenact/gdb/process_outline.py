"""What a trace tells about the life of a process before it is replayed."""

from __future__ import annotations

from dataclasses import dataclass

from reenact import _native
from reenact.gdb.handlers import Handlers
from reenact.gdb.image import Image, images
from reenact.gdb.milestones import Milestones


@dataclass(frozen=True)
class ProcessOutline:
    """Its programs, what concerns other processes, its signal handlers."""

    images: list[Image]
    milestones: Milestones
    handlers: Handlers

    @staticmethod
    def of(trace: _native.Trace, process: int) -> ProcessOutline:
        """The life of a process of a trace."""
        loaded = images(trace, process)
        return ProcessOutline(loaded, Milestones(trace, process, loaded), Handlers(trace, process))

    def image_at(self, event: int) -> Image | None:
        """The program that runs behind an event."""
        before = [image for image in self.images if image.event <= event]
        return before[-1] if before else next(iter(self.images), None)
