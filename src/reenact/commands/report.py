"""`reenact report`: record a run, look at what is inside, send it."""

from __future__ import annotations

import argparse
import sys

HELP = "record a run, show what is inside, and send it to who can read it"
DESCRIPTION = (
    "Record a program, show what the recording has in it (files, environment, hosts, sizes), ask, "
    "and send it as one file. What follows the program's name is the program's own. The file stays "
    "where it is not sent, and --send goes on with an upload that was cut. A collector's token is "
    "taken from REENACT_STORE_TOKEN. Exit status 0 when the report is where it should be."
)
EXAMPLES = (
    ("reenact report -- ./program arguments", "make NAME.reenact here"),
    ("reenact report --to https://bugs.example.org/ -- ./program", "send it to a collector"),
    ("reenact report --to s3://bucket/reports/ --yes -- ./program", "from a script, to a store"),
    ("reenact report --send crash.reenact --to URL", "go on after a cut"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    from reenact.commands.options import duration
    from reenact.commands.record import add_sources

    parser.add_argument(
        "-o", "--output", metavar="FILE", help="the file to make (default: NAME.reenact here)"
    )
    parser.add_argument(
        "--to",
        metavar="URL",
        help="where to send it: a collector (see reenact collect), a URL that takes a PUT and ends "
        "with .reenact, s3://, gs://, az://, or a directory",
    )
    parser.add_argument(
        "--send", metavar="FILE", help="record nothing, send a file that was made earlier"
    )
    parser.add_argument("-y", "--yes", action="store_true", help="send it without asking")
    parser.add_argument(
        "--chaos", action="store_true", help="schedule threads at random, for races"
    )
    parser.add_argument(
        "--timeout",
        metavar="TIME",
        type=duration,
        help="end the program after so long, in seconds or as 30m or 2h: it hangs",
    )
    from reenact.commands.options import ring_size

    parser.add_argument(
        "--ring",
        metavar="SIZE",
        type=ring_size,
        help="keep only the last part of the recording, about so much (such as 256M)",
    )
    add_sources(parser)
    parser.add_argument(
        "program",
        metavar="PROGRAM",
        nargs=argparse.REMAINDER,
        help="the program and its arguments, taken as they are",
    )


def run(arguments: argparse.Namespace) -> int:
    """Record, show, ask, send."""
    from reenact.errors import UsageError

    if bool(arguments.program) == (arguments.send is not None):
        raise UsageError("name a program, or a file with --send", "reenact report -- PROGRAM")
    if arguments.send is not None:
        if arguments.to is None:
            raise UsageError("--send wants to know where to", "reenact report --send FILE --to URL")
        return _send_earlier(arguments.send, arguments.to)
    trace = _recorded(arguments)
    pack = _packed(trace, arguments.output)
    if arguments.to is None:
        _tell(f"the report is {_shown(pack)} (open it: reenact replay {_word(pack)})")
        return 0
    if not arguments.yes and not _is_wanted(arguments.to):
        _tell(f"not sent; the report is {_shown(pack)}")
        _tell(f"to send it: {_again(pack, arguments.to)}")
        return 0
    return _sent(pack, arguments.to, trace)


def _recorded(arguments: argparse.Namespace) -> str:
    """The trace of a run, after what is in it has been shown."""
    import os

    from reenact import environment, recordings
    from reenact.errors import RecordingError
    from reenact.report.contents import contents_of
    from reenact.trace import Trace

    # Our own token is not to be in what is sent.
    token = os.environ.pop(environment.STORE_TOKEN.name, None)
    outcome = recordings.record(
        arguments.program,
        chaos_seed=recordings.first_seed(None) if arguments.chaos else None,
        timeout=arguments.timeout,
        with_sources=arguments.sources == "yes",
        ring=arguments.ring,
        save_on="always",
    )
    if token is not None:
        os.environ[environment.STORE_TOKEN.name] = token
    if not outcome.is_kept or not outcome.is_saved:
        raise RecordingError("the recording was removed while the program ran", "try again")
    status = outcome.exit_status
    ended = f"with status {status}" if status >= 0 else f"by signal {-status}"
    _tell(f"recorded in {_shown(outcome.trace)}; the program ended {ended}. What is in it:")
    for line in contents_of(Trace(outcome.trace)).lines():
        print(line, file=sys.stderr)
    return outcome.trace


def _packed(trace: str, output: str | None) -> str:
    import os

    from reenact import packs, terminal

    target = output or os.path.basename(trace) + packs.ENDING
    with terminal.progress("packing", in_bytes=True) as bar:
        size = packs.write(trace, target, bar.update)
    print(f"  {'all of it':<10} {terminal.size(size)} in {_shown(target)}", file=sys.stderr)
    return target


def _is_wanted(to: str) -> bool:
    """Ask; who cannot be asked does not want it."""
    if sys.stdin is None or not sys.stdin.isatty():
        _tell("nobody is there to be asked (--yes sends it all the same)")
        return False
    sys.stderr.write(f"Send it to {_place(to)}? It may hold secrets. [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _send_earlier(pack: str, to: str) -> int:
    from reenact import locating, packs
    from reenact.errors import TraceError

    if not packs.is_pack(pack):
        raise TraceError(f"{pack} is not a pack", "reenact pack makes one of a trace")
    return _sent(pack, to, locating.located(pack))


def _sent(pack: str, to: str, trace: str) -> int:
    from reenact import terminal
    from reenact.errors import ReenactError
    from reenact.report.crash import facts_of
    from reenact.stores import sending
    from reenact.trace import Trace

    facts = facts_of(Trace(trace))
    try:
        with terminal.progress("sending", in_bytes=True) as bar:
            link = sending.send(pack, to, facts, bar.update)
    except KeyboardInterrupt:
        _tell(f"interrupted; the report is {_shown(pack)}, to go on: {_again(pack, to)}")
        raise
    except ReenactError as error:
        hint = f"{error.hint}; the report is {pack}, to go on: {_again(pack, to)}"
        raise ReenactError(f"not sent: {error.message}", hint) from error
    _tell(f"sent: {_place(link)}")
    _tell(f"open it: reenact replay {_word(_place(link))}")
    return 0


def _again(pack: str, to: str) -> str:
    return f"reenact report --send {_word(pack)} --to {_word(_place(to))}"


def _place(to: str) -> str:
    from reenact.stores import urls

    return urls.shown(to) if urls.is_url(to) else to


def _word(text: str) -> str:
    import shlex

    return shlex.quote(text)


def _shown(path: str) -> str:
    from reenact.printable import printable

    return printable(path)


def _tell(text: str) -> None:
    print(f"reenact: {text}", file=sys.stderr, flush=True)
