"""What program a process runs at a position: path and auxiliary vector."""

from __future__ import annotations

from dataclasses import dataclass

from reenact import _native


@dataclass(frozen=True)
class Image:
    """A program that was loaded.

    Arguments:
        event: index of the event with which it began; -1: inherited from the parent by fork.
        program: path on the recorded machine.
        auxv: the auxiliary vector the kernel gave it.
    """

    event: int
    program: str
    auxv: bytes


def images(trace: _native.Trace, process: int) -> list[Image]:
    """The programs of a process, in order; the first is the parent's for one made by fork."""
    by_number = {known.number: known for known in trace.processes()}
    own = by_number[process]
    found = []
    if own.parent is not None and own.start == "fork":
        until = own.parent_event or 0
        before = [image for image in images(trace, own.parent) if image.event <= until]
        found += [Image(-1, image.program, image.auxv) for image in before[-1:]]
    for image in own.images:
        for event in trace.events(process, image.event, image.event):
            attached = (part for tag, _, part in event.attachments() if tag == "auxv")
            found.append(Image(image.event, image.program, next(attached, b"")))
    return found
