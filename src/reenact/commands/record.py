"""`reenact record`: run a program and record it."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from reenact.recordings import Recording

HELP = "run a program and record it"
DESCRIPTION = (
    "Run a program and record everything it could observe from outside. The program runs "
    "natively, with the terminal, input, output and errors it would have without reenact; its "
    "exit status, or the signal it died by, becomes ours. What follows the program's name is "
    "the program's own."
)
EXAMPLES = (
    ("reenact record -- make -j2", "record a build, every process of it"),
    ("reenact record -o /tmp/crash ./server --port 80", "choose where the trace goes"),
    ("reenact record --quiet -- ./test && reenact verify", "say nothing, then check"),
    ("reenact record --ring 256M -- ./server", "stay on for days; keep the last part of a crash"),
    ("reenact record --chaos --until-failure ./test", "find a race, and keep the run it bit in"),
)


class Arguments:
    """What was asked for: the options of `add_arguments`, with their defaults."""

    output: str | None = None
    checksum: int = 0
    leave_code: bool = False
    paranoid: bool = False
    chaos: bool = False
    seed: int | None = None
    timeout: float | None = None
    until_failure: bool = False
    runs: int | None = None
    retry_for: float | None = None
    quiet: bool = False
    sources: str = "yes"
    ring: int | None = None
    save_on: str | None = None
    program: Sequence[str] = ()


def quick_arguments(words: Sequence[str]) -> Arguments | None:
    """Understand the usual command lines without argparse, whose import takes longer than a short
    recording; None: they are not that usual.
    """
    arguments = Arguments()
    rest = list(words)
    while rest and rest[0].startswith("-"):
        word = rest.pop(0)
        if word == "--":
            break
        if word in ("-q", "--quiet"):
            arguments.quiet = True
        elif word in ("-o", "--output") and rest and not rest[0].startswith("-"):
            arguments.output = rest.pop(0)
        else:
            return None
    arguments.program = rest
    return arguments


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    import argparse

    from reenact.commands.options import duration, natural, positive

    parser.add_argument(
        "-o",
        "--output",
        metavar="TRACE",
        help="directory to make for the trace (default: PROGRAM-N in $REENACT_TRACE_DIR, else in "
        "the user's data directory; `latest` there names it)",
    )
    parser.add_argument(
        "--checksum",
        metavar="N",
        type=positive,
        default=0,
        help="checksum all memory every N system calls, to find where a replay departs (slow)",
    )
    parser.add_argument(
        "--leave-code",
        action="store_true",
        help="put nothing into the program's code, for programs that check it (slower; what rdrand "
        "and its like answer cannot be replayed then)",
    )
    parser.add_argument(
        "--paranoid",
        action="store_true",
        help="afterwards, name the instructions that were replaced in the program's memory and "
        "that nothing has executed",
    )
    parser.add_argument(
        "--chaos",
        action="store_true",
        help="schedule threads at random, to meet races that a fair schedule rarely shows",
    )
    parser.add_argument(
        "--seed",
        metavar="N",
        type=natural,
        help="seed of the random schedule, of the first run with --until-failure (default: "
        "another one each time)",
    )
    parser.add_argument(
        "--timeout",
        metavar="TIME",
        type=duration,
        help="end the program after so long, in seconds or as 30m or 2h: it hangs",
    )
    parser.add_argument(
        "--until-failure",
        action="store_true",
        help="run again until the program fails (an exit status other than 0, a signal, the "
        "timeout), and keep only that trace",
    )
    parser.add_argument(
        "--runs", metavar="N", type=positive, help="with --until-failure: most runs to make"
    )
    parser.add_argument(
        "--retry-for",
        metavar="TIME",
        type=duration,
        help="with --until-failure: begin no run later than this, in seconds or as 30m or 2h",
    )
    add_sources(parser)
    add_ring(parser)
    parser.add_argument("-q", "--quiet", action="store_true", help="do not say where the trace is")
    parser.add_argument(
        "program",
        metavar="PROGRAM",
        nargs=argparse.REMAINDER,
        help="the program and its arguments, taken as they are",
    )


def add_sources(parser: argparse.ArgumentParser) -> None:
    """Declare what is kept beside the recording."""
    parser.add_argument(
        "--sources",
        choices=("yes", "no"),
        default="yes",
        help="keep the source files that debug information names with the trace, up to 64 MiB "
        "(default: yes)",
    )


def add_ring(parser: argparse.ArgumentParser) -> None:
    """Declare what keeps a recording in memory."""
    from reenact.commands.options import ring_size

    parser.add_argument(
        "--ring",
        metavar="SIZE",
        type=ring_size,
        help="keep only the last part of the recording, about so much (such as 256M), in memory: "
        "see --save-on, and reenact save",
    )
    parser.add_argument(
        "--save-on",
        choices=("always", "error", "signal", "never"),
        help="with --ring: make a trace of it at the end always; when the program fails, or one of "
        "its processes by a fault (error, the default); when a signal ends the program, or at such "
        "a fault (signal); or never",
    )


def run(arguments: Arguments) -> int:
    """Record, say where the trace is, and end as the program did."""
    from reenact.errors import UsageError

    if not arguments.program:
        raise UsageError("no program was named", "reenact record -- PROGRAM ARGUMENTS")

    _check(arguments)
    seed = _seed(arguments)
    if arguments.until_failure:
        return _run_until_failure(arguments, seed)

    from reenact import recordings
    from reenact.ending import end_like

    outcome = recordings.record(
        arguments.program,
        arguments.output,
        checksum_interval=arguments.checksum,
        leave_code=arguments.leave_code,
        chaos_seed=seed,
        timeout=arguments.timeout,
        with_sources=arguments.sources == "yes",
        ring=arguments.ring,
        save_on=arguments.save_on or "error",
    )
    if not arguments.quiet:
        say(report(outcome, is_elsewhere=arguments.output is not None))
    if arguments.paranoid:
        say(_replaced_code(outcome))
    return end_like(outcome.wait_status)


def _check(arguments: Arguments) -> None:
    from reenact import recordings
    from reenact.errors import UsageError

    check_ring(arguments.ring, arguments.save_on, "record")
    if arguments.ring is not None and arguments.until_failure:
        raise UsageError("--ring and --until-failure do not go together", "choose one")
    misplaced = recordings.misplaced(
        chaos=arguments.chaos,
        seed=arguments.seed,
        until_failure=arguments.until_failure,
        runs=arguments.runs,
        retry_for=arguments.retry_for,
    )
    if misplaced is not None:
        option, needed = (f"--{name.replace('_', '-')}" for name in misplaced)
        value = "N" if option == "--seed" else "..."
        raise UsageError(
            f"{option} is of use with {needed} only", f"reenact record {needed} {option} {value}"
        )


def check_ring(ring: int | None, save_on: str | None, command: str) -> None:
    """Refuse `--save-on` without a ring."""
    from reenact.errors import UsageError

    if save_on is not None and ring is None:
        raise UsageError(
            "--save-on is of use with --ring only",
            f"reenact {command} --ring 256M --save-on {save_on}",
        )


def _seed(arguments: Arguments) -> int | None:
    if not arguments.chaos:
        return None
    if arguments.seed is not None:
        return int(arguments.seed)
    from reenact import recordings

    return recordings.first_seed(None)


def _run_until_failure(arguments: Arguments, seed: int | None) -> int:
    from reenact.ending import end_like
    from reenact.retrying import record_until_failure

    retries = record_until_failure(
        arguments.program,
        arguments.output,
        checksum_interval=arguments.checksum,
        leave_code=arguments.leave_code,
        chaos_seed=seed,
        timeout=arguments.timeout,
        runs=arguments.runs,
        seconds=arguments.retry_for,
        with_sources=arguments.sources == "yes",
    )
    runs = f"{retries.runs} run{'s' if retries.runs > 1 else ''}"
    if not arguments.quiet:
        if retries.failed:
            lines = report(retries.last, is_elsewhere=arguments.output is not None)
            lines.insert(-1, f"reenact: {_failure(retries.last)} after {runs}")
        elif retries.interrupted:
            lines = [f"reenact: interrupted, with no failure in {runs}; no trace was kept"]
        else:
            lines = [f"reenact: no failure in {runs}; no trace was kept"]
        say(lines)
    if arguments.paranoid and retries.failed:
        say(_replaced_code(retries.last))
    return end_like(retries.last.wait_status)


def _failure(outcome: Recording) -> str:
    if outcome.timed_out:
        return "did not end in time"
    status = outcome.exit_status
    if status >= 0:
        return f"exit status {status}"
    import signal

    try:
        return f"killed by {signal.Signals(-status).name}"
    except ValueError:
        return f"killed by signal {-status}"


def report(outcome: Recording, *, is_elsewhere: bool) -> list[str]:
    """What is said of a recording: what it does not cover, and where it is."""
    from reenact.printable import printable

    if not outcome.is_saved:
        lines = [f"reenact: {printable(warning)}" for warning in outcome.messages]
        return [*lines, "reenact: the ring was not saved (see --save-on)"]
    if not outcome.is_kept:
        where = printable(outcome.trace)
        return [f"reenact: {where} was removed while the program ran: nothing is recorded"]
    lines = [f"reenact: {printable(warning)}" for warning in outcome.messages]
    # Who has seen a program fail wants to know why.
    is_failure = outcome.wait_status != 0 or outcome.timed_out
    advice, command = ("debug", "replay") if is_failure else ("replay", "verify")
    command = f"reenact {command}"
    if is_elsewhere:
        command += f" {_quoted(outcome.trace)}"
    seed = "" if outcome.chaos_seed is None else f" with seed {outcome.chaos_seed}"
    lines.append(f"reenact: recorded in {outcome.trace}{seed} ({advice} it: {command})")
    return lines


def _replaced_code(outcome: Recording) -> list[str]:
    if not outcome.is_kept:
        return []
    from reenact.printable import printable
    from reenact.replaced_code import replaced_code
    from reenact.trace import Trace

    code = replaced_code(Trace(outcome.trace))
    return [f"reenact: {printable(line)}" for line in code.lines()]


def say(lines: list[str]) -> None:
    """Say it on standard error, if there is one."""
    try:
        sys.stderr.write("\n".join(lines) + "\n")
        sys.stderr.flush()
    except (OSError, ValueError, AttributeError):
        return  # The program may have been given a standard error that is closed.


def _quoted(path: str) -> str:
    if all(character.isalnum() or character in "/._-+" for character in path):
        return path
    import shlex

    return shlex.quote(path)
