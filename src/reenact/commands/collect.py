"""`reenact collect`: a server that receives reports."""

from __future__ import annotations

import argparse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from reenact.collector.storage import Limits

HELP = "run a server that receives reports"
DESCRIPTION = (
    "Receive what `reenact report --to URL` sends: resumable uploads, each checked before it "
    "counts, grouped by crash, with a page and a listing (/reports.json). Who reports has a token "
    "that can add and nothing else; who reads has another one. Put a server that speaks https "
    "before it. Wants pip install 'reenact[collect]'."
)
EXAMPLES = (
    ("reenact collect /srv/reports --add-token report:field", "print a token to report by"),
    ("reenact collect /srv/reports --add-token read:me", "print a token to read by"),
    ("reenact collect /srv/reports --listen 0.0.0.0:8080 --keep 90d", "serve"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    from reenact.commands.options import age, bytes_in

    parser.add_argument("directory", metavar="DIRECTORY", help="where reports are kept")
    parser.add_argument(
        "--listen",
        metavar="HOST:PORT",
        default="127.0.0.1:8123",
        help="where to listen (default: 127.0.0.1:8123)",
    )
    tokens = parser.add_mutually_exclusive_group()
    tokens.add_argument(
        "--add-token",
        metavar="KIND:NAME",
        help='print a new token, to "report" or to "read"; it is shown once',
    )
    tokens.add_argument("--remove-token", metavar="NAME", help="let a token be one no more")
    tokens.add_argument("--tokens", action="store_true", help="list the tokens' names")
    parser.add_argument(
        "--max-size",
        metavar="SIZE",
        type=bytes_in,
        default=2 << 30,
        help="of the largest report (default: 2G)",
    )
    parser.add_argument(
        "--quota",
        metavar="SIZE",
        type=bytes_in,
        default=100 << 30,
        help="of all reports together (default: 100G)",
    )
    parser.add_argument(
        "--keep", metavar="AGE", type=age, help="remove reports that are older, as 90d or 12h"
    )


def run(arguments: argparse.Namespace) -> int:
    """Serve until a signal comes, or change tokens."""
    from reenact.collector.index import KINDS, Index
    from reenact.collector.storage import Limits
    from reenact.errors import UsageError
    from reenact.printable import printable

    directory = arguments.directory
    if arguments.add_token is not None:
        kind, _, name = arguments.add_token.partition(":")
        if kind not in KINDS or not name:
            raise UsageError("a token is one to report or to read by", "--add-token report:NAME")
        print(Index(directory).add_token(kind, name))
        return 0
    if arguments.remove_token is not None:
        Index(directory).remove_token(arguments.remove_token)
        return 0
    if arguments.tokens:
        for name, kind, _ in Index(directory).tokens():
            print(f"{kind:<7} {printable(name)}")
        return 0
    limits = Limits(
        size=arguments.max_size,
        content=16 * arguments.max_size,
        quota=arguments.quota,
        keep=arguments.keep,
    )
    return _serve(directory, arguments.listen, limits)


def _serve(directory: str, listen: str, limits: Limits) -> int:
    import socket

    from reenact.errors import ReenactError, UsageError

    host, _, port = listen.rpartition(":")
    if not port.isdecimal() or int(port) > 65535:
        raise UsageError(f"{listen} is no place to listen at", "write it as 127.0.0.1:8123")
    try:
        import uvicorn

        from reenact.collector.application import application
    except ImportError as error:
        raise ReenactError(
            f"the collector needs further packages: {error.name}", "pip install 'reenact[collect]'"
        ) from error
    from reenact.collector.storage import Storage

    storage = Storage(directory, limits)
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.create_server((host.strip("[]"), int(port)), family=family, backlog=512)
    except OSError as error:
        raise ReenactError(
            f"{listen} cannot be listened at: {error.strerror}", "choose another --listen"
        ) from error
    place = listener.getsockname()
    print(f"reenact collect: listening at http://{host}:{place[1]}/", flush=True)
    settings = uvicorn.Config(
        application(storage),
        log_level="warning",
        server_header=False,
        lifespan="on",
        timeout_graceful_shutdown=10,
    )
    uvicorn.Server(settings).run(sockets=[listener])
    return 0
