"""Programs that run until a file is there, attaching to them, and what they do natively."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from recorded_run import Reenact

PYTHON = """
import hashlib, os, sys, threading
done = {}
def work(number):
    digest, left = hashlib.sha256(), 2000
    while left:
        if os.path.exists(sys.argv[1]):
            digest.update(repr((number, left)).encode())
            left -= 1
    done[number] = digest.hexdigest()
threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
[thread.start() for thread in threads]
print("ready", flush=True)
[thread.join() for thread in threads]
print(sorted(done.items()))
"""
SHELL = """
trap 'echo usr1' USR1
echo ready
while ! test -e "$1"; do sleep 0.01; done
kill -USR1 $$
for i in 1 2 3; do echo $i $(echo $i | tr 1-3 a-c); done
exec echo end
"""
#: A file and memory that are mapped shared, by nobody else until it forks.
SHARED = """
import mmap, os, sys, time
file = open("shared", "w+b")
file.truncate(12288)
mapped, anonymous = mmap.mmap(file.fileno(), 12288), mmap.mmap(-1, 8192)
mapped[0:5], anonymous[0:4] = b"hello", b"anon"
print("ready", flush=True)
steps = 0
while not os.path.exists(sys.argv[1]):
    steps += 1
    mapped[100:108] = steps.to_bytes(8, "little")
    time.sleep(0.001)
mapped[5:8], anonymous[4:8] = b"xyz", b"more"
os.pwrite(file.fileno(), b"W", 4096)
child = os.fork()
if child == 0:
    mapped[8:11], anonymous[100:103] = b"kid", b"kid"
    os._exit(0)
os.waitpid(child, 0)
print(mapped[:11], mapped[4096:4097], anonymous[:8], anonymous[100:103])
print(open("shared", "rb").read(11))
"""
NODE = """
const fs = require('fs'), crypto = require('crypto');
let sum = 0, left = 20;
const timer = setInterval(() => {
  for (let i = 0; i < 100000; i++) sum = (sum * 31 + i) % 1000003;
  if (!fs.existsSync(process.argv[1])) { sum = 0; return; }
  console.log(left, sum, crypto.createHash('sha1').update(String(sum)).digest('hex'));
  if (--left === 0) clearInterval(timer);
}, 2);
console.log('ready');
"""


#: Threads, code made meanwhile, and a mapped file of the runtime's.
JAVA = """
import java.util.concurrent.*;
public class Attached {
    public static void main(String[] words) throws Exception {
        var file = new java.io.File(words[0]);
        var pool = Executors.newFixedThreadPool(3);
        System.out.println("ready");
        var done = new java.util.ArrayList<Future<Long>>();
        for (int number = 0; number < 3; number++) {
            long seed = number;
            done.add(pool.submit(() -> {
                long sum = 0;
                for (int left = 100; left > 0; left -= file.exists() ? 1 : 0) {
                    sum = seed;
                    for (int step = 0; step < 100000; step++) sum = sum * 31 + step;
                }
                return sum;
            }));
        }
        for (var one : done) System.out.println(one.get());
        pool.shutdown();
    }
}
"""


class AttachCommand:
    """`reenact attach` while it runs, and what it has said when it has ended."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.said = ""

    def send_signal(self, number: int) -> None:
        """Send it a signal."""
        self._process.send_signal(number)


@contextlib.contextmanager
def running(command: Sequence[str], folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A program that has said that it is ready."""
    with subprocess.Popen(
        command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, bufsize=0
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            yield process
        finally:
            if process.poll() is None:
                process.kill()


@contextlib.contextmanager
def attached(
    reenact: Reenact, process: subprocess.Popen[bytes], trace: Path, *options: str
) -> Iterator[AttachCommand]:
    """The command, once it says that the process is recorded; it is to end by itself."""
    command = [*reenact.command, "attach", *options, "-o", str(trace), str(process.pid)]
    variables = {**os.environ, **reenact.variables}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=variables) as started:
        assert started.stderr is not None
        said = started.stderr.readline()
        assert said.startswith(f"reenact: recording process {process.pid};"), said
        attaching = AttachCommand(started)
        yield attaching
        rest = started.communicate(timeout=120)[1]
        attaching.said = said + rest
        assert started.returncode == 0, rest
        assert "reenact: recorded in" in rest


def natively(command: Sequence[str], folder: Path, file: Path) -> tuple[int, bytes]:
    file.touch()
    ended = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, timeout=120, check=False)
    file.unlink()
    return ended.returncode, ended.stdout.removeprefix(b"ready\n")
