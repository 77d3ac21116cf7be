# ruff: noqa: E501 (programs as they are given to an interpreter)
"""Real programs with threads or interrupted computation, in the quick and the full size."""

from __future__ import annotations

from pathlib import Path

import inputs
from program_table import Prepare, Program

JAVASCRIPT = """
function fib(n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }
const words = new Map(); let x = 1;
for (let i = 0; i < SIZE; i++) { x = (x * 1103515245 + 12345) % 2147483648; words.set(x % 997, (words.get(x % 997) || 0) + 1); }
console.log(fib(24), words.size, JSON.stringify([...words.entries()].sort((a, b) => b[1] - a[1] || a[0] - b[0]).slice(0, 3)));
class Point { constructor(a, b) { this.a = a; this.b = b; } length() { return Math.hypot(this.a, this.b); } }
let sum = 0; for (let i = 0; i < SIZE; i++) sum += new Point(i, i + 1).length(); console.log(sum.toFixed(3));
try { null.field; } catch (error) { console.log(error.message); }
"""

WORKERS = """
const { Worker, isMainThread, parentPort, workerData } = require('worker_threads');
if (isMainThread) {
  let left = 3; const sums = [];
  for (let i = 0; i < 3; i++) {
    const worker = new Worker(__filename, { workerData: i });
    worker.on('message', (m) => { sums[i] = m; if (--left === 0) console.log(sums.join(' ')); });
  }
} else { let s = 0; for (let i = 0; i < SIZE; i++) s = (s * 31 + i * workerData) % 1000003; parentPort.postMessage(s); }
"""

GO = """
package main

import (
	"fmt"
	"os"
	"runtime"
	"sync"
	"time"
)

func spin(n int) uint64 {
	x := uint64(n)
	for i := 0; i < SIZE; i++ {
		x = x*6364136223846793005 + 1442695040888963407
	}
	return x
}

func main() {
	runtime.GOMAXPROCS(2)
	var group sync.WaitGroup
	var lock sync.Mutex
	sum := uint64(0)
	channel := make(chan int, 3)
	for i := 0; i < 8; i++ {
		group.Add(1)
		go func(i int) {
			defer group.Done()
			value := spin(i)
			lock.Lock()
			sum += value
			lock.Unlock()
			for j := range channel {
				if j%50 == 0 {
					os.ReadFile("/proc/self/stat")
					time.Sleep(time.Millisecond)
				}
			}
		}(i)
	}
	for j := 0; j < 400; j++ {
		channel <- j
	}
	close(channel)
	group.Wait()
	defer func() { fmt.Println("recovered:", recover() != nil) }()
	fmt.Println(sum)
	var nothing *int
	*nothing = 1
}
"""

JAVA = """
import java.util.*; import java.util.concurrent.*; import java.util.stream.*;
public class Main {
    static int depth(int n) { return n == 0 ? 0 : 1 + depth(n - 1); }
    public static void main(String[] arguments) throws Exception {
        ExecutorService pool = Executors.newFixedThreadPool(3);
        List<Future<Long>> sums = new ArrayList<>();
        for (int i = 0; i < 6; i++) { final int n = i; sums.add(pool.submit(() -> { long s = n; for (int j = 0; j < SIZE; j++) s = s * 31 + j; return s; })); }
        for (Future<Long> sum : sums) System.out.println(sum.get());
        pool.shutdown();
        Map<Integer, String> map = new TreeMap<>(); for (int i = 0; i < SIZE / 10; i++) map.put(i * 7919 % 10007, "v" + i);
        System.out.println(map.size() + " " + IntStream.range(0, 100000).parallel().mapToLong(i -> i * i % 7).sum());
        byte[][] garbage = new byte[50][]; for (int i = 0; i < SIZE / 50; i++) garbage[i % 50] = new byte[10000];
        int caught = 0; for (int i = 0; i < 2000; i++) { try { String s = i % 2 == 0 ? null : "x"; caught += s.length(); } catch (NullPointerException e) { caught += 2; } }
        try { depth(10000000); } catch (StackOverflowError e) { System.out.println("too deep " + caught); }
        Thread thread = new Thread(() -> { try { Thread.sleep(100000); } catch (InterruptedException e) { System.out.println("interrupted"); } });
        thread.start(); Thread.sleep(20); thread.interrupt(); thread.join();
    }
}
"""

SMALL_JAVA = """
public class Main { public static void main(String[] arguments) { for (String word : arguments) System.out.println("hello " + word); } }
"""

