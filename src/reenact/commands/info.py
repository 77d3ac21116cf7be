"""`reenact info`: what a trace is."""

from __future__ import annotations

import argparse
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from reenact.cpython.uncaught import Uncaught
    from reenact.trace import Trace
    from reenact.trace_sizes import Taken

HELP = "what a trace is: command, machine, time, size, completeness"
DESCRIPTION = "Show what was recorded, where, when, how it ended, and what is not covered."
EXAMPLES = (("reenact info", "the latest trace"), ("reenact info --json ls-3", "for scripts"))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    from reenact.commands.options import add_trace

    add_trace(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(arguments: argparse.Namespace) -> int:
    """Print it."""
    import shlex

    from reenact import locating, terminal
    from reenact.commands.ends import ending
    from reenact.printable import printable
    from reenact.reach import reach_of
    from reenact.trace import Trace
    from reenact.trace_sizes import taken

    trace = Trace(locating.located(arguments.trace))
    manifest = trace.manifest
    processes = trace.processes
    events = sum(process.logged for process in processes)
    reach = reach_of(trace)
    cut = [process.number for process in processes if not process.is_complete]
    notes = trace.notes()
    size = taken(trace.path)
    first = next((process for process in processes if process.number == 0), None)
    end = "cut" if first is None else ending(first)
    if first is None and reach.left_out_count:
        end = "before what is kept"
    ended = _uncaught(trace)
    if arguments.json:
        terminal.print_json(
            {
                "trace": trace.path,
                "format_version": manifest.format_version,
                "reenact": manifest.reenact,
                "complete": manifest.is_complete,
                "end": end,
                "command": list(manifest.command),
                "program": manifest.program,
                "directory": manifest.directory,
                "hostname": manifest.hostname,
                "kernel": manifest.kernel,
                "start_ns": manifest.start_ns,
                "duration_ns": manifest.duration_ns,
                "processes": len(processes),
                "left_out_processes": reach.left_out_count,
                "reaches_back_to": reach.seconds,
                "events": events,
                "bytes": size.total,
                "own_bytes": size.own,
                "cut_processes": cut,
                "unreadable_bytes": trace.unreadable_bytes(),
                "notes": notes,
                "python": [
                    {
                        "process": one.process,
                        "exception": one.type,
                        "text": one.text,
                        "file": one.file,
                        "line": one.line,
                        "position": str(one.position),
                    }
                    for one in ended
                ],
            }
        )
        return 0
    rows = [
        ("trace", trace.path),
        ("command", shlex.join(manifest.command)),
        ("program", manifest.program),
        ("directory", manifest.directory),
        ("recorded", f"{terminal.moment(manifest.start_ns)} on {manifest.hostname}"),
        ("kernel", f"Linux {manifest.kernel}"),
        ("by", f"reenact {manifest.reenact}, trace format {manifest.format_version}"),
        ("duration", _duration(manifest.duration_ns)),
        ("size", _size(size)),
        ("processes", f"{len(processes):,}"),
        ("events", f"{events:,}"),
        ("ended", end),
        ("recording", _recording(is_complete=manifest.is_complete, cut=len(cut))),
    ]
    rows += [("python", f"process {one.process} {one}: {one.text}") for one in ended]
    rows += [("reach", line) for line in reach.lines(manifest.duration_ns)]
    if trace.unreadable_bytes():
        rows.append(("damage", f"{terminal.size(trace.unreadable_bytes())} of the log"))
    rows += [("note", note) for note in notes]
    for name, value in rows:
        print(f"{terminal.style(f'{name:<10}', 'bold', sys.stdout)} {printable(value)}")
    return 0


def _uncaught(trace: Trace) -> list[Uncaught]:
    """The exceptions that ended Python processes; what is needed to know is loaded only then."""
    from reenact.cpython.candidates import candidates

    if not candidates(trace.processes):
        return []
    from reenact.cpython.uncaught import uncaught

    return uncaught(trace)


def _size(size: Taken) -> str:
    from reenact import terminal

    text = terminal.size(size.own)
    shared = size.total - size.own
    return f"{text}, and {terminal.size(shared)} that it shares with others" if shared else text


def _duration(nanoseconds: int | None) -> str:
    return "unknown" if nanoseconds is None else f"{nanoseconds / 1e9:.3f} s"


def _recording(*, is_complete: bool, cut: int) -> str:
    if is_complete:
        return "complete"
    if cut:
        return f"cut short, {cut} of its processes in mid-run; replays up to there"
    return "cut short; replays up to there"
