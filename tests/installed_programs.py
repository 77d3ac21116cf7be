# ruff: noqa: E501 (programs as they are given to an interpreter)
"""The table of programs that a machine may have: interpreters, compilers, servers, tools."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import skips
from program_table import Prepare, Program
from threaded_programs import JAVA

SOURCES = Path(__file__).resolve().parent / "programs"
#: Where Debian puts programs that are not on an ordinary user's PATH.
PLACES = "/usr/sbin:/usr/lib/postgresql/15/bin:/usr/lib/rabbitmq/bin"


@dataclass(frozen=True)
class Installed:
    """One row: a program, and what must be installed for it, each a program or a file.

    `everywhere` says that it is small enough for the quick tier. With `as_user` false it needs root
    or files of root's.
    """

    program: Program
    needs: Sequence[str] = ()
    everywhere: bool = False
    as_user: bool = True

    @property
    def name(self) -> str:
        """The program's."""
        return self.program.name

    def skip_without(self) -> None:
        """Skip the running test when something that is needed is not here."""
        for what in self.needs:
            if what.startswith("/"):
                if not Path(what).exists():
                    skips.skip(skips.Reason.NO_FILE, what)
            elif shutil.which(what) is None and shutil.which(what, path=PLACES) is None:
                skips.skip(skips.Reason.NO_PROGRAM, what)


def _copied(*names: str) -> Prepare:
    def prepare(folder: Path, full: bool) -> None:
        for name in names:
            shutil.copy(SOURCES / name, folder / name)

    return prepare


def _built(source: str, *options: str) -> Prepare:
    def prepare(folder: Path, full: bool) -> None:
        command = ["gcc", "-O2", "-o", "program", str(SOURCES / source), *options]
        subprocess.run(command, cwd=folder, check=True, timeout=120)

    return prepare


def _written(name: str, text: str) -> Prepare:
    def prepare(folder: Path, full: bool) -> None:
        (folder / name).write_text(text)

    return prepare


def _dotnet(folder: Path, full: bool) -> None:
    shutil.copy(SOURCES / "main.cs", folder)
    framework = {"name": "Microsoft.NETCore.App", "version": "3.1.0"}
    without_languages = {"System.Globalization.Invariant": True}
    options = {"framework": framework, "rollForward": "LatestMajor"}
    wanted = {"runtimeOptions": {**options, "configProperties": without_languages}}
    (folder / "main.runtimeconfig.json").write_text(json.dumps(wanted))


def _java(folder: Path, full: bool) -> None:
    (folder / "Main.java").write_text(JAVA.replace("SIZE", "2000000" if full else "200000"))
    subprocess.run(["javac", "Main.java"], cwd=folder, check=True, timeout=300)


#: Servers that do not run as root.
_ORDINARY = (
    ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups") if os.getuid() == 0 else ()
)


def _script(name: str, *arguments: str) -> list[str]:
    return ["bash", str(SOURCES / name), *arguments]


def _shell(text: str) -> list[str]:
    return ["bash", "-c", text]


