"""`reenact verify`: replay a trace and check every event of it."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from typing import IO

    from reenact.replay.collecting import Verification
    from reenact.replay.reports import Divergence

HELP = "replay a trace and check every event of it"
DESCRIPTION = (
    "Re-execute every process of a trace and check each event against the recording: the same "
    "system call with the same arguments and registers, at the same instruction. The program's own "
    "code runs from event to event, and its instructions are counted only with --translated. Exit "
    "status 0 without a divergence, 1 with one, 125 when the replay could not be carried through."
)
EXAMPLES = (
    ("reenact verify", "the latest trace"),
    ("reenact verify --output ls-3 | less", "what the program printed, replayed"),
    ("reenact verify --json /tmp/crash", "one JSON object, for scripts"),
    ("reenact verify --translated", "by the other engine, with the number of instructions"),
)


class Arguments:
    """What was asked for: the options of `add_arguments`, with their defaults."""

    trace: str | None = None
    json: bool = False
    output: bool = False
    process: str | None = None
    jobs: int | None = None
    translated: bool = False


def quick_arguments(words: Sequence[str]) -> Arguments | None:
    """Understand the usual command lines without argparse: the replay of a short recording would be
    over before that has been imported. None: they are not that usual.
    """
    arguments = Arguments()
    for word in words:
        if word in ("--json", "--output", "--translated"):
            setattr(arguments, word[2:], True)
        elif arguments.trace is None and not word.startswith("-"):
            arguments.trace = word
        else:
            return None
    return arguments


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    from reenact.commands.options import add_process, add_trace, positive

    add_trace(parser)
    parser.add_argument("--json", action="store_true", help="print the result as one JSON object")
    parser.add_argument(
        "--output",
        action="store_true",
        help="write to standard output and error what the program wrote there",
    )
    add_process(parser, "replay this process only")
    parser.add_argument(
        "--jobs",
        metavar="N",
        type=positive,
        help="processes replayed at one moment (default: one for each processor)",
    )
    parser.add_argument(
        "--translated",
        action="store_true",
        help="translate all code and count its instructions: slower, and independent of how the "
        "program's own code is held exact",
    )


def run(arguments: argparse.Namespace | Arguments) -> int:
    """Replay, and report."""
    from reenact import locating, manifest, terminal
    from reenact.errors import DIVERGENCE, UsageError
    from reenact.replay.verification import verify

    if arguments.json and arguments.output:
        raise UsageError("--json and --output both want the standard output", "choose one")
    path = locating.located(arguments.trace)
    manifest.read(path)  # what is no trace is refused before a replayer starts
    process = None
    if arguments.process is not None:
        from reenact.commands.options import chosen_process
        from reenact.trace import Trace

        process = chosen_process(Trace(path), arguments.process)
    with terminal.progress("replaying") as bar:
        result = verify(
            path,
            process=process,
            jobs=arguments.jobs,
            write=_write if arguments.output else None,
            on_progress=bar.update if bar.is_shown else None,
            translated=arguments.translated,
        )
    if arguments.json:
        terminal.print_json(_as_json(path, result))
    else:
        # With --output the standard output is the program's: our report goes to the other.
        stream = sys.stderr if arguments.output else sys.stdout
        print(_as_text(result, stream), file=stream)
    return 0 if result.is_exact else DIVERGENCE


def _write(stream: int, content: bytes) -> None:
    target = sys.stdout if stream == 1 else sys.stderr
    # Closed when we were started: the bytes go where the program's went.
    if target is not None:
        target.buffer.write(content)
        target.buffer.flush()


def _as_json(path: str, result: Verification) -> dict[str, object]:
    import dataclasses

    return {
        "trace": path,
        "processes": result.processes,
        "events": result.events,
        "instructions": result.instructions,
        "divergences": [_divergence_json(divergence) for divergence in result.divergences],
        "seconds": round(result.seconds, 6),
        "cut_processes": list(result.cut_processes),
        "unreachable_processes": list(result.unreachable_processes),
        "damaged_chunks": result.damaged_chunks,
        "landings": result.landings,
        "searched": result.searched,
        "native": None if result.native is None else dataclasses.asdict(result.native),
        "native_failure": result.native_failure,
        "segments": result.segments,
        "index_failure": result.index_failure,
        "notes": [dataclasses.asdict(note) for note in result.notes],
        "changed_files": list(result.changed_files),
    }


def _divergence_json(divergence: Divergence) -> dict[str, object]:
    return {
        "process": divergence.process,
        "position": {
            "process": divergence.process,
            "event": divergence.event,
            "instructions": divergence.instructions,
        },
        "what": divergence.what,
        "message": divergence.message,
        "ip": divergence.ip,
        "expected": divergence.expected,
        "found": divergence.found,
        "registers": divergence.registers,
    }


def _as_text(result: Verification, stream: IO[str]) -> str:
    from reenact.printable import printable
    from reenact.terminal import counted, style

    lines = [_divergence_text(divergence) for divergence in result.divergences]
    seen = dict.fromkeys([*(note.message for note in result.notes), *result.changed_files])
    lines += [f"note: {printable(message)}" for message in seen]
    if result.native_failure is not None:
        lines.append(
            "note: the program's own code was not held exact, its translation is: "
            f"{printable(result.native_failure)}; a bug of reenact, to be reported with the trace"
        )
    if result.index_failure is not None:
        lines.append(
            f"note: the index was wrong, and has been removed: {printable(result.index_failure)}; "
            "this is the result of a replay from the start"
        )
    if result.damaged_chunks:
        lines.append(f"{counted(result.damaged_chunks, 'chunk')} of the trace cannot be read")
    if result.cut_processes:
        lines.append(
            f"the recording of {counted(len(result.cut_processes), 'process')} was cut short; "
            "replayed up to there"
        )
    if result.unreachable_processes:
        lines.append(
            f"{counted(len(result.unreachable_processes), 'process')} could not be replayed: "
            "what is left of the parent's recording ends before the fork"
        )
    word, colour = ("exact", "green") if result.is_exact else ("diverged", "red")
    verdict = style(word, colour, stream)
    figures = ", ".join(
        (
            counted(result.processes, "process"),
            counted(result.events, "event"),
            *_instructions(result),
            *_segments(result),
            f"{result.seconds:.2f} s",
        )
    )
    number = len(result.divergences)
    lines.append(
        f"{verdict}: {figures}, {counted(number, 'divergence') if number else 'no divergence'}"
    )
    return "\n".join(lines)


def _segments(result: Verification) -> list[str]:
    from reenact.terminal import counted

    return [counted(result.segments, "segment")] if result.segments else []


def _instructions(result: Verification) -> list[str]:
    from reenact.terminal import counted

    return [] if result.instructions is None else [counted(result.instructions, "instruction")]


def _divergence_text(divergence: Divergence) -> str:
    from reenact.printable import printable

    count = divergence.instructions
    after = "" if count is None else f"{count} instructions "
    lines = (
        f"divergence ({divergence.what}) in process {divergence.process}, "
        f"{after}after event {divergence.event}, at {divergence.ip}: {divergence.message}",
        f"  expected: {_side(divergence.expected)}",
        f"  found:    {_side(divergence.found)}",
    )
    return "\n".join(map(printable, lines))


def _side(described: object) -> str:
    if not isinstance(described, dict) or not described:
        return "-"
    return ", ".join(
        f"{key} {' '.join(map(str, value)) if isinstance(value, list) else value}"
        for key, value in described.items()
    )
