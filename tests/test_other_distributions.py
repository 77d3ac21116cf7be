"""Programs of older and newer distributions, in folders that `chroot` makes the root."""

from __future__ import annotations

import pytest
import skips
from distributions import SUITES, root_of
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