PYTHON_THREADS = """
import concurrent.futures, queue, threading, time
def work(n):
    total = 0
    for i in range(n): total += i * i % 7
    return total
with concurrent.futures.ThreadPoolExecutor(4) as pool: print(sum(pool.map(work, [20000] * 8)))
tasks, done = queue.Queue(3), []
def consume():
    while (item := tasks.get()) is not None: done.append(item * 2); time.sleep(0.0005)
threads = [threading.Thread(target=consume) for _ in range(3)]
for thread in threads: thread.start()
for i in range(60): tasks.put(i)
for _ in threads: tasks.put(None)
for thread in threads: thread.join()
event, local = threading.Event(), threading.local()
threading.Timer(0.02, event.set).start()
print(sorted(done) == [2 * i for i in range(60)], event.wait(5), hasattr(local, "x"))
"""

ASYNCIO = """
import asyncio, threading
async def handle(reader, writer):
    while line := await reader.readline(): writer.write(line.upper()); await writer.drain()
    writer.close()
async def main():
    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async def ask(n):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for i in range(20): writer.write(f"line {n} {i}\\n".encode()); assert (await reader.readline()) == f"LINE {n} {i}\\n".encode()
        writer.close()
    await asyncio.gather(*(ask(n) for n in range(5)))
    print(await asyncio.gather(*(asyncio.to_thread(sum, range(n * 10000)) for n in range(6))))
    future = asyncio.get_running_loop().create_future()
    threading.Thread(target=lambda: asyncio.run_coroutine_threadsafe(set_it(future), loop).result()).start()
    print(await future)
async def set_it(future): future.set_result("from a thread")
async def run():
    global loop; loop = asyncio.get_running_loop(); await main()
asyncio.run(run())
"""


HTTP_SERVER = """
const http = require('http');
const server = http.createServer((request, response) => {
  const n = Number(request.url.slice(1));
  response.setHeader('Content-Type', 'application/json');
  response.end(JSON.stringify({ double: 2 * n, now: Date.now(), random: Math.random() }));
  if (request.url === '/end') { server.close(); request.socket.end(); }
}).listen(process.argv[2]);
"""


def _file(name: str, text: str, quick: int, full: int) -> Prepare:
    def prepare(folder: Path, is_full: bool) -> None:
        (folder / name).write_text(text.replace("SIZE", str(full if is_full else quick)))

    return prepare


def _text(folder: Path, full: bool) -> None:
    (folder / "text").write_bytes(inputs.text(20_000_000 if full else 1_500_000))


def _lines(folder: Path, full: bool) -> None:
    (folder / "lines").write_bytes(inputs.lines(1_000_000 if full else 50_000))


THREADED: tuple[Program, ...] = (
    Program("python_threads", ["python3", "-c", PYTHON_THREADS]),
    Program("python_asyncio", ["python3", "-c", ASYNCIO]),
    Program(
        "xz_threads",
        ["xz", "-T2", "-3", "-k", "--block-size=300000", "text"],
        prepare=_text,
        makes=["text.xz"],
        timeout=400,
    ),
    Program("pigz", ["pigz", "-p2", "-k", "-n", "text"], prepare=_text, makes=["text.gz"]),
    Program(
        "zstd", ["zstd", "-q", "-T2", "-B300000", "-k", "text"], prepare=_text, makes=["text.zst"]
    ),
    Program(
        "sort_parallel",
        ["sort", "--parallel=3", "-S", "1M", "lines"],
        prepare=_lines,
        variables={"LC_ALL": "C"},
    ),
    Program(
        "node",
        ["node", "main.js"],
        prepare=_file("main.js", JAVASCRIPT, 100_000, 5_000_000),
        timeout=300,
    ),
    Program(
        "node_workers",
        ["node", "main.js"],
        prepare=_file("main.js", WORKERS, 100_000, 5_000_000),
        timeout=300,
    ),
)

#: Modules of CPython's own test suite that use threads or signals, or a part of one, as `-m` takes
#: it; some tests watch the clock or the memory in ways that a loaded machine disturbs, and are run
#: in the full size. With its pools of processes `test_concurrent_futures` takes minutes natively.
TEST_MODULES = (
    "test_threading",
    "test_signal",
    "test_queue",
    "test_thread",
    "test_concurrent_futures *ThreadPool*",
    "test_concurrent_futures",
)
