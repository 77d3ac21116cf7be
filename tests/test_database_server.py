"""PostgreSQL, recorded with its clients: a server of many processes that share memory."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import skips
from recorded_run import Keeper, Reenact
from recorded_server import check_verified
from tiers import FULL

NOBODY = 65534
TRANSACTIONS = 1000 if FULL else 50

SCRIPT = """
set -e
export PATH="$1:$PATH" HOME="$PWD" PGHOST="$PWD" PGUSER=postgres PGDATABASE=postgres
initdb --username=postgres --no-sync data >initdb.txt
pg_ctl --pgdata=data --wait --timeout=100 --log=log.txt \
    --options="-c listen_addresses='' -c unix_socket_directories='$PWD'" start >pg_ctl.txt
psql --quiet --no-psqlrc --tuples-only \
    --command='create table numbers as select generate_series(1, 10000) as n' \
    --command='create index on numbers (n)' --command='select sum(n) from numbers where n > 9000'
pgbench --initialize --quiet >initialised.txt 2>&1
pgbench --client=2 --transactions=$2 | grep 'actually processed'
pg_ctl --pgdata=data --mode=fast stop >>pg_ctl.txt
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that the server's user can reach and write to."""
    with tempfile.TemporaryDirectory(prefix="postgres-", ignore_cleanup_errors=True) as made:
        path = Path(made)
        if os.getuid() == 0:
            os.chown(path, NOBODY, NOBODY)
        yield path


def test_postgresql(reenact: Reenact, keeper: Keeper, folder: Path) -> None:
    """Its processes have memory in common, of both kinds, and wake one another by signals."""
    programs = Path(os.path.realpath(skips.need_program("initdb"))).parent
    for name in ("pgbench", "psql", "pg_ctl"):
        if not (programs / name).exists():
            skips.skip(skips.Reason.NO_PROGRAM, name)
    become: tuple[str, ...] = ()
    if os.getuid() == 0:
        # It does not serve as root.
        skips.need_program("setpriv")
        become = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")
    trace = keeper.trace()
    command = (*become, shutil.which("sh"), "-c", SCRIPT, "sh", str(programs), str(TRANSACTIONS))
    recorded = reenact.record(command, trace, directory=folder, timeout=300)
    log = folder / "log.txt"
    said = log.read_text(errors="replace")[-2000:] if log.exists() else "no log of the server"
    assert recorded.status == 0, f"{recorded.describe()}\n{said}"
    assert b"9500500" in recorded.stdout.replace(b" ", b"")
    processed = f": {2 * TRANSACTIONS}/{2 * TRANSACTIONS}".encode()
    assert processed in recorded.stdout, recorded.describe()
    notes = json.loads((trace / "manifest.json").read_text())
    assert "could not be kept" not in json.dumps(notes)
    check_verified(reenact, trace)
