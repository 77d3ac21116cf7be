"""`reenact trace`: printf put into a program that has already run."""

from __future__ import annotations

import argparse
import contextlib
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import TextIO

    from reenact.session.session import Session
    from reenact.session.tracing import Answer, Hit
    from reenact.terminal import Progress

HELP = "print values at each hit of a function or line, afterwards"
DESCRIPTION = (
    "Replay one process once and print, each time it comes to a function or a line of its source, "
    "the position, the thread and the values of expressions in the notation of C. What has no "
    "value at a hit says why, and the pass goes on; a name that means nothing at the place is an "
    "error before it begins. Exit status 0 when the pass was carried "
    "through, also without a hit; 1 when the replay departs from the recording; 125 when no file "
    "of the process has the function or line, or the pass could not be carried through."
)
EXAMPLES = (
    ("reenact trace --at add --print times", "each call of add, with its argument"),
    ("reenact trace crash --at list.c:42 --print 'node->next' --print '*node'", "at a line"),
    ("reenact trace --at add --if 'times > 100' --limit 5", "the first five calls that add much"),
    ("reenact trace --at malloc --print '$rdi' --csv > sizes.csv", "without debug information"),
)

#: Seconds between two looks at how far the pass is.
_REFRESH = 0.2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    from reenact.commands.options import add_process, add_trace, positive

    add_trace(parser)
    add_process(parser, "which process (default: 0)")
    parser.add_argument(
        "--at", metavar="PLACE", required=True, help="where: FUNCTION, or FILE:LINE"
    )
    parser.add_argument(
        "--print",
        metavar="EXPR",
        dest="expressions",
        action="append",
        default=[],
        help="what to print, such as 'node->next' or '$rdi'; may be repeated",
    )
    parser.add_argument(
        "--if",
        metavar="COND",
        dest="condition",
        help="only hits at which this expression is not 0, such as 'size > 100'",
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print one JSON object for each hit")
    form.add_argument("--csv", action="store_true", help="print CSV with a line of titles")
    parser.add_argument("--limit", metavar="N", type=positive, help="end after N hits")


def run(arguments: argparse.Namespace) -> int:
    """Replay, and print the hits."""
    import itertools

    from reenact import locating, terminal
    from reenact.commands.options import chosen_process, tell_of_shared_changes
    from reenact.errors import DIVERGENCE
    from reenact.printable import printable
    from reenact.session.tracing import Tracing
    from reenact.trace import Trace

    trace = Trace(locating.located(arguments.trace))
    process = chosen_process(trace, arguments.process)
    tell_of_shared_changes(trace, process)
    # While a bar is shown, `sys.stdout` leads to the terminal of standard error.
    output = sys.stdout
    number = 0
    with trace.replay(process) as session, terminal.progress("tracing") as bar:
        if output.isatty():
            output = sys.stdout
        tracing = Tracing(session, arguments.at, arguments.expressions, arguments.condition)
        write = _writer(arguments, output)
        with _shown(session, bar):
            for hit in itertools.islice(tracing.hits(), arguments.limit):
                write(hit)
                number += 1
    output.flush()
    if tracing.divergence:
        print(
            f"reenact: the replay departs from the recording: {printable(tracing.divergence)}",
            file=sys.stderr,
        )
        return DIVERGENCE
    if tracing.undecided:
        print(
            f"reenact: the condition has no value at {terminal.counted(tracing.undecided, 'hit')}, "
            f"which do not count: {printable(tracing.problem)}",
            file=sys.stderr,
        )
    elif not number:
        holds = " with this condition" if arguments.condition is not None else ""
        print(f"the process never comes to {printable(arguments.at)}{holds}", file=sys.stderr)
    return 0


@contextlib.contextmanager
def _shown(session: Session, bar: Progress) -> Iterator[None]:
    """Move the bar while the pass goes on; between two hits nothing else would."""
    import threading

    if not bar.is_shown:
        yield
        return
    total = next(p.events for p in session.trace.processes if p.number == session.process)
    is_over = threading.Event()

    def follow() -> None:
        while not is_over.wait(_REFRESH):
            bar.update(session.position.event, total)

    follower = threading.Thread(target=follow, daemon=True)
    follower.start()
    try:
        yield
    finally:
        is_over.set()
        follower.join()


def _writer(arguments: argparse.Namespace, output: TextIO) -> Callable[[Hit], None]:
    """What writes a hit in the form that was asked for."""
    expressions: list[str] = arguments.expressions
    if arguments.json:
        return lambda hit: _write_json(hit, expressions, output)
    if not arguments.csv:
        return lambda hit: _write_text(hit, expressions, output)
    import csv

    from reenact.printable import printable

    table = csv.writer(output, lineterminator="\n")
    table.writerow(["position", "thread", "function", "file", "line", *expressions])

    def write(hit: Hit) -> None:
        place = [str(hit.position), hit.thread, hit.function, hit.file, hit.line]
        cells = [*place, *map(_text, hit.answers)]
        table.writerow([printable(cell) if isinstance(cell, str) else cell for cell in cells])

    return write


def _write_text(hit: Hit, expressions: list[str], output: TextIO) -> None:
    from reenact.printable import printable

    where = printable(hit.function or "??")
    if hit.file is not None:
        where += f" at {printable(hit.file)}:{hit.line}"
    values = [
        f"{printable(expression)} = {printable(_text(answer))}"
        for expression, answer in zip(expressions, hit.answers)
    ]
    print("  ".join([str(hit.position), f"thread {hit.thread}", where, *values]), file=output)


def _write_json(hit: Hit, expressions: list[str], output: TextIO) -> None:
    from reenact.terminal import json_line

    record = {
        "position": {
            "process": hit.position.process,
            "event": hit.position.event,
            "instructions": hit.position.instructions,
        },
        "thread": hit.thread,
        "function": hit.function,
        "file": hit.file,
        "line": hit.line,
        "values": [
            {
                "expression": expression,
                "value": answer.value,
                "text": answer.text,
                "problem": answer.problem,
            }
            for expression, answer in zip(expressions, hit.answers)
        ],
    }
    print(json_line(record), file=output)


def _text(answer: Answer) -> str:
    return f"<{answer.problem}>" if answer.problem else answer.text
