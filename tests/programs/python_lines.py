# ruff: noqa: RET504, UP028, RUF012, B007, F841, E701 (each is what the test is about)
"""All that makes lines of Python begin in another order than they are written."""

import contextlib
import functools
import json
import os
import sys
import threading


def square(x):
    y = x * x
    return y


def numbers(n):
    for i in range(n):
        yield i


def delegating(n):
    got = yield from numbers(n)
    yield got


def factorial(n):
    if n <= 1:
        return 1
    below = factorial(n - 1)
    return n * below


def doubled(function):
    @functools.wraps(function)
    def inside(*arguments):
        return 2 * function(*arguments)

    return inside


@doubled
def decorated(x):
    return x + 1


class Box:
    kept = []

    def __init__(self, value):
        self.value = value

    def __lt__(self, other):
        return self.value < other.value

    @property
    def content(self):
        return self.value


@contextlib.contextmanager
def opened(name):
    try:
        yield name
    finally:
        name = None


def failing(depth):
    if depth:
        return failing(depth - 1)
    raise ValueError(depth)


def cleaned():
    try:
        failing(2)
    except KeyError:
        return 0
    finally:
        x = 1
    return x


async def answered(x):
    return x


async def asking():
    total = 0
    for i in range(2):
        total += await answered(i)
    return total


def main():
    total = os.getppid() * 0
    for i in range(3):
        total += square(i)
    squares = [square(j) for j in range(2)]
    lookup = {j: square(j) for j in squares if j}
    for item in numbers(2):
        total += item
    total += sum(k for k in numbers(2))
    for item in delegating(2):
        total += 1
    total += factorial(4)
    ordered = sorted([Box(3), Box(1), Box(2)])
    ordered.sort(key=lambda box: -box.value)
    total += decorated(2) + ordered[0].content
    try:
        cleaned()
    except ValueError as error:
        total += len(error.args)
    with opened("name") as name:
        name = name * 2
    while total > 3: total -= 3  # fmt: skip
    coroutine = asking()
    try:
        coroutine.send(None)
    except StopIteration as stop:
        total += stop.value

    class Local(Box):
        size = square(2)

    x = [
        square(1),
        square(2) if total else square(3),
    ]
    worker = threading.Thread(target=square, args=(9,))
    worker.start()
    worker.join()
    list(map(square, [1, 2]))
    a, b = total, lookup
    del a
    assert b is not None, square(1)
    return total


if __name__ == "__main__":
    if len(sys.argv) > 1:
        # The truth: each line as the interpreter itself tells of it.
        seen = []

        def traced(frame, event, argument):
            if event == "line":
                seen.append((frame.f_code.co_name, frame.f_lineno))
            return traced

        sys.settrace(traced)
        main()
        sys.settrace(None)
        print(json.dumps(seen))
    else:
        main()
