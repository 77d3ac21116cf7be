"""Values of all kinds in a function that is called from C; says what the interpreter sees."""

import dataclasses
import json
import os
import sys
import traceback


@dataclasses.dataclass
class Point:
    x: int
    y: float = 1.5


class Account:
    def __init__(self, owner):
        self.owner = owner
        self.balance = 10


class Slotted:
    __slots__ = ("first", "second")

    def __init__(self):
        self.first, self.second = 1, "two"


class Kept(Slotted):
    def __init__(self):
        super().__init__()
        self.third = 3


def numbers():
    yield from range(3)


def outer(depth):
    captured = [depth]

    def inner(k):
        big, negative, zero, digits = 2**100, -12345678901234567890, 0, 2**30
        text, latin, wide, astral, empty = "abc", "caf\xe9", "\u20ac uro", "\U0001f600!", ""
        quoted, blob, yes, nothing = 'it\'s "so"\n', b"\x00\x01hi", True, None
        items = [1, 2.5, "x", (3,), (), {"k": [1]}, ..., False]
        small = {i: str(i) for i in range(5)}
        removed = {i: i for i in range(12)}
        for i in range(9):
            del removed[i]
        huge = {str(i): i for i in range(70_000)}
        mixed = {"a": 1, (2, 3): None, 4.5: []}
        some, one, none, gone = {7}, frozenset([9]), set(), {1, 2, 3}
        gone -= {1, 3}
        point, real, imaginary = Point(3), -1e300, 1 + 2j
        nested = [[[1, [2]]]]
        own = []
        own.append(own)
        captured.append(k)
        account, odd = Account("me"), Account("you")
        account.extra = 5
        del account.balance
        odd.__dict__["z"] = 1
        slotted, kept = Slotted(), Kept()
        generator = numbers()
        next(generator)
        del wide
        wide = "\u20ac"
        truth = {
            name: repr(value)
            for name, value in list(locals().items())
            if name not in ("huge", "account", "odd", "slotted", "kept", "generator")
        }
        frames = [
            (one.name, one.lineno + (number == 0))
            for number, one in enumerate(reversed(traceback.extract_stack()))
        ]
        sys.stdout.write(json.dumps({"locals": truth, "frames": frames, "size": len(huge)}))
        sys.stdout.flush()
        try:
            raise KeyError(k)
        except KeyError:
            os.getppid()
        raise ValueError("bad", k)

    if depth:
        return outer(depth - 1)
    return list(map(inner, [7]))


GLOBAL = "here"
outer(2)