ERLANG = 'io:format("~p~n", [lists:sum([X*X || X <- lists:seq(1,100000)])]), P = self(), [spawn(fun() -> P ! {I, lists:foldl(fun(A,B) -> (A*31+B) rem 1000003 end, 0, lists:seq(1,5000))} end) || I <- lists:seq(1,20)], R = [receive {I, V} -> V end || I <- lists:seq(1,20)], io:format("~p~n", [erlang:phash2(R)]), halt().'
R = "set.seed(1); x <- rnorm(20000); y <- 2*x + rnorm(20000); print(coef(lm(y~x))); m <- matrix(runif(10000),100); print(sum(solve(m) %*% m)); print(head(sort(table(sample(letters,1000,TRUE)))));"
OCTAVE = "A = magic(100); [q,r] = qr(A); disp(rank(A)); disp(norm(q*r-A) < 1e-6); x = linspace(0,1,1000); printf('%.8f\\n', trapz(x, sin(x))); disp(sum(primes(10000)))"
NUMPY = "import numpy as np; r = np.random.default_rng(1); a = r.random((300, 300)); print(round(float(np.linalg.slogdet(a @ a.T)[1]), 4)); print(round(float(np.linalg.svd(a[:100, :100])[1].sum()), 5)); print(np.fft.fft(a[0]).real.sum().round(6)); print(np.sort(a.ravel())[:3])"
LEARN = "from sklearn.datasets import make_classification as make; from sklearn.ensemble import RandomForestClassifier as Forest; from sklearn.cluster import KMeans; X, y = make(500, 10, random_state=1); print(Forest(10, random_state=0, n_jobs=2).fit(X, y).score(X, y)); print(round(KMeans(3, n_init=1, random_state=0).fit(X).inertia_, 3))"
LUA = "local t = {} for i = 1, 100000 do local k = i * 7919 % 997 t[k] = (t[k] or 0) + i end local s = 0 for k, v in pairs(t) do s = s + v end print(s) local c = coroutine.wrap(function() for i = 1, 3 do coroutine.yield(i) end end) print(c(), c(), c()) print(string.format('%.6f', math.sin(1))) print(io.popen('echo child'):read('*a'))"
RUBY = "h = Hash.new(0); 100000.times { |i| h[i * 7919 % 997] += i }; puts h.size, h.values.sum; p 4.times.map { |i| Thread.new { (1..20000).reduce(i) { |a, b| (a * 31 + b) % 1000003 } } }.map(&:value); puts `echo child`; f = Fiber.new { Fiber.yield 1; 2 }; p f.resume, f.resume; GC.start; p 2**200"
PHP = "$a = []; for ($i = 0; $i < 100000; $i++) @$a[$i * 7919 % 997] += $i; ksort($a); echo count($a), ' ', array_sum($a), ' ', md5(serialize($a)), \"\\n\"; echo preg_replace('/o+/', '0', 'foo boo'), shell_exec('echo child'), json_encode(['a' => 1.5]), \"\\n\";"
PHP_JIT = 'function f($n) { $s = 0; for ($i = 0; $i < $n; $i++) $s = ($s * 31 + $i) % 1000003; return $s; } echo f(500000), "\\n";'
_PHP_SETTINGS = (
    *("-d", "opcache.enable_cli=1", "-d", "opcache.jit_buffer_size=64M"),
    *("-d", "opcache.jit=tracing"),
)
GUILE = "(use-modules (ice-9 threads) (srfi srfi-1)) (define (f n) (if (< n 2) n (+ (f (- n 1)) (f (- n 2))))) (display (f 20)) (newline) (display (par-map f '(10 12 14 16))) (newline) (display (fold + 0 (iota 10000))) (newline) (display (expt 3 200)) (newline)"
LISP = '(progn (defun fib (n) (if (< n 2) n (+ (fib (- n 1)) (fib (- n 2))))) (compile (quote fib)) (print (fib 20)) (let ((h (make-hash-table))) (dotimes (i 50000) (incf (gethash (mod (* i 7919) 997) h 0) i)) (print (hash-table-count h))) (sb-ext:gc :full t) (print (handler-case (error "x") (error (e) (format nil "~a" e)))) (print (mapcar (function sb-thread:join-thread) (loop for i below 3 collect (let ((i i)) (sb-thread:make-thread (lambda () (fib (+ i 10)))))))) (terpri))'
OCAML = 'let rec fib n = if n < 2 then n else fib (n - 1) + fib (n - 2)\nmodule M = Map.Make (Int)\nlet () = let m = ref M.empty in for i = 1 to 50000 do m := M.update (i * 7919 mod 997) (function None -> Some i | Some x -> Some (x + i)) !m done; Printf.printf "%d %d %d\\n" (fib 20) (M.cardinal !m) (M.fold (fun _ v a -> v + a) !m 0); (try ignore (Array.get [| 1 |] 5) with Invalid_argument s -> print_endline s)\n'
EMACS = '(progn (require (quote cl-lib)) (with-temp-buffer (dotimes (i 5000) (insert (format "%d\\n" (* i 7919)))) (sort-lines nil (point-min) (point-max)) (princ (md5 (buffer-string)))) (princ (cl-reduce (function +) (number-sequence 1 1000))) (terpri))'
RACKET = "(displayln (for/sum ([i 100000]) (modulo (* i 7919) 997))) (displayln (map touch (list (future (lambda () (* 6 7))) (future (lambda () 1)))))"
PROLOG = "findall(X, (between(1, 1000, X), X mod 7 =:= 0), L), sum_list(L, S), writeln(S), concurrent_maplist([X, Y] >> (Y is X * X), [1, 2, 3], R), writeln(R)"
PYPY = "s = 0\nfor i in range(1000000): s = (s * 31 + i) % 1000003\nprint(s)\nimport threading\nr = []\nt = [threading.Thread(target=lambda n=n: r.append(sum(range(n)))) for n in (1000, 20000)]\n[x.start() for x in t]; [x.join() for x in t]\nprint(sorted(r))"
TEX = r"\documentclass{article}\begin{document}\section{One}Hello $x^2+\int_0^1 f$. \newpage Two.\end{document}"
FFMPEG = "ffmpeg -hide_banner -loglevel error -f lavfi -i testsrc=size=320x240:rate=25:duration=1 -c:v libx264 -threads 2 -preset fast -bitexact a.mkv && ffmpeg -hide_banner -loglevel error -i a.mkv -f framemd5 -bitexact - | md5sum"
GDAL = "gdal_create -of GTiff -outsize 200 200 -bands 1 -burn 7 -a_srs EPSG:4326 -a_ullr 0 10 10 0 a.tif && gdalinfo -checksum a.tif | tail -n 3 && gdalwarp -q -t_srs EPSG:3857 a.tif b.tif && gdalinfo -checksum b.tif | tail -n 2"
RSYNC = "mkdir s; for i in $(seq 60); do seq $i $((i * 3)) >s/$i; done; rsync -a s/ d/; seq 5 >s/7; rsync -acv s/ d/ | grep -v -e sec -e speedup; diff -r s d && echo same"
CARGO = '[package]\nname = "hello"\nversion = "0.1.0"\nedition = "2021"\n'
RUST = 'use std::{collections::BTreeMap, thread};\nfn main() {\n    let mut m = BTreeMap::new();\n    for i in 0u64..50000 { *m.entry(i * 7919 % 997).or_insert(0) += i; }\n    println!("{} {}", m.len(), m.values().sum::<u64>());\n    let all: Vec<_> = (0..4).map(|i| thread::spawn(move || (0..100000u64).fold(i, |a, b| a * 31 % 1000003 + b))).collect();\n    for one in all { println!("{}", one.join().unwrap()); }\n}\n'


