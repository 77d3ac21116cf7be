# ruff: noqa: E501 (programs as they are given to an interpreter)
"""Python programs to record: each uses one part of the interpreter and prints what it finds."""

from __future__ import annotations

PROGRAMS: dict[str, str] = {
    "startup": "print(1)",
    "json": """
import json
data = [{"n": i, "text": "x" * (i % 50), "f": i / 7, "list": list(range(i % 9))} for i in range(3000)]
text = json.dumps(data, indent=1, sort_keys=True)
assert json.loads(text) == data
print(len(text), hash(text) & 0xffffffff)
""",
    "regex": """
import re
text = " ".join(f"user{i}@host{i % 13}.example.org {i:08x}" for i in range(4000))
print(len(re.findall(r"(\\w+)@([\\w.]+)", text)), re.sub(r"0+([1-9a-f])", r"<\\1>", text)[:80])
print(len(re.split(r"[@. ]", text)), bool(re.search(r"(?=.*1f)(\\w)\\1\\1", text)))
""",
    "sqlite3": """
import sqlite3
base = sqlite3.connect("base.db")
base.execute("create table t(a integer primary key, b text)")
with base:
    base.executemany("insert into t(b) values (?)", ((f"row {i}",) for i in range(5000)))
base.create_function("back", 1, lambda text: text[::-1])
print(base.execute("select count(*), max(back(b)) from t where a % 3 = 0").fetchone())
""",
    "hashlib": """
import hashlib, hmac, zlib
for name in sorted(hashlib.algorithms_guaranteed - {"shake_128", "shake_256"}):
    print(name, hashlib.new(name, b"reenact" * 5000).hexdigest()[:16])
print(hashlib.pbkdf2_hmac("sha256", b"word", b"salt", 3000).hex()[:16], zlib.crc32(b"x" * 10000))
""",
    "random": """
import random, secrets, os, uuid
print(random.random(), random.randrange(10**12), secrets.token_hex(8), os.urandom(8).hex(), uuid.uuid4())
random.seed(5)
print(random.sample(range(1000), 5), random.gauss(0, 1))
""",
    "time": """
import time, datetime
print(time.time(), time.monotonic_ns(), time.perf_counter(), time.process_time(), time.thread_time_ns())
for _ in range(20000): time.time()
time.sleep(0.05)
print(datetime.datetime.now().isoformat(), time.strftime("%Z %c"), time.get_clock_info("time").resolution)
""",
    "subprocess": """
import subprocess
print(subprocess.run(["sh", "-c", "cat; echo err >&2; exit 3"], input=b"given", capture_output=True))
print(subprocess.check_output("echo $((6 * 7)) | rev", shell=True, text=True).strip())
first = subprocess.Popen(["seq", "1", "1000"], stdout=subprocess.PIPE)
print(subprocess.check_output(["wc", "-c"], stdin=first.stdout), first.wait())
try: subprocess.run(["sleep", "5"], timeout=0.1)
except subprocess.TimeoutExpired: print("timed out")
try: subprocess.run(["/nonexistent"])
except FileNotFoundError as error: print(error)
""",
    "socket": """
import os, selectors, socket
listener = socket.create_server(("127.0.0.1", 0))
if os.fork() == 0:
    with socket.create_connection(listener.getsockname()) as client:
        for i in range(200): client.sendall(b"%05d" % i); assert client.recv(5) == b"%05d" % i
    os._exit(0)
chosen = selectors.DefaultSelector()
server, _ = listener.accept(); server.setblocking(False)
chosen.register(server, selectors.EVENT_READ)
total = 0
while True:
    chosen.select()
    data = server.recv(4096)
    if not data: break
    total += sum(data); server.sendall(data)
print(total, os.wait()[1], socket.getaddrinfo("127.0.0.1", 80, type=socket.SOCK_STREAM)[0][4])
""",
    "fork": """
import os, sys
ends = os.pipe()
children = []
for i in range(12):
    child = os.fork()
    if child == 0:
        os.write(ends[1], f"{i:02} {sum(range(i * 1000))}\\n".encode()); os._exit(i)
    children.append(child)
print([os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children])
print(sorted(os.read(ends[0], 4096).decode().split("\\n")))
""",
    "signals": """
import os, signal, time
seen = []
signal.signal(signal.SIGUSR1, lambda number, frame: seen.append(number))
signal.signal(signal.SIGALRM, lambda number, frame: seen.append(number))
for _ in range(10): os.kill(os.getpid(), signal.SIGUSR1)
signal.setitimer(signal.ITIMER_REAL, 0.05, 0.05)
signal.pause()
signal.setitimer(signal.ITIMER_REAL, 0.02, 0.02)
while len(seen) < 20: time.sleep(0.01)
signal.setitimer(signal.ITIMER_REAL, 0)
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR2]); os.kill(os.getpid(), signal.SIGUSR2)
print(seen[:11], signal.sigwait([signal.SIGUSR2]))
child = os.fork()
if child == 0: time.sleep(60)
os.kill(child, signal.SIGTERM); print(os.waitstatus_to_exitcode(os.wait()[1]))
""",
    "ctypes": """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
@ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_int), ctypes.POINTER(ctypes.c_int))
def compare(a, b): return a[0] - b[0]
values = (ctypes.c_int * 200)(*[i * 7919 % 211 for i in range(200)])
libc.qsort(values, 200, ctypes.sizeof(ctypes.c_int), compare)
print(list(values)[:10], libc.close(-1), ctypes.get_errno(), libc.getpid() > 0)
""",
    "loops": """
def collatz(n):
    steps = 0
    while n != 1: n, steps = (n // 2 if n % 2 == 0 else 3 * n + 1), steps + 1
    return steps
print(max(map(collatz, range(1, 4000))))
primes = [n for n in range(2, 5000) if all(n % d for d in range(2, int(n ** 0.5) + 1))]
print(len(primes), sum(primes), 7 ** 5000 % 10 ** 9, sum(i * 0.5 for i in range(100000)))
""",
    "files": """
import glob, os, pathlib, shutil, tempfile, mmap, zipfile, pickle
place = pathlib.Path("made"); place.mkdir()
for i in range(200): (place / f"{i}.txt").write_text(f"file {i}\\n" * (i % 20))
print(len(glob.glob("made/*1*.txt")), sum(f.stat().st_size for f in place.iterdir()))
with zipfile.ZipFile("made.zip", "w", zipfile.ZIP_DEFLATED) as archive:
    for f in sorted(place.iterdir()): archive.write(f)
print(len(zipfile.ZipFile("made.zip").namelist()))
with open("map", "w+b") as file:
    file.truncate(100000)
    with mmap.mmap(file.fileno(), 0) as view: view[500:505] = b"hello"; print(view.find(b"hello"))
    file.seek(500); print(file.read(5))
pickle.dump(list(range(1000)), open("p", "wb")); print(len(pickle.load(open("p", "rb"))))
shutil.rmtree(place); print(os.listdir() != [])
""",
    "imports": """
import asyncio, collections, concurrent.futures, decimal, email, http.client, logging, unittest, urllib.request, xml.dom.minidom
print(decimal.Decimal(2).sqrt(), xml.dom.minidom.parseString("<a><b/></a>").toxml())
print(asyncio.run(asyncio.wait_for(asyncio.sleep(0.01, "slept"), 5)))
""",
    "crash": "import ctypes; print('so far', flush=True); ctypes.string_at(0)",
    "exception": "import sys; sys.setrecursionlimit(2000)\ndef f(n): return f(n + 1)\nf(0)",
}

#: Those whose output differs from run to run.
VARYING = frozenset({"random", "time"})
