"""Programs of older and newer distributions, in folders that `chroot` makes the root."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import skips
from all_guests import guest_named
from distributions import SUITES, root_of
from guest_table import NOTHING
from recorded_run import Keeper, Reenact, check_exact, run

STEADY = {
    "LC_ALL": "C.UTF-8",
    "TZ": "UTC",
    "PYTHONHASHSEED": "0",
    "PATH": "/usr/bin:/bin:/usr/sbin",
}

PYTHON = (
    "import collections, json, subprocess, sys, threading;"
    "sums = []; work = lambda n: sums.append(sum(i * i % 7 for i in range(n)));"
    "threads = [threading.Thread(target=work, args=(20000 + n,)) for n in range(3)];"
    "[thread.start() for thread in threads]; [thread.join() for thread in threads];"
    "print(sorted(sums), collections.Counter('abracadabra').most_common(2));"
    "print(json.dumps({'a': [1.5]}));"
    "print(subprocess.run(['echo', 'child'], capture_output=True, text=True).stdout)"
)
PROGRAMS = {
    "true": ["true"],
    "ls": ["ls", "-lR", "/usr/share", "/etc"],
    "bash": [
        "bash",
        "-c",
        "seq 2000 | awk '{ s += $1 * NR } END { print s }'; for i in $(seq 20); do true; done; "
        "diff <(seq 10) <(seq 2 11); trap 'echo trapped' TERM; kill $$; echo $?",
    ],
    "tar": ["bash", "-c", "tar cf - --mtime=@0 --sort=name /usr/share/perl5 | xz -1 | md5sum"],
    "find": ["find", "/usr/lib", "-name", "*.so*"],
    "perl": [
        "perl",
        "-e",
        "my %c; $c{$_ * 7919 % 97}++ for 1 .. 50000; print join ',', map {"
        ' "$_=$c{$_}" } sort { $a <=> $b } keys %c; print `echo child`;',
    ],
    "python": ["python3", "-c", PYTHON],
    "dpkg": ["bash", "-c", "dpkg -l | wc -l; dpkg -S /bin/ls; apt-cache policy bash | head -3"],
    "sort": ["bash", "-c", "seq 30000 | rev | sort --parallel=2 | md5sum"],
}


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("suite", SUITES)
def test_a_program_of_another_distribution(
    suite: str, name: str, reenact: Reenact, keeper: Keeper
) -> None:
    """Its own C library, and nothing of ours in sight: no /proc, and our files out of reach."""
    skips.unless_full()
    command = ["chroot", str(root_of(suite)), *PROGRAMS[name]]
    native = run(command, variables=STEADY)
    assert native.status == 0, native.describe()
    recorded = reenact.record(command, keeper.trace(), variables=STEADY, timeout=300)
    assert recorded == native, f"{native.describe()}\n{recorded.describe()}"
    check_exact(reenact, keeper.trace(), recorded)


SOURCES = Path(__file__).resolve().parent / "guests"
#: What depends on the C library and on the compiler: how they start, signal, fork, wait and unwind.
GUESTS = (
    *("hello", "fork", "vfork", "spawn", "backtrace", "clocks", "code_read"),
    *("signal_nested", "signal_restart", "fault_fix", "self_stepping", "ptrace_endings"),
    *("share_mutex", "thread_sync", "thread_cancel", "thread_local", "thread_setuid"),
)


@pytest.mark.parametrize("name", GUESTS)
@pytest.mark.parametrize("suite", SUITES)
def test_a_guest_of_another_distribution(
    suite: str, name: str, reenact: Reenact, keeper: Keeper
) -> None:
    """Built there, by its compiler."""
    skips.unless_full()
    guest = guest_named(name)
    root = root_of(suite)
    shutil.copytree(SOURCES, root / "guests", dirs_exist_ok=True)
    inside = ["chroot", str(root)]
    build = ["gcc", "-std=gnu17", "-w", *guest.flags, "-o", f"/guests/{name}"]
    built = run([*inside, *build, f"/guests/{guest.file}"], timeout=200)
    assert built.status == 0, built.describe()
    command = [*inside, f"/guests/{name}", *guest.arguments]
    native = run(command, variables=STEADY, timeout=guest.timeout)
    assert native.status == guest.status, native.describe()
    recorded = reenact.record(command, keeper.trace(), variables=STEADY, timeout=300)
    assert recorded.status == native.status, recorded.describe()
    if guest.same != NOTHING:
        assert recorded.stdout == native.stdout, recorded.describe()
    check_exact(reenact, keeper.trace(), recorded)
