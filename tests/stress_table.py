"""stress-ng's stressors of processors, futexes, signals and threads; those left out, and why."""

from __future__ import annotations

COMPUTING = (
    *(
        "atomic",
        "branch",
        "bsearch",
        "context",
        "cpu",
        "crypt",
        "fp",
        "funccall",
        "funcret",
        "hash",
    ),
    *("heapsort", "hsearch", "jpeg", "judy", "list", "longjmp", "lsearch", "matrix", "matrix-3d"),
    *("mergesort", "nop", "prefetch", "qsort", "radixsort", "regs", "shellsort", "skiplist"),
    *("sparsematrix", "str", "stream", "tree", "tsearch", "vecfp", "vecmath", "vecshuf"),
    *("vecwide", "wcs", "goto", "zlib"),
)
FUTEXES = ("futex", "mutex", "sem", "switch", "yield", "eventfd", "race-sched")
SIGNALS = (
    *("alarm", "hrtimers", "itimer", "kill", "nanosleep", "sigabrt", "sigchld", "sigfd", "sigfpe"),
    *("sigio", "signal", "signest", "sigpending", "sigpipe", "sigq", "sigrt", "sigsegv"),
    *("sigsuspend", "sigtrap", "timer"),
)
THREADS = ("pthread",)
MEMORY = (
    *("clone", "dup", "exec", "far-branch", "fault", "fork", "madvise", "memfd", "mmap"),
    *("mmapfork", "mremap", "vfork", "vm-segv"),
)

STRESSORS = (*COMPUTING, *FUTEXES, *SIGNALS, *THREADS, *MEMORY)
#: What keeps them small.
SIZES = {"memfd": ("--memfd-bytes", "16m"), "mmap": ("--mmap-bytes", "16m")}

#: For every test run, with the rounds after which they end.
QUICK = {
    "context": 200,
    "futex": 20,
    "mutex": 5000,
    "pthread": 200,
    "qsort": 2,
    "sigq": 5000,
    "sigsegv": 500,
    "switch": 5000,
    "timer": 3000,
    "vecmath": 20,
}

#: Not exact or not supported yet.
LEFT_OUT = {
    "opcode": "runs random bytes: far returns, int1 and more that the translator refuses",
}
