"""What program a process runs at a position: path and auxiliary vector."""

from __future__ import annotations

from dataclasses import dataclass

from reenact import _native
from reenact.session.images import image_at


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
    parent = by_number.get(own.parent) if own.parent is not None else None
    if parent is not None and own.start == "fork" and own.begins_behind is None:
        inherited = image_at(trace, parent.number, own.parent_event or 0)
        if inherited is not None:
            number, image = inherited
            found.append(Image(-1, image.program, _auxv(trace, number, image.event)))
    found += [
        Image(image.event, image.program, _auxv(trace, process, image.event))
        for image in own.images
    ]
    return found


def _auxv(trace: _native.Trace, process: int, event: int) -> bytes:
    for found in trace.events(process, event, event):
        for tag, _, part in found.attachments():
            if tag == "auxv":
                return part
    return b""