def _crate(folder: Path, full: bool) -> None:
    (folder / "src").mkdir()
    (folder / "Cargo.toml").write_text(CARGO)
    (folder / "src" / "main.rs").write_text(RUST)


def _collector(name: str) -> Installed:
    command = ["java", "-Xmx128m", f"-XX:+Use{name}GC", "Main"]
    return Installed(
        Program(f"java_{name.lower()}", command, prepare=_java, timeout=200), ["java", "javac"]
    )


INSTALLED: tuple[Installed, ...] = (
    # Interpreters and compilers with runtimes of their own.
    Installed(Program("erlang", ["erl", "-noshell", "-eval", ERLANG]), ["erl"], everywhere=True),
    Installed(Program("lua", ["lua5.4", "-e", LUA]), ["lua5.4"], everywhere=True),
    Installed(Program("luajit", ["luajit", "-e", LUA]), ["luajit"], everywhere=True),
    Installed(Program("ruby", ["ruby", "-e", RUBY]), ["ruby"], everywhere=True),
    Installed(Program("php", ["php", "-r", PHP]), ["php"], everywhere=True),
    Installed(
        Program(
            "php_jit",
            ["php", "-d", "zend_extension=opcache", *_PHP_SETTINGS, "-r", PHP_JIT],
        ),
        ["php"],
        everywhere=True,
    ),
    Installed(
        Program(
            "sbcl",
            ["sbcl", "--noinform", "--non-interactive", "--no-userinit", "--eval", LISP],
        ),
        ["sbcl"],
        everywhere=True,
    ),
    Installed(Program("guile", ["guile", "--no-auto-compile", "-c", GUILE]), ["guile"]),
    Installed(Program("r", ["R", "--vanilla", "--slave", "-e", R]), ["R"]),
    Installed(Program("octave", ["octave-cli", "--norc", "--eval", OCTAVE]), ["octave-cli"]),
    Installed(
        Program(
            "ghc",
            _shell(
                "ghc -v0 -O -threaded -rtsopts main.hs -o program && ./program && ./program +RTS -N2"
            ),
            prepare=_copied("main.hs"),
            timeout=300,
        ),
        ["ghc"],
    ),
    Installed(
        Program(
            "ocaml",
            _shell("ocamlopt -o m m.ml && ./m && ocamlc -o b m.ml && ./b && ocaml m.ml"),
            prepare=_written("m.ml", OCAML),
        ),
        ["ocamlopt"],
    ),
    Installed(
        Program(
            "mono",
            _shell("mcs main.cs && mono main.exe"),
            prepare=_copied("main.cs"),
            timeout=200,
        ),
        ["mono", "mcs"],
    ),
    Installed(
        Program(
            "dotnet",
            _shell("mcs -out:main.dll main.cs && dotnet main.dll"),
            prepare=_dotnet,
            timeout=200,
        ),
        ["dotnet", "mcs"],
    ),
    Installed(
        Program(
            "cargo",
            _shell("cargo build --quiet --offline && ./target/debug/hello"),
            prepare=_crate,
            timeout=300,
        ),
        ["cargo"],
        as_user=False,
    ),
    *map(_collector, ("Serial", "Parallel", "G1", "Z", "Shenandoah")),
    # Threads that compute together.
    Installed(
        Program(
            "openmp",
            _shell("./program 500"),
            _shell("./program 2000"),
            prepare=_built("openmp.c", "-fopenmp"),
            timeout=200,
        ),
        ["gcc"],
        everywhere=True,
    ),
    Installed(
        Program("numpy", ["/usr/bin/python3", "-c", NUMPY]),
        ["/usr/lib/python3/dist-packages/numpy"],
    ),
    Installed(
        Program("scikit_learn", ["/usr/bin/python3", "-c", LEARN], timeout=300),
        ["/usr/lib/python3/dist-packages/sklearn"],
    ),
    # Databases and servers.
    Installed(
        Program("lmdb", _shell("./program"), prepare=_built("lmdb.c", "-llmdb")),
        ["gcc", "/usr/include/lmdb.h"],
        everywhere=True,
    ),
    Installed(
        Program("lmdb_written_map", _shell("./program w"), prepare=_built("lmdb.c", "-llmdb")),
        ["gcc", "/usr/include/lmdb.h"],
        everywhere=True,
    ),
    Installed(
        Program("mariadb", [*_ORDINARY, *_script("mariadb.sh")], timeout=300),
        ["mariadb-install-db", "mariadbd", "setpriv"],
    ),
    Installed(Program("sqlite_two_processes", _script("sqlite.sh")), ["sqlite3"]),
    Installed(Program("nginx", _script("nginx.sh")), ["nginx", "curl", "openssl"], everywhere=True),
    Installed(
        Program("apache", _script("apache.sh"), timeout=200), ["apache2", "curl"], as_user=False
    ),
    Installed(Program("ssh", _script("ssh.sh")), ["sshd", "ssh"], as_user=False),
    Installed(
        Program("redis_threads", _script("redis.sh", "5000"), timeout=300),
        ["redis-server", "redis-benchmark"],
    ),
    Installed(
        Program("rabbitmq", _script("rabbitmq.sh"), timeout=400),
        ["rabbitmq-server", "rabbitmqctl"],
        as_user=False,
    ),
    # Tools.
    Installed(Program("tmux", _script("tmux.sh"), timeout=200), ["tmux"], everywhere=True),
    Installed(Program("rsync", _shell(RSYNC)), ["rsync"], everywhere=True),
    Installed(
        Program(
            "vim",
            _shell(
                "seq 2000 >f; vim -u NONE -i NONE -es -c '%s/1/one/g' -c 'g/5/d' -c 'sort!' -c 'wq' f; md5sum f"
            ),
        ),
        ["vim"],
    ),
    Installed(Program("emacs", ["emacs", "-Q", "--batch", "--eval", EMACS]), ["emacs"]),
    Installed(
        Program(
            "gnuplot",
            [
                "gnuplot",
                "-e",
                "set terminal dumb; plot sin(x)/x; set terminal svg; set output 'a.svg'; splot x**2-y**2",
            ],
            makes=["a.svg"],
        ),
        ["gnuplot"],
    ),
    Installed(Program("ffmpeg", _shell(FFMPEG), timeout=200), ["ffmpeg"]),
    Installed(Program("gdal", _shell(GDAL)), ["gdal_create"]),
    Installed(
        Program(
            "pdflatex",
            _shell("pdflatex -interaction=batchmode a.tex >/dev/null; grep Output a.log"),
            prepare=_written("a.tex", TEX),
        ),
        ["pdflatex"],
    ),
    Installed(Program("wine", _script("wine.sh"), timeout=400), ["wine"]),
    # More of these kinds.
    *(
        Installed(Program(name, _script("small_servers.sh", name), timeout=200), [program, client])
        for name, program, client in (
            ("mosquitto", "mosquitto", "mosquitto_sub"),
            ("haproxy", "haproxy", "curl"),
        )
    ),
    Installed(
        Program(
            "mpi",
            _shell("mpicc -O1 -o program mpi.c && mpirun --oversubscribe -np 2 ./program"),
            prepare=_copied("mpi.c"),
            variables={"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"},
            timeout=200,
        ),
        ["mpicc", "mpirun"],
    ),
    Installed(
        Program("pandoc", _shell(r"printf '# One\n\n* a\n* b *c*\n' | pandoc -t html")), ["pandoc"]
    ),
    Installed(
        Program(
            "fakeroot", _shell("fakeroot sh -c 'touch a; chown 5:6 a; stat -c %u:%g a; id -u'")
        ),
        ["fakeroot"],
    ),
    Installed(Program("racket", ["racket", "-e", RACKET]), ["racket"]),
    Installed(Program("swipl", ["swipl", "-g", PROLOG, "-t", "halt"]), ["swipl"]),
    Installed(Program("pypy", ["pypy3", "-c", PYPY]), ["pypy3"]),
    Installed(
        Program("qemu_user", _shell("qemu-x86_64 /bin/sh -c 'echo $((6 * 7)); /bin/true'")),
        ["qemu-x86_64"],
    ),
)
