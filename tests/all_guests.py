"""The guest programs of all tables, by name."""

from __future__ import annotations

from guest_build import GuestBuild
from guest_table import GUESTS, Guest
from thread_table import THREAD_GUESTS


def guest_named(name: str) -> Guest:
    """The row of a guest."""
    return next(each for each in (*GUESTS, *THREAD_GUESTS) if each.name == name)


def command_of(name: str, guests: GuestBuild) -> list[str]:
    """A guest, built, and its arguments."""
    guest = guest_named(name)
    return [str(guests.build(guest.file, guest.name, guest.flags)), *guest.arguments]
